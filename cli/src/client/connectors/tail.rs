//! `logs` and `dead-letters`.

use kafka2oss_proto::v1;

use crate::args::TailArgs;
use crate::client::{Client, Failure, names, text};
use crate::output;

/// Bytes of a dead letter's value that its line shows.
const PREVIEW: usize = 40;

pub(super) async fn logs(client: &Client, args: TailArgs) -> Result<(), Failure> {
    let request = v1::TailLogsRequest {
        name: names::connector(&args.name.name, args.name.instance.as_deref())?.to_string(),
        lines: args.lines,
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

pub(super) async fn dead_letters(client: &Client, args: TailArgs) -> Result<(), Failure> {
    let request = v1::TailDeadLettersRequest {
        name: names::connector(&args.name.name, args.name.instance.as_deref())?.to_string(),
        count: args.lines,
        no_follow: !args.follow,
    };
    let mut stream = client.connectors().tail_dead_letters(request).await?.into_inner();
    while let Some(message) = stream.message().await? {
        if message.dropped > 0 {
            let events = text::plural(message.dropped, "event");
            output::note(format_args!("({events} dropped; the records are in the error topic)"));
        }
        for letter in &message.dead_letters {
            if client.is_json() {
                client.print_json_line(letter)?;
            } else {
                client.out.line(dead_letter_line(letter))?;
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

fn dead_letter_line(letter: &v1::DeadLetter) -> String {
    format!(
        "{}  {} partition={} offset={} -> {} partition={} offset={}  {}: {}  value={} \"{}\"",
        text::time_millis(letter.time.as_ref()),
        letter.topic,
        letter.partition,
        letter.offset,
        letter.error_topic,
        letter.error_partition,
        letter.error_offset,
        letter.error_code,
        letter.error_message,
        letter.value_size.map_or_else(|| text::NONE.to_owned(), text::bytes),
        text::preview(&letter.value_preview, PREVIEW),
    )
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

    #[test]
    fn a_dead_letter_says_where_it_came_from_where_it_is_and_why() {
        let line = dead_letter_line(&v1::DeadLetter {
            time: TIME,
            topic: "orders".to_owned(),
            partition: 1,
            offset: 7,
            error_code: "RECORD_NOT_UTF8".to_owned(),
            error_message: "the value is not UTF-8".to_owned(),
            error_topic: "connect-error-a".to_owned(),
            error_partition: 2,
            error_offset: 0,
            value_size: Some(3),
            value_preview: vec![0xff, b'a', b'b'],
            ..Default::default()
        });
        assert_eq!(
            line,
            "2020-10-27T06:19:38.478Z  orders partition=1 offset=7 -> connect-error-a \
             partition=2 offset=0  RECORD_NOT_UTF8: the value is not UTF-8  value=3 B \"\\xffab\""
        );
    }
}
