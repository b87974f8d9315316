//! `watch`.

use std::collections::BTreeMap;

use kafka2oss_proto::v1;
use v1::watch_connectors_response::Event;

use crate::args::{ListFlags, WatchArgs};
use crate::client::live::{self, Change};
use crate::client::watching::{self, Lines};
use crate::client::{Client, Failure, Selection, names, text};

use super::list;

pub(super) async fn run(client: &Client, args: WatchArgs) -> Result<(), Failure> {
    let flags = ListFlags { filter: args.filter, ..ListFlags::default() };
    let selection = Selection::new(flags, &[]);
    let parent = names::parent(args.instance.as_deref())?;
    lines(client, request(parent, &selection, args.partitions), &selection).await
}

fn request(
    parent: String,
    selection: &Selection,
    include_partitions: bool,
) -> v1::WatchConnectorsRequest {
    let (filter, resume_token) = (selection.filter.clone(), String::new());
    v1::WatchConnectorsRequest { parent, resume_token, include_partitions, filter }
}

/// What a list has, as a table that is rewritten in place on a terminal, else as lines.
pub(super) async fn all(
    client: &Client,
    parent: String,
    selection: &Selection,
) -> Result<(), Failure> {
    let request = request(parent, selection, false);
    if !client.is_live() {
        return lines(client, request, selection).await;
    }
    let open = async |resume_token| {
        let request = v1::WatchConnectorsRequest { resume_token, ..request.clone() };
        client.connectors().watch_connectors(request).await
    };
    let change = |message: v1::WatchConnectorsResponse| {
        Ok(match message.event {
            Some(Event::Upsert(connector)) => Change::Upsert(connector.name.clone(), connector),
            Some(Event::Deleted(deleted)) => Change::Drop(deleted.name),
            Some(Event::Reset(())) => Change::Reset,
            Some(Event::Synced(())) => Change::Synced,
            Some(Event::Heartbeat(())) | None => Change::Nothing,
        })
    };
    let table = |rows: &BTreeMap<_, _>| list::table(rows.values(), client.is_wide());
    live::show(client, selection, open, |message| &message.resume_token, change, table).await
}

async fn lines(
    client: &Client,
    request: v1::WatchConnectorsRequest,
    selection: &Selection,
) -> Result<(), Failure> {
    if !client.is_json() {
        client.out.line(header())?;
    }
    let open = async |resume_token| {
        let request = v1::WatchConnectorsRequest { resume_token, ..request.clone() };
        client.connectors().watch_connectors(request).await
    };
    let mut lines = Lines::default();
    let take = |message| show(client, &mut lines, message);
    watching::follow(selection, open, |message| &message.resume_token, take, watching::note_lost)
        .await
}

fn show(
    client: &Client,
    lines: &mut Lines,
    message: v1::WatchConnectorsResponse,
) -> Result<(), Failure> {
    if client.is_json() {
        return client.print_json_line(&message);
    }
    match message.event {
        Some(Event::Upsert(connector)) => {
            let line = line(&connector);
            lines.print(client, connector.name, line)
        }
        Some(Event::Deleted(deleted)) => {
            let what = text::dropped(deleted.reason());
            let line = format!("{:<32}  {what}", names::short(&deleted.name));
            lines.print(client, deleted.name, line)
        }
        Some(Event::Reset(()) | Event::Synced(()) | Event::Heartbeat(())) | None => Ok(()),
    }
}

fn header() -> String {
    format!(
        "{:<8}  {:<32}  {:<12}  {:>5}  {:>10}  {:>9}  {:>11}  {:>8}  {}",
        "TIME", "CONNECTOR", "STATE", "TASKS", "PARTITIONS", "LAG", "RECORDS", "OBJECTS", "WHY"
    )
}

fn line(connector: &v1::Connector) -> String {
    let status = connector.status.clone().unwrap_or_default();
    let totals = status.totals.unwrap_or_default();
    let why = why(&status);
    let line = format!(
        "{:<32}  {:<12}  {:>5}  {:>10}  {:>9}  {:>11}  {:>8}  {why}",
        names::short(&connector.name),
        text::connector_state(status.state),
        format!("{}/{}", status.tasks_ready, status.tasks_desired),
        status.partitions_assigned,
        text::optional(status.total_lag.map(text::count)),
        text::count(totals.records),
        text::count(totals.objects),
    );
    line.trim_end().to_owned()
}

/// The first thing that is not as it should be.
fn why(status: &v1::ConnectorStatus) -> String {
    let unmet = status.conditions.iter().find(|condition| {
        condition.status() == v1::ConditionStatus::False && !condition.message.is_empty()
    });
    unmet
        .map(|condition| format!("{}: {}", condition.reason, condition.message))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_under_the_header_and_say_what_is_wrong() {
        let line = line(&v1::Connector {
            name: "instances/dev/connectors/a".to_owned(),
            status: Some(v1::ConnectorStatus {
                state: v1::ConnectorState::Failed.into(),
                tasks_desired: 2,
                total_lag: Some(7),
                conditions: vec![v1::Condition {
                    status: v1::ConditionStatus::False.into(),
                    reason: "STORE_UNREACHABLE".to_owned(),
                    message: "no route".to_owned(),
                    ..Default::default()
                }],
                ..Default::default()
            }),
            ..Default::default()
        });

        let line = format!("12:00:00  {line}");
        let column = |name: &str| header().find(name).expect("a column");
        assert!(line[column("CONNECTOR")..].starts_with("dev/a"), "{line}");
        assert!(line[column("STATE")..].starts_with("FAILED"), "{line}");
        assert!(line[column("WHY")..].starts_with("STORE_UNREACHABLE: no route"), "{line}");
        assert!(line[..column("LAG") + "LAG".len()].ends_with('7'), "{line}");
    }
}
