//! `validate`: the checks of a preflight, as they come in.

use kafka2oss_proto::v1;
use kafka2oss_proto::v1::validate_connector_response::Event;

use super::create::target;
use super::spec;
use crate::args::{ConnectorFlags, FieldFlags, PreviewArgs};
use crate::client::{Client, Failure, names, text};

pub(super) async fn run(client: &Client, args: PreviewArgs) -> Result<(), Failure> {
    let mut stream = client.connectors().validate_connector(request(args)?).await?.into_inner();
    let mut summary = None;
    while let Some(answer) = stream.message().await? {
        if client.is_json() {
            client.print_json_line(&answer)?;
        }
        match answer.event {
            Some(Event::Check(check)) if !client.is_json() => {
                for line in lines(&check) {
                    client.out.line(line)?;
                }
            }
            Some(Event::Summary(last)) => summary = Some(last),
            Some(Event::Check(_)) | None => {}
        }
    }
    let Some(summary) = summary else {
        return Err(Failure::Failed("the checks ended before all of them were told".to_owned()));
    };
    if !client.is_json() {
        client.out.line(format_args!("\n{}", sum(&summary)))?;
    }
    match summary.status() {
        v1::PreflightStatus::Fail => {
            let failed = text::plural(summary.failed, "check");
            Err(Failure::Failed(format!("{failed} failed")))
        }
        _ => Ok(()),
    }
}

/// Without flags the connector of this name as it is, else one as they describe it.
fn request(args: PreviewArgs) -> Result<v1::ValidateConnectorRequest, Failure> {
    let PreviewArgs { name, instance, connector: flags } = args;
    let has_file = flags.file.is_some();
    let connector = spec::build(flags)?;
    let without_flags = ConnectorFlags { file: None, fields: FieldFlags::default() };
    let empty = spec::build(without_flags)?;
    if let Some(name) = name.as_deref().filter(|_| !has_file && connector == empty) {
        let name = names::connector(name, instance.as_deref())?.to_string();
        return Ok(v1::ValidateConnectorRequest { name, ..Default::default() });
    }
    let (parent, connector_id) = target(name, instance.as_deref(), &connector)?;
    let connector = Some(connector);
    Ok(v1::ValidateConnectorRequest { name: String::new(), parent, connector_id, connector })
}

/// One check, and what helps where something is wrong.
fn lines(check: &v1::PreflightCheck) -> Vec<String> {
    let v1::PreflightCheck { name, subject, status: _, code, detail, remedy } = check;
    let subject = if subject.is_empty() { String::new() } else { format!("{subject}: ") };
    let code = if code.is_empty() { String::new() } else { format!("{code}: ") };
    let first = format!("{:<7}  {name:<28}  {subject}{code}{detail}", word(check.status()));
    let remedy = (!remedy.is_empty()).then(|| format!("{:<7}  remedy: {remedy}", ""));
    std::iter::once(first).chain(remedy).collect()
}

fn word(status: v1::PreflightStatus) -> &'static str {
    status.as_str_name().trim_start_matches("PREFLIGHT_STATUS_")
}

fn sum(summary: &v1::PreflightSummary) -> String {
    let v1::PreflightSummary { status: _, passed, skipped, warned, failed, agent } = summary;
    let by = if agent.is_empty() { String::new() } else { format!(" ({agent})") };
    format!("{passed} passed, {skipped} skipped, {warned} warned, {failed} failed{by}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_a_line_and_a_second_one_where_something_helps() {
        let mut check = v1::PreflightCheck {
            name: "kafka.topic".to_owned(),
            subject: "orders".to_owned(),
            status: v1::PreflightStatus::Pass.into(),
            detail: "it has 3 partitions".to_owned(),
            ..Default::default()
        };
        let passed = "PASS     kafka.topic                   orders: it has 3 partitions";
        assert_eq!(lines(&check), [passed]);
        check.set_status(v1::PreflightStatus::Fail);
        check.code = "KAFKA_TOPIC_NOT_FOUND".to_owned();
        check.detail = "it is not there".to_owned();
        check.remedy = "Create it.".to_owned();
        let failed = "FAIL     kafka.topic                   orders: KAFKA_TOPIC_NOT_FOUND: it is \
                      not there";
        assert_eq!(lines(&check), [failed, "         remedy: Create it."]);
    }

    #[test]
    fn the_summary_names_who_has_checked() {
        let mut summary = v1::PreflightSummary { passed: 3, failed: 1, ..Default::default() };
        assert_eq!(sum(&summary), "3 passed, 0 skipped, 0 warned, 1 failed");
        summary.agent = "agents/a".to_owned();
        assert!(sum(&summary).ends_with("1 failed (agents/a)"));
    }

    #[test]
    fn a_name_alone_is_a_connector_that_exists() {
        let args = |flags: &[&str]| {
            use clap::Parser;
            let words = ["kafka2oss", "connectors", "validate", "i/sink"];
            let words = words.iter().chain(flags);
            let cli = crate::args::Cli::try_parse_from(words).expect("it parses");
            let crate::args::Command::Connectors(args) = cli.command else { panic!("another") };
            let crate::args::ConnectorsCommand::Validate(args) = args.command else {
                panic!("another")
            };
            request(*args).expect("a request")
        };
        let existing = args(&[]);
        assert_eq!(existing.name, "instances/i/connectors/sink");
        assert!(existing.connector.is_none());
        let planned = args(&["--topic", "orders"]);
        assert_eq!((planned.name.as_str(), planned.parent.as_str()), ("", "instances/i"));
        assert_eq!(planned.connector_id, "sink");
        assert!(planned.connector.is_some());
    }
}
