//! `logs`.

use kafka2oss_proto::{Count, v1};

use super::entries;
use crate::args::{LogsArgs, Severity, TailArgs};
use crate::client::{Client, Failure, names, text};
use crate::output;

pub(super) async fn run(client: &Client, args: LogsArgs) -> Result<(), Failure> {
    let LogsArgs { tail: TailArgs { name, follow, lines, which }, severity } = args;
    let severities: Vec<_> = severity.into_iter().flat_map(at_least).collect();
    let selection = entries::selection(which.filter, &severities);
    let request = v1::TailLogsRequest {
        parent: names::connector(&name.name, name.instance.as_deref())?.to_string(),
        lines: lines.map(Count::to_wire),
        no_follow: !follow,
        filter: selection.filter.clone(),
        since: which.since.map(entries::to_wire),
    };
    let opened = client.connectors().tail_logs(request).await;
    let mut stream = opened.map_err(|status| selection.failure(status))?.into_inner();
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

/// Filters of which each means one severity, this one and those that are worse.
fn at_least(severity: Severity) -> impl Iterator<Item = String> {
    let all = [(Severity::Info, "INFO"), (Severity::Warn, "WARN"), (Severity::Error, "ERROR")];
    let worse = all.into_iter().filter(move |(one, _)| *one >= severity);
    worse.map(|(_, name)| format!("severity = {name}"))
}

/// One line of a log.
pub(in crate::client) fn log_line(entry: &v1::LogEntry) -> String {
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
    fn a_severity_means_what_is_worse_too() {
        let warn: Vec<_> = at_least(Severity::Warn).collect();
        assert_eq!(warn, ["severity = WARN", "severity = ERROR"]);
    }

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
