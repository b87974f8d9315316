//! `progress`.

use std::collections::BTreeMap;

use comfy_table::Table;
use kafka2oss_proto::v1;
use v1::watch_connectors_response::Event;

use crate::args::{ListFlags, NameArgs};
use crate::client::live::{self, Change};
use crate::client::watching::{self, Lines};
use crate::client::{Client, Failure, Selection, names, text};
use crate::output;

pub(super) async fn run(client: &Client, args: NameArgs, is_watched: bool) -> Result<(), Failure> {
    let name = names::connector(&args.name, args.instance.as_deref())?.to_string();
    if is_watched {
        return watch(client, name).await;
    }
    let request = client.request(v1::GetConnectorProgressRequest { name });
    let progress = client.connectors().get_connector_progress(request).await?.into_inner();
    if client.is_json() {
        return client.print_json(&progress);
    }
    client.out.table(&table(&progress.partitions, client.is_wide()))?;
    Ok(client.out.line(format_args!("\nTotal lag: {}", text::count(progress.total_lag)))?)
}

/// Follows the connector as it is now, up to its end.
async fn watch(client: &Client, name: String) -> Result<(), Failure> {
    let request = client.request(v1::GetConnectorRequest { name });
    let connector = client.connectors().get_connector(request).await?.into_inner();
    let one = [format!("uid = {}", connector.uid)];
    let selection = Selection::new(ListFlags::default(), &one);
    let request = v1::WatchConnectorsRequest {
        parent: connector.name.split("/connectors/").next().unwrap_or_default().to_owned(),
        resume_token: String::new(),
        include_partitions: true,
        filter: selection.filter.clone(),
    };
    let open = async |resume_token| {
        let request = v1::WatchConnectorsRequest { resume_token, ..request.clone() };
        client.connectors().watch_connectors(request).await
    };
    if client.is_live() {
        let table = |rows: &BTreeMap<String, Vec<v1::PartitionProgress>>| {
            table(rows.values().flatten(), client.is_wide())
        };
        return live::show(client, &selection, open, token, change, table).await;
    }
    if !client.is_json() {
        client.out.line(header())?;
    }
    let mut lines = Lines::default();
    let take = |message: v1::WatchConnectorsResponse| {
        if client.is_json() {
            return client.print_json_line(&message);
        }
        let Change::Upsert(_, partitions) = change(message)? else { return Ok(()) };
        partitions.iter().try_for_each(|partition| {
            lines.print(client, partition.partition.to_string(), line(partition))
        })
    };
    watching::follow(&selection, open, token, take, watching::note_lost).await
}

fn token(message: &v1::WatchConnectorsResponse) -> &str {
    &message.resume_token
}

/// A connector that is gone ends it.
fn change(
    message: v1::WatchConnectorsResponse,
) -> Result<Change<Vec<v1::PartitionProgress>>, Failure> {
    Ok(match message.event {
        Some(Event::Upsert(connector)) => {
            let status = connector.status.unwrap_or_default();
            Change::Upsert(connector.name, status.partitions)
        }
        Some(Event::Deleted(deleted)) => return Err(Failure::Gone(names::short(&deleted.name))),
        Some(Event::Reset(())) => Change::Reset,
        Some(Event::Synced(())) => Change::Synced,
        Some(Event::Heartbeat(())) | None => Change::Nothing,
    })
}

fn header() -> String {
    format!(
        "{:<8}  {:<9}  {:<8}  {:>12}  {:>12}  {:>9}  {}",
        "TIME", "PARTITION", "STATE", "END", "COMMITTED", "LAG", "LAST OBJECT"
    )
}

fn line(partition: &v1::PartitionProgress) -> String {
    format!(
        "{:<9}  {:<8}  {:>12}  {:>12}  {:>9}  {}",
        partition.partition,
        text::partition_state(partition.state),
        text::optional(partition.end_offset),
        text::optional(partition.committed_offset),
        text::optional(partition.lag.map(text::count)),
        text::or_none(&partition.last_object),
    )
}

