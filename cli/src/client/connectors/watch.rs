//! `watch`.

use std::collections::HashMap;
use std::time::Duration;

use kafka2oss_proto::v1;
use tonic::{Code, Status};
use v1::watch_connectors_response::Event;

use crate::args::{ListFlags, WatchArgs};
use crate::client::{Client, Failure, Selection, names, text};
use crate::output;

const RECONNECT: Duration = Duration::from_secs(1);

pub(super) async fn run(client: &Client, args: WatchArgs) -> Result<(), Failure> {
    let flags = ListFlags { filter: args.filter, ..ListFlags::default() };
    let selection = Selection::new(flags, &[]);
    let mut request = v1::WatchConnectorsRequest {
        parent: names::parent(args.instance.as_deref())?,
        resume_token: String::new(),
        include_partitions: args.partitions,
        filter: selection.filter.clone(),
    };
    if !client.is_json() {
        client.out.line(header())?;
    }
    let mut watch = Watch { connected: false, was_connected: false, lines: HashMap::new() };
    loop {
        let ended = match watch.follow(client, &mut request).await {
            Ok(()) => "the control plane ended the stream".to_owned(),
            // A first connection that fails is told; a lost one is made again
            // and goes on after the last event.
            Err(Failure::Rpc(status)) if watch.was_connected && is_lost(&status) => {
                status.message().to_owned()
            }
            Err(Failure::Rpc(status)) => return Err(selection.failure(*status)),
            Err(failure) => return Err(failure),
        };
        if std::mem::take(&mut watch.connected) {
            output::note(format_args!("connection lost, trying again: {ended}"));
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

fn is_lost(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled)
}

struct Watch {
    /// Since the last loss.
    connected: bool,
    was_connected: bool,
    /// The last line of each connector, without its time.
    lines: HashMap<String, String>,
}

impl Watch {
    async fn follow(
        &mut self,
        client: &Client,
        request: &mut v1::WatchConnectorsRequest,
    ) -> Result<(), Failure> {
        let mut events = client.connectors().watch_connectors(request.clone()).await?.into_inner();
        self.connected = true;
        self.was_connected = true;
        while let Some(message) = events.message().await? {
            if !message.resume_token.is_empty() {
                request.resume_token.clone_from(&message.resume_token);
            }
            if client.is_json() {
                client.print_json_line(&message)?;
            } else {
                self.show(client, message)?;
            }
        }
        Ok(())
    }

    /// Prints a line where it says something new.
    fn show(
        &mut self,
        client: &Client,
        message: v1::WatchConnectorsResponse,
    ) -> Result<(), Failure> {
        let (name, line) = match message.event {
            Some(Event::Upsert(connector)) => {
                let line = line(&connector);
                (connector.name, line)
            }
            Some(Event::Deleted(deleted)) => {
                let what = match deleted.reason() {
                    v1::DropReason::Filtered => "LEFT",
                    v1::DropReason::Unspecified | v1::DropReason::Deleted => "GONE",
                };
                let line = format!("{:<32}  {what}", names::short(&deleted.name));
                (deleted.name, line)
            }
            Some(Event::Reset(()) | Event::Synced(()) | Event::Heartbeat(())) | None => {
                return Ok(());
            }
        };
        if self.lines.get(&name) != Some(&line) {
            client.out.line(format_args!("{}  {line}", clock()))?;
            self.lines.insert(name, line);
        }
        Ok(())
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

fn clock() -> String {
    jiff::Zoned::now().strftime("%H:%M:%S").to_string()
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
