//! The connector's status, live.

use anyhow::anyhow;
use kafka2oss_proto::{Count, v1};
use tonic::Streaming;
use tonic::transport::Channel;
use v1::connector_service_client::ConnectorServiceClient;
use v1::watch_connectors_response::Event;

use super::super::screen::Screen;
use super::super::services::{INSTANCE, failed};
use crate::client::text;

/// Prints a line for each status that differs from the one before.
pub(super) struct Follower {
    screen: Screen,
    name: String,
    events: Streaming<v1::WatchConnectorsResponse>,
    last: String,
    records: u64,
    was_deleted: bool,
}

impl Follower {
    pub(super) async fn start(
        screen: Screen,
        channel: &Channel,
        name: &str,
    ) -> anyhow::Result<Self> {
        let events = watch(channel).await?;
        let (name, last) = (name.to_owned(), String::new());
        Ok(Self { screen, name, events, last, records: 0, was_deleted: false })
    }

    /// Follows for ever, or until something ends it.
    pub(super) async fn follow(&mut self) -> anyhow::Error {
        loop {
            if let Err(ended) = self.next().await {
                return ended;
            }
        }
    }

    /// Follows until the status counts this many records in objects.
    pub(super) async fn follow_until_records(&mut self, records: u64) -> anyhow::Result<()> {
        while self.records < records {
            self.next().await?;
        }
        Ok(())
    }

    async fn next(&mut self) -> anyhow::Result<()> {
        let message = self.events.message().await.map_err(failed)?;
        let message = message.ok_or_else(|| anyhow!("the control plane ended the watch"))?;
        match message.event {
            Some(Event::Upsert(connector)) if connector.name == self.name => {
                self.show(&connector.status.unwrap_or_default())
            }
            Some(Event::Deleted(deleted)) if deleted.name == self.name => {
                if !std::mem::replace(&mut self.was_deleted, true) {
                    self.screen.step("the connector was deleted")?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn show(&mut self, status: &v1::ConnectorStatus) -> anyhow::Result<()> {
        self.records = status.totals.map_or(0, |totals| u64::from_wire(totals.records));
        let line = line(status);
        if line != self.last {
            self.screen.step(&line)?;
            self.last = line;
        }
        Ok(())
    }
}

/// Returns when there is no connector of this name.
pub(super) async fn until_gone(channel: &Channel, name: &str) -> anyhow::Result<()> {
    let mut events = watch(channel).await?;
    let mut seen = false;
    while let Some(message) = events.message().await.map_err(failed)? {
        match message.event {
            Some(Event::Upsert(connector)) if connector.name == name => seen = true,
            Some(Event::Deleted(deleted)) if deleted.name == name => return Ok(()),
            Some(Event::Synced(())) if !seen => return Ok(()),
            _ => {}
        }
    }
    Err(anyhow!("the control plane ended the watch"))
}

async fn watch(channel: &Channel) -> anyhow::Result<Streaming<v1::WatchConnectorsResponse>> {
    let request = v1::WatchConnectorsRequest {
        parent: format!("instances/{INSTANCE}"),
        ..v1::WatchConnectorsRequest::default()
    };
    let mut connectors = ConnectorServiceClient::new(channel.clone());
    Ok(connectors.watch_connectors(request).await.map_err(failed)?.into_inner())
}

fn line(status: &v1::ConnectorStatus) -> String {
    let mut line = format!(
        "{:<10} {}/{} tasks",
        text::connector_state(status.state),
        status.tasks_ready,
        status.tasks_desired
    );
    if status.partitions_assigned > 0 {
        line = format!("{line}, {}", text::plural(status.partitions_assigned, "partition"));
    }
    if let Some(lag) = status.total_lag {
        line = format!("{line}, lag {}", text::count(lag));
    }
    if let Some(totals) = status.totals.filter(|totals| totals.objects > 0) {
        let records = text::plural(totals.records, "record");
        line = format!("{line}, {records} in {}", text::plural(totals.objects, "object"));
    }
    let wrong = status.conditions.iter().find(|condition| {
        condition.status() == v1::ConditionStatus::False && !condition.remedy.is_empty()
    });
    if let Some(condition) = wrong {
        let v1::Condition { reason, message, remedy, .. } = condition;
        line = format!("{line}\n           {reason}: {message}\n           -> {remedy}");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_grows_with_what_is_known() {
        let mut status = v1::ConnectorStatus {
            state: v1::ConnectorState::Deploying.into(),
            tasks_desired: 2,
            ..Default::default()
        };
        assert_eq!(line(&status), "DEPLOYING  0/2 tasks");

        status.state = v1::ConnectorState::Running.into();
        status.tasks_ready = 2;
        status.partitions_assigned = 6;
        status.total_lag = Some(0);
        status.totals =
            Some(v1::ConnectorTotals { records: 1_000, objects: 12, ..Default::default() });
        assert_eq!(
            line(&status),
            "RUNNING    2/2 tasks, 6 partitions, lag 0, 1,000 records in 12 objects"
        );
    }

    #[test]
    fn what_is_wrong_is_shown_with_its_remedy() {
        let status = v1::ConnectorStatus {
            state: v1::ConnectorState::Failed.into(),
            conditions: vec![v1::Condition {
                status: v1::ConditionStatus::False.into(),
                reason: "STORE_UNREACHABLE".to_owned(),
                message: "no route".to_owned(),
                remedy: "Check it.".to_owned(),
                ..Default::default()
            }],
            ..Default::default()
        };
        assert!(line(&status).ends_with("STORE_UNREACHABLE: no route\n           -> Check it."));
    }
}