const COLUMNS: [&str; 10] = [
    "PARTITION",
    "STATE",
    "SINCE",
    "OWNER",
    "END",
    "COMMITTED",
    "LAG",
    "LAST CONSUMED",
    "LAST OBJECT",
    "ERROR",
];

/// What a wide table has behind the other columns.
const MORE: [&str; 6] =
    ["POSITION", "OLDEST UNWRITTEN", "RECORDS", "OBJECTS", "OBSERVED", "SETTLED"];

/// One row for each partition.
pub(in crate::client) fn table<'a>(
    partitions: impl IntoIterator<Item = &'a v1::PartitionProgress>,
    is_wide: bool,
) -> Table {
    let more: &[&str] = if is_wide { &MORE } else { &[] };
    let mut table = output::table(&[&COLUMNS, more].concat());
    for partition in partitions {
        let owner = match partition.agent.trim_start_matches("agents/") {
            "" => text::NONE.to_owned(),
            agent => format!("{agent}/{}", partition.task_index),
        };
        let error = [partition.error_code.as_str(), partition.error_message.as_str()];
        let error: Vec<_> = error.into_iter().filter(|part| !part.is_empty()).collect();
        let mut row = vec![
            partition.partition.to_string(),
            text::partition_state(partition.state),
            text::age(partition.state_time.as_ref()),
            owner,
            text::optional(partition.end_offset),
            text::optional(partition.committed_offset),
            text::optional(partition.lag.map(text::count)),
            text::age(partition.last_consumed_time.as_ref()),
            text::or_none(&partition.last_object),
            text::or_none(&error.join(": ")),
        ];
        if is_wide {
            row.extend([
                text::optional(partition.position),
                text::age(partition.oldest_unwritten_time.as_ref()),
                text::optional(partition.totals.map(|totals| text::count(totals.records))),
                text::optional(partition.totals.map(|totals| text::count(totals.objects))),
                text::age(partition.observed_time.as_ref()),
                if partition.unsettled { "no" } else { "yes" }.to_owned(),
            ]);
        }
        table.add_row(row);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_watch_stand_under_the_header() {
        let line = line(&v1::PartitionProgress {
            partition: 3,
            state: v1::PartitionState::Running.into(),
            lag: Some(1_000),
            last_object: "t/3/o".to_owned(),
            ..Default::default()
        });
        let line = format!("12:00:00  {line}");
        let column = |name: &str| header().find(name).expect("a column");
        assert!(line[column("PARTITION")..].starts_with("3 "), "{line}");
        assert!(line[column("STATE")..].starts_with("RUNNING"), "{line}");
        assert!(line[..column("LAG") + "LAG".len()].ends_with("1,000"), "{line}");
        assert!(line[column("LAST OBJECT")..].starts_with("t/3/o"), "{line}");
    }

    #[test]
    fn what_is_not_known_of_a_partition_is_a_dash() {
        let progress = v1::ConnectorProgress {
            partitions: vec![
                v1::PartitionProgress {
                    partition: 0,
                    agent: "agents/dev".to_owned(),
                    task_index: 1,
                    end_offset: Some(1_000),
                    committed_offset: Some(900),
                    lag: Some(100),
                    last_object: "t/0/t+0+0.json".to_owned(),
                    state: v1::PartitionState::Running.into(),
                    ..Default::default()
                },
                v1::PartitionProgress {
                    partition: 1,
                    state: v1::PartitionState::Unowned.into(),
                    ..Default::default()
                },
            ],
            total_lag: 100,
        };
        let lines: Vec<_> = table(&progress.partitions, false)
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        assert_eq!(
            lines,
            [
                "PARTITION  STATE    SINCE  OWNER  END   COMMITTED  LAG  LAST CONSUMED  LAST OBJECT     ERROR",
                "0          RUNNING  -      dev/1  1000  900        100  -              t/0/t+0+0.json  -",
                "1          UNOWNED  -      -      -     -          -    -              -               -",
            ]
        );
    }
}
