//! `update`.

use kafka2oss_proto::v1;

use super::spec;
use crate::args::UpdateArgs;
use crate::client::{Client, Failure, names};

pub(super) async fn run(client: &Client, args: UpdateArgs) -> Result<(), Failure> {
    let request = request(args)?;
    let paths = request.update_mask.as_ref().map(|mask| mask.paths.join(", ")).unwrap_or_default();
    let connector =
        client.connectors().update_connector(client.request(request)).await?.into_inner();
    if client.is_json() {
        return client.print_json(&connector);
    }
    Ok(client.out.line(format_args!("{} updated: {paths}", names::short(&connector.name)))?)
}

/// Only what is named by a flag is in the mask, and so is changed.
fn request(args: UpdateArgs) -> Result<v1::UpdateConnectorRequest, Failure> {
    let UpdateArgs { name, etag, defaults, fields, repeat } = args;
    let name = names::connector(&name.name, name.instance.as_deref())?.to_string();
    let (connector, mut paths) = spec::changes(fields)?;
    // What is in the mask and not in the connector becomes its default.
    paths.extend(defaults);
    if paths.is_empty() {
        return Err(Failure::Usage("say by flags what is to change, see --help".to_owned()));
    }
    Ok(v1::UpdateConnectorRequest {
        connector: Some(v1::Connector { name, etag: etag.unwrap_or_default(), ..connector }),
        update_mask: Some(prost_types::FieldMask { paths }),
        request_id: repeat.id(),
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command, ConnectorsArgs, ConnectorsCommand};
    use crate::client::json;
    use clap::Parser;
    use serde_json::json;

    fn asked(flags: &[&str]) -> Result<(serde_json::Value, Vec<String>), Failure> {
        let args = ["kafka2oss", "connectors", "update", "dev/a"].iter().chain(flags);
        let cli = Cli::try_parse_from(args).expect("it parses");
        let Command::Connectors(ConnectorsArgs {
            command: ConnectorsCommand::Update(update), ..
        }) = cli.command
        else {
            panic!("another command")
        };
        let request = request(*update)?;
        let connector = json::encode(&request.connector.expect("a connector"));
        Ok((connector, request.update_mask.expect("a mask").paths))
    }

    #[test]
    fn the_mask_names_what_flags_name_and_nothing_else() {
        let flags = ["--etag=e", "--format=json-lines", "--max-age=2s", "--spread=3"];
        let (connector, paths) = asked(&flags).expect("it is built");
        assert_eq!(
            paths,
            ["spec.source.spread", "spec.output.format", "spec.output.rotation.max_age"]
        );
        assert_eq!(
            connector,
            json!({"name": "instances/dev/connectors/a", "etag": "e", "spec": {
                "source": {"spread": 3},
                "destination": {},
                "output": {"format": "OUTPUT_FORMAT_JSON_LINES", "rotation": {"maxAge": "2s"}},
            }})
        );
    }

    #[test]
    fn what_is_set_to_nothing_is_in_the_mask_too() {
        let flags = ["--include-headers=false", "--hash-prefix=false", "--prefix="];
        let (connector, paths) = asked(&flags).expect("it is built");
        assert_eq!(
            paths,
            [
                "spec.output.include_headers",
                "spec.output.layout.prefix",
                "spec.output.layout.hash_prefix"
            ]
        );
        assert_eq!(connector["spec"], json!({"source": {}, "destination": {}}));
    }

    #[test]
    fn folders_of_time_are_taken_away_as_a_whole() {
        let (_, paths) = asked(&["--time-buckets=none"]).expect("it is built");
        assert_eq!(paths, ["spec.output.layout.time_buckets"]);
        let (connector, paths) =
            asked(&["--time-buckets=hive", "--time-zone=Asia/Shanghai"]).expect("it is built");
        assert_eq!(
            paths,
            ["spec.output.layout.time_buckets.style", "spec.output.layout.time_buckets.time_zone"]
        );
        assert_eq!(
            connector["spec"]["output"]["layout"]["timeBuckets"],
            json!({"style": "TIME_BUCKET_STYLE_HIVE", "timeZone": "Asia/Shanghai"})
        );
    }

    #[test]
    fn a_field_goes_back_to_its_default_by_its_path() {
        let (connector, paths) =
            asked(&["--default=spec.output.rotation.max_records", "--label=a=b"]).expect("built");
        assert_eq!(paths, ["labels", "spec.output.rotation.max_records"]);
        assert_eq!(connector["labels"], json!({"a": "b"}));
    }

    #[test]
    fn an_update_of_nothing_is_not_sent() {
        assert_eq!(asked(&["--etag=e"]).expect_err("it is refused").exit_status(), 2);
    }
}
