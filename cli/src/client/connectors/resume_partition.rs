//! `resume-partition`.

use kafka2oss_proto::v1;

use crate::args::ResumePartitionArgs;
use crate::client::{Client, Failure, names};

pub(super) async fn run(client: &Client, args: ResumePartitionArgs) -> Result<(), Failure> {
    let ResumePartitionArgs { name, partition, retry, skip: _, offset, repeat } = args;
    let action = if retry { v1::ResumeAction::Retry } else { v1::ResumeAction::Skip };
    let request = client.request(v1::ResumePartitionRequest {
        name: names::connector(&name.name, name.instance.as_deref())?.to_string(),
        partition: Some(partition),
        action: action.into(),
        offset,
        request_id: repeat.id(),
        ..Default::default()
    });
    let connector = client.connectors().resume_partition(request).await?.into_inner();
    if client.is_json() {
        return client.print_json(&connector);
    }
    let what = match offset {
        Some(offset) => format!("goes on without offset {offset}"),
        None => "tries again".to_owned(),
    };
    let name = names::short(&connector.name);
    Ok(client.out.line(format_args!("partition {partition} of {name} {what}"))?)
}

/// The command lines that let a stopped partition go on: always a retry, and
/// leaving out the record where it is one that it has stopped at.
pub(in crate::client) fn commands(name: &str, partition: &v1::PartitionProgress) -> Vec<String> {
    let retry = format!(
        "kafka2oss connectors resume-partition {} --partition {}",
        names::short(name),
        partition.partition
    );
    let mut commands = vec![format!("{retry} --retry")];
    // The codes of records; another remedy is needed where the store or Kafka
    // is in the way.
    if let Some(offset) = partition.position
        && partition.error_code.starts_with("RECORD_")
    {
        commands.push(format!("{retry} --skip --offset {offset}"));
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Cli;
    use clap::Parser;

    fn stopped(error_code: &str, position: Option<i64>) -> v1::PartitionProgress {
        v1::PartitionProgress {
            partition: 3,
            position,
            error_code: error_code.to_owned(),
            ..Default::default()
        }
    }

    #[test]
    fn only_a_record_can_be_left_out_and_only_at_a_known_offset() {
        for (error_code, position, count) in [
            ("RECORD_NOT_UTF8", Some(7), 2),
            ("RECORD_NOT_UTF8", None, 1),
            ("STORE_OBJECT_FOREIGN", Some(7), 1),
        ] {
            let commands = commands("instances/dev/connectors/a", &stopped(error_code, position));
            assert_eq!(commands.len(), count, "{commands:?}");
        }
    }

    #[test]
    fn the_commands_are_what_this_program_takes() {
        for command in commands("instances/dev/connectors/a", &stopped("RECORD_TOO_LARGE", Some(7)))
        {
            Cli::try_parse_from(command.split(' ')).expect(&command);
        }
    }

    #[test]
    fn a_decision_is_asked_for_whole() {
        let parse = |flags: &[&str]| {
            let args = ["kafka2oss", "connectors", "resume-partition", "dev/a"];
            Cli::try_parse_from(args.iter().chain(flags))
        };
        for flags in [
            &["--partition=1"][..],
            &["--retry"],
            &["--partition=1", "--skip"],
            &["--partition=1", "--retry", "--offset=7"],
            &["--partition=1", "--retry", "--skip", "--offset=7"],
        ] {
            assert!(parse(flags).is_err(), "{flags:?}");
        }
        assert!(parse(&["--partition=1", "--retry"]).is_ok());
    }
}
