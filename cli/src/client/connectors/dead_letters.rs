//! `dead-letters`.

use comfy_table::Table;
use kafka2oss_proto::{Count, v1};

use super::entries;
use crate::args::{DeadLettersArgs, TailArgs};
use crate::client::{Client, Failure, names, paging, text};
use crate::output;

/// Bytes of a dead letter's value that its line shows.
const PREVIEW: usize = 40;

pub(super) async fn list(client: &Client, args: DeadLettersArgs) -> Result<(), Failure> {
    let DeadLettersArgs { name, which } = args;
    let parent = names::connector(&name.name, name.instance.as_deref())?.to_string();
    let since: Vec<_> = which.since.map(|time| format!("time >= {time}")).into_iter().collect();
    let selection = entries::selection(which.filter, &since);
    let dead_letters = paging::all(async |page_token| {
        let request = client.request(v1::ListDeadLettersRequest {
            parent: parent.clone(),
            page_size: paging::PAGE_SIZE,
            page_token,
            filter: selection.filter.clone(),
        });
        let page = client.connectors().list_dead_letters(request).await?.into_inner();
        Ok((page.dead_letters, page.next_page_token))
    })
    .await
    .map_err(|status| selection.failure(status))?;
    if client.is_json() {
        let all = v1::ListDeadLettersResponse { dead_letters, ..Default::default() };
        return client.print_json(&all);
    }
    Ok(client.out.table(&table(&dead_letters, client.is_wide()))?)
}

pub(super) async fn tail(client: &Client, args: TailArgs) -> Result<(), Failure> {
    let TailArgs { name, follow, lines, which } = args;
    let selection = entries::selection(which.filter, &[]);
    let request = v1::TailDeadLettersRequest {
        parent: names::connector(&name.name, name.instance.as_deref())?.to_string(),
        count: lines.map(Count::to_wire),
        no_follow: !follow,
        filter: selection.filter.clone(),
        since: which.since.map(entries::to_wire),
    };
    let opened = client.connectors().tail_dead_letters(request).await;
    let mut stream = opened.map_err(|status| selection.failure(status))?.into_inner();
    while let Some(message) = stream.message().await? {
        if message.dropped > 0 {
            let events = text::plural(message.dropped, "event");
            output::note(format_args!("({events} dropped; the records are in the error topic)"));
        }
        for letter in &message.dead_letters {
            if client.is_json() {
                client.print_json_line(letter)?;
            } else {
                client.out.line(line(letter))?;
            }
        }
    }
    Ok(())
}

const COLUMNS: [&str; 8] =
    ["TIME", "PARTITION", "OFFSET", "ERROR TOPIC", "PARTITION", "OFFSET", "ERROR", "VALUE"];

/// One row for each.
pub(in crate::client) fn table(letters: &[v1::DeadLetter], is_wide: bool) -> Table {
    // What a wide table has behind the other columns.
    let more: &[&str] = if is_wide { &["TOPIC", "TIMESTAMP"] } else { &[] };
    let mut table = output::table(&[&COLUMNS, more].concat());
    for letter in letters {
        let mut row = vec![
            text::time_millis(letter.time.as_ref()),
            letter.partition.to_string(),
            letter.offset.to_string(),
            letter.error_topic.clone(),
            letter.error_partition.to_string(),
            letter.error_offset.to_string(),
            format!("{}: {}", letter.error_code, letter.error_message),
            value(letter),
        ];
        if is_wide {
            row.extend([letter.topic.clone(), text::time_millis(letter.timestamp.as_ref())]);
        }
        table.add_row(row);
    }
    table
}

fn line(letter: &v1::DeadLetter) -> String {
    format!(
        "{}  {} partition={} offset={} -> {} partition={} offset={}  {}: {}  value={}",
        text::time_millis(letter.time.as_ref()),
        letter.topic,
        letter.partition,
        letter.offset,
        letter.error_topic,
        letter.error_partition,
        letter.error_offset,
        letter.error_code,
        letter.error_message,
        value(letter),
    )
}

/// Size and first bytes; no value has neither.
fn value(letter: &v1::DeadLetter) -> String {
    match letter.value_size {
        Some(size) => {
            format!("{} \"{}\"", text::bytes(size), text::preview(&letter.value_preview, PREVIEW))
        }
        None => text::NONE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_types::Timestamp;

    const TIME: Option<Timestamp> = Some(Timestamp { seconds: 1_603_779_578, nanos: 478_000_000 });

    #[test]
    fn a_dead_letter_says_where_it_came_from_where_it_is_and_why() {
        let line = line(&v1::DeadLetter {
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

    #[test]
    fn a_record_without_a_value_has_no_size_and_no_preview() {
        let table = table(
            &[v1::DeadLetter {
                time: TIME,
                partition: 1,
                offset: 7,
                error_topic: "connect-error-a".to_owned(),
                error_code: "RECORD_NOT_UTF8".to_owned(),
                error_message: "the key is not UTF-8".to_owned(),
                ..Default::default()
            }],
            false,
        );
        let last = table.lines().last().expect("a row");
        assert!(last.contains("RECORD_NOT_UTF8: the key is not UTF-8  -"), "{last}");
    }
}
