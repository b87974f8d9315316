//! One connector: what it should do, how it stands, and what was told of it last.

use comfy_table::Table;
use kafka2oss_proto::v1;
use serde_json::{Value, json};
use v1::PartitionState;

use super::{Part, part, section, to_json};
use crate::client::connectors::{dead_letter_table, log_line, progress_table};
use crate::client::describe::{self, Section};
use crate::client::{Client, Failure, json as messages, names, text};

const MOST_PARTITIONS: usize = 20;
const LOG_LINES: i32 = 10;
const DEAD_LETTERS: i32 = 5;

/// All that the page has in it.
struct Seen {
    connector: v1::Connector,
    progress: Part<v1::ConnectorProgress>,
    /// The newest warnings and errors, the newest first.
    warnings: Part<Vec<v1::LogEntry>>,
    /// The newest lines of any kind, the newest first.
    lines: Part<Vec<v1::LogEntry>>,
    dead_letters: Part<Vec<v1::DeadLetter>>,
}

pub(super) async fn run(client: &Client, name: String) -> Result<(), Failure> {
    let request = client.request(v1::GetConnectorRequest { name: name.clone() });
    let connector = client.connectors().get_connector(request).await?.into_inner();
    if client.print_names(std::iter::once(name.as_str()))? {
        return Ok(());
    }
    let (progress, warnings, lines, dead_letters) = tokio::join!(
        progress(client, &name),
        log(client, &name, "severity = WARN OR severity = ERROR"),
        log(client, &name, ""),
        dead_letters(client, &name),
    );
    let seen = Seen { connector, progress, warnings, lines, dead_letters };
    if client.is_json() {
        return client.print_value(&all(&seen));
    }
    let (properties, sections) = page(seen);
    describe::print(client, &properties, &sections)
}

async fn progress(client: &Client, name: &str) -> Part<v1::ConnectorProgress> {
    let request = client.request(v1::GetConnectorProgressRequest { name: name.to_owned() });
    part(client.connectors().get_connector_progress(request).await).map(tonic::Response::into_inner)
}

async fn log(client: &Client, name: &str, filter: &str) -> Part<Vec<v1::LogEntry>> {
    let request = client.request(v1::ListLogsRequest {
        parent: name.to_owned(),
        page_size: LOG_LINES,
        filter: filter.to_owned(),
        ..Default::default()
    });
    part(client.connectors().list_logs(request).await).map(|page| page.into_inner().entries)
}

async fn dead_letters(client: &Client, name: &str) -> Part<Vec<v1::DeadLetter>> {
    let request = client.request(v1::ListDeadLettersRequest {
        parent: name.to_owned(),
        page_size: DEAD_LETTERS,
        ..Default::default()
    });
    let page = client.connectors().list_dead_letters(request).await;
    part(page).map(|page| page.into_inner().dead_letters)
}

fn all(seen: &Seen) -> Value {
    let entries = |entries: &Vec<v1::LogEntry>| entries.iter().map(messages::encode).collect();
    let letters = |letters: &Vec<v1::DeadLetter>| letters.iter().map(messages::encode).collect();
    json!({
        "connector": messages::encode(&seen.connector),
        "progress": to_json(&seen.progress, messages::encode),
        "warnings": to_json(&seen.warnings, entries),
        "log": to_json(&seen.lines, entries),
        "deadLetters": to_json(&seen.dead_letters, letters),
    })
}

fn page(mut seen: Seen) -> (Table, Vec<Section>) {
    if let (Some(status), Ok(progress)) = (&mut seen.connector.status, &seen.progress) {
        status.partitions.clone_from(&progress.partitions);
    }
    let (properties, mut sections) = describe::connector(&seen.connector);
    let short = names::short(&seen.connector.name);
    sections.extend(partitions(&seen.progress));
    sections.extend(lines("Warnings and errors", &seen.warnings));
    sections.extend(lines("Last lines of its log", &seen.lines));
    let title = match seen.connector.status.as_ref().and_then(|status| status.totals) {
        Some(totals) if totals.dead_letters > 0 => {
            format!("Last dead letters ({} in all)", text::count(totals.dead_letters))
        }
        _ => "Last dead letters".to_owned(),
    };
    sections
        .extend(section(title, &seen.dead_letters, |letters| dead_letter_table(letters, false)));
    let more = [
        format!("kafka2oss connectors progress {short}"),
        format!("kafka2oss connectors logs {short} --follow"),
        format!("kafka2oss connectors dead-letters list {short}"),
    ];
    sections.push(Section::lines("More".to_owned(), more.to_vec()));
    (properties, sections)
}

/// The worst ones, and how many more there are.
fn partitions(progress: &Part<v1::ConnectorProgress>) -> Option<Section> {
    let all = progress.as_ref().map_or(0, |progress| progress.partitions.len());
    let title = match all {
        0..=MOST_PARTITIONS => "Partitions".to_owned(),
        _ => format!("Partitions (the worst {MOST_PARTITIONS} of {all})"),
    };
    section(title, progress, |progress| {
        let mut worst: Vec<_> = progress.partitions.iter().collect();
        worst.sort_by_key(|seen| {
            (rank(seen.state()), std::cmp::Reverse(seen.lag.unwrap_or(0)), seen.partition)
        });
        progress_table(worst.into_iter().take(MOST_PARTITIONS), false)
    })
}

/// What stands still comes first.
fn rank(state: PartitionState) -> u8 {
    match state {
        PartitionState::Stopped => 0,
        PartitionState::Stalled => 1,
        PartitionState::Retrying => 2,
        PartitionState::Unknown | PartitionState::Unspecified => 3,
        PartitionState::Unowned => 4,
        PartitionState::Paused => 5,
        PartitionState::Running => 6,
    }
}

/// In the order of their times, as a log is read.
fn lines(title: &str, entries: &Part<Vec<v1::LogEntry>>) -> Option<Section> {
    let lines = match entries {
        Ok(entries) if entries.is_empty() => return None,
        Ok(entries) => entries.iter().rev().map(log_line).collect(),
        Err(words) => vec![format!("not known: {words}")],
    };
    Some(Section::lines(title.to_owned(), lines))
}

#[cfg(test)]
mod tests;
