//! `logs`.

use kafka2oss_proto::{Count, v1};

use crate::args::TailArgs;
use crate::client::{Client, Failure, names, text};
use crate::output;

pub(super) async fn run(client: &Client, args: TailArgs) -> Result<(), Failure> {
    let request = v1::TailLogsRequest {
        parent: names::connector(&args.name.name, args.name.instance.as_deref())?.to_string(),
        lines: args.lines.map(Count::to_wire),
        no_follow: !args.follow,
    };
    let mut stream = client.connectors().tail_logs(request).await?.into_inner();
    while let Some(message) = stream.message().await? {
        if message.dropped > 0 {
            output::note(format_args!("({} dropped)", text::plural(message.dropped, "line")));
        }
        for entry in &message.entries {
            if client.is_json() {
                client.print_json_line(entry)?;
            } else {
                client.out.line(log_line(entry))?;
            }
        }
    }
    Ok(())
}

fn log_line(entry: &v1::LogEntry) -> String {
    let mut line = format!(
        "{}  {:<5}  {}",
        text::time_millis(entry.time.as_ref()),
        text::log_severity(entry.severity),
        entry.message
    );
    let mut fields = Vec::new();
    if !entry.error_code.is_empty() {
        fields.push(format!("code={}", entry.error_code));
    }
    if !entry.agent.is_empty() {
        fields.push(format!("agent={}", entry.agent.trim_start_matches("agents/")));
    }
    fields.extend(entry.task_index.map(|index| format!("task={index}")));
    fields.extend(entry.partition.map(|partition| format!("partition={partition}")));
    fields.extend(entry.offset.map(|offset| format!("offset={offset}")));
    if !fields.is_empty() {
        line = format!("{line}  {}", fields.join(" "));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_types::Timestamp;

    const TIME: Option<Timestamp> = Some(Timestamp { seconds: 1_603_779_578, nanos: 478_000_000 });

    #[test]
    fn a_log_line_has_its_fields_after_the_message() {
        let line = log_line(&v1::LogEntry {
            time: TIME,
            severity: v1::LogSeverity::Warn.into(),
            agent: "agents/a-1".to_owned(),
            task_index: Some(0),
            partition: Some(3),
            error_code: "STORE_THROTTLED".to_owned(),
            message: "the store asks to wait".to_owned(),
            ..Default::default()
        });
        assert_eq!(
            line,
            "2020-10-27T06:19:38.478Z  WARN   the store asks to wait  \
             code=STORE_THROTTLED agent=a-1 task=0 partition=3"
        );
    }
}
