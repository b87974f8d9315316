//! A connector as its user sees it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::connector_service_client::ConnectorServiceClient;
use kafka2oss_proto::v1::watch_connectors_response::Event;
use kafka2oss_tests::produce::Produced;
use tokio::time::timeout;
use tonic::transport::Channel;

use crate::deployment::LIMIT;

/// A connector of a deployment, by its name.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    /// `instances/{instance_id}/connectors/{connector_id}`.
    pub(crate) name: String,
    /// Its bare ID.
    pub(crate) id: String,
    channel: Channel,
}

impl Connector {
    pub(crate) fn new(channel: Channel, name: &str) -> Self {
        let (_, id) = name.rsplit_once('/').unwrap_or_default();
        Self { name: name.to_owned(), id: id.to_owned(), channel }
    }

    /// The group of its tasks.
    pub(crate) fn group(&self) -> String {
        format!("connect-{}", self.id)
    }

    pub(crate) fn client(&self) -> ConnectorServiceClient<Channel> {
        ConnectorServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn get(&self) -> Result<v1::Connector> {
        let request = v1::GetConnectorRequest { name: self.name.clone() };
        Ok(self.client().get_connector(request).await?.into_inner())
    }

    pub(crate) async fn deploy(&self) -> Result<v1::Connector> {
        let request = v1::DeployConnectorRequest { name: self.name.clone(), ..Default::default() };
        Ok(self.client().deploy_connector(request).await?.into_inner())
    }

    /// Deploys it and waits until it is RUNNING.
    pub(crate) async fn run(&self) -> Result<v1::Connector> {
        self.deploy().await?;
        self.is(v1::ConnectorState::Running).await
    }

    /// Deploys it and waits until the group has spread the topic's partitions
    /// over its two tasks. RUNNING comes earlier: the first task to join owns
    /// all partitions until the second has joined, too.
    pub(crate) async fn run_spread(&self, partitions: usize) -> Result<v1::Connector> {
        self.deploy().await?;
        self.sees(&format!("{partitions} partitions spread over 2 tasks"), |connector| {
            let owned = |task: i32| {
                let all = self::partitions(connector).iter();
                all.filter(|p| p.task_index == task && !p.agent.is_empty()).count()
            };
            let state = connector.status.as_ref().map(v1::ConnectorStatus::state);
            state == Some(v1::ConnectorState::Running)
                && owned(0) == partitions / 2
                && owned(1) == partitions / 2
        })
        .await
    }

    pub(crate) async fn pause(&self) -> Result<v1::Connector> {
        let request = v1::PauseConnectorRequest { name: self.name.clone(), ..Default::default() };
        Ok(self.client().pause_connector(request).await?.into_inner())
    }

    pub(crate) async fn resume(&self) -> Result<v1::Connector> {
        let request = v1::ResumeConnectorRequest { name: self.name.clone(), ..Default::default() };
        Ok(self.client().resume_connector(request).await?.into_inner())
    }

    /// Deletes it and waits until it is gone.
    pub(crate) async fn delete(&self) -> Result<()> {
        let request = v1::DeleteConnectorRequest { name: self.name.clone(), ..Default::default() };
        let deleting = self.client().delete_connector(request).await?.into_inner();
        let state = deleting.status.context("a status")?.state();
        anyhow::ensure!(state == v1::ConnectorState::Deleting, "{state:?}");
        self.is_gone().await
    }

    pub(crate) async fn progress(&self) -> Result<v1::ConnectorProgress> {
        let request = v1::GetConnectorProgressRequest { name: self.name.clone() };
        Ok(self.client().get_connector_progress(request).await?.into_inner())
    }

    /// Gives it other credentials.
    pub(crate) async fn update_credentials(&self, credentials: v1::StoreCredentials) -> Result<()> {
        let destination =
            v1::ObjectStoreDestination { credentials: Some(credentials), ..Default::default() };
        let spec = v1::ConnectorSpec { destination: Some(destination), ..Default::default() };
        let request = v1::UpdateConnectorRequest {
            connector: Some(v1::Connector {
                name: self.name.clone(),
                spec: Some(spec),
                ..Default::default()
            }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["credentials".into()] }),
            ..Default::default()
        };
        self.client().update_connector(request).await?;
        Ok(())
    }

    /// Waits until it is in this state, with what was asked for last.
    pub(crate) async fn is(&self, state: v1::ConnectorState) -> Result<v1::Connector> {
        self.sees(state.as_str_name(), |connector| {
            let status = connector.status.clone().unwrap_or_default();
            status.state() == state
                && (status.observed_generation == connector.generation || !has_tasks(state))
        })
        .await
    }

    /// Waits until a condition shows this error code, with what to do.
    pub(crate) async fn shows(&self, code: &str) -> Result<v1::Connector> {
        self.sees(&format!("a condition with {code} and its remedy"), |connector| {
            let conditions = connector.status.iter().flat_map(|status| &status.conditions);
            conditions.into_iter().any(|condition| {
                condition.reason == code
                    && !condition.message.is_empty()
                    && !condition.remedy.is_empty()
            })
        })
        .await
    }

    /// Waits until every partition flows.
    pub(crate) async fn flows(&self) -> Result<v1::Connector> {
        let flows = |seen: &v1::Connector| condition(seen, "Flowing").reason == "Flowing";
        self.sees("every partition flows", flows).await
    }

    /// Waits until the records are in objects: committed past their ends.
    pub(crate) async fn delivered(&self, produced: &[Produced]) -> Result<v1::Connector> {
        let ends = ends(produced);
        self.sees(&format!("committed up to {ends:?}"), |connector| {
            let committed: BTreeMap<_, _> = partitions(connector)
                .iter()
                .map(|progress| (progress.partition, progress.committed_offset))
                .collect();
            ends.iter()
                .all(|(partition, end)| committed.get(partition).copied().flatten() >= Some(*end))
        })
        .await
    }

    /// Watches it until `condition` holds. Goes on through a restart of the
    /// control plane.
    pub(crate) async fn sees(
        &self,
        what: &str,
        condition: impl Fn(&v1::Connector) -> bool,
    ) -> Result<v1::Connector> {
        self.sees_within(LIMIT, what, condition).await
    }

    /// The same, for what takes longer than anything else.
    pub(crate) async fn sees_within(
        &self,
        limit: Duration,
        what: &str,
        condition: impl Fn(&v1::Connector) -> bool,
    ) -> Result<v1::Connector> {
        let mut last = String::from("nothing");
        let watch = self.watch(async |event| match event {
            Event::Upsert(connector) if connector.name == self.name => {
                if condition(&connector) {
                    return Some(connector);
                }
                last = describe(&connector);
                None
            }
            _ => None,
        });
        match timeout(limit, watch).await {
            Ok(connector) => Ok(connector),
            // A panic, so that the processes' logs are printed.
            Err(_) => panic!("{} within {limit:?}: {what} not seen, but {last}", self.name),
        }
    }

    /// Waits until it is gone.
    pub(crate) async fn is_gone(&self) -> Result<()> {
        let (mut there, mut last) = (false, String::from("nothing"));
        let watch = self.watch(async |event| {
            match event {
                Event::Upsert(connector) if connector.name == self.name => {
                    there = true;
                    last = describe(&connector);
                }
                Event::Reset(()) => there = false,
                Event::Deleted(deleted) if deleted.name == self.name => return Some(()),
                Event::Synced(()) if !there => return Some(()),
                _ => {}
            }
            None
        });
        match timeout(LIMIT, watch).await {
            Ok(()) => Ok(()),
            Err(_) => panic!("{} is not gone within {LIMIT:?}, but {last}", self.name),
        }
    }

    async fn watch<T>(&self, mut each: impl AsyncFnMut(Event) -> Option<T>) -> T {
        loop {
            let request = v1::WatchConnectorsRequest {
                parent: "instances/-".into(),
                resume_token: String::new(),
                include_partitions: true,
                ..Default::default()
            };
            if let Ok(events) = self.client().watch_connectors(request).await {
                let mut events = events.into_inner();
                while let Ok(Some(response)) = events.message().await {
                    let Some(event) = response.event else { continue };
                    if let Some(found) = each(event).await {
                        return found;
                    }
                }
            }
            // The control plane is away, on purpose or not: the limit of
            // whoever waits decides.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Whether tasks report in this state, so that their generation counts.
fn has_tasks(state: v1::ConnectorState) -> bool {
    use v1::ConnectorState::{Degraded, Paused, Running};
    matches!(state, Running | Paused | Degraded)
}

/// One of its conditions.
pub(crate) fn condition(connector: &v1::Connector, kind: &str) -> v1::Condition {
    let conditions = connector.status.iter().flat_map(|status| &status.conditions);
    conditions.filter(|one| one.r#type == kind).cloned().next_back().unwrap_or_default()
}

/// The progress of its partitions, in an answer of the watch.
pub(crate) fn partitions(connector: &v1::Connector) -> &[v1::PartitionProgress] {
    connector.status.as_ref().map(|status| &status.partitions[..]).unwrap_or_default()
}

/// The agents' IDs that its tasks are placed on, by index.
pub(crate) fn placement(connector: &v1::Connector) -> Vec<String> {
    let tasks = connector.status.iter().flat_map(|status| &status.tasks);
    tasks.map(|task| task.agent.trim_start_matches("agents/").to_owned()).collect()
}

/// The offset after the last record of each partition.
pub(crate) fn ends(produced: &[Produced]) -> BTreeMap<i32, i64> {
    let mut ends = BTreeMap::new();
    for record in produced {
        let end = ends.entry(record.partition).or_insert(0);
        *end = record.offset.saturating_add(1).max(*end);
    }
    ends
}

fn describe(connector: &v1::Connector) -> String {
    let v1::Connector { generation, status, .. } = connector;
    let Some(status) = status else { return "no status".into() };
    let conditions: Vec<_> = status
        .conditions
        .iter()
        .map(|condition| {
            let v1::Condition { r#type, reason, message, .. } = condition;
            format!("{} {} {reason}: {message}", r#type, condition.status().as_str_name())
        })
        .collect();
    let partitions: Vec<_> = status
        .partitions
        .iter()
        .map(|p| {
            format!(
                "{} on {}: {} committed {:?} of {:?} {} {}",
                p.partition,
                p.agent,
                p.state().as_str_name(),
                p.committed_offset,
                p.end_offset,
                p.error_code,
                p.error_message
            )
        })
        .collect();
    format!(
        "{} generation {} of {generation}, totals {:?}\nconditions: {conditions:#?}\ntasks: \
         {:?}\npartitions: {partitions:#?}",
        status.state().as_str_name(),
        status.observed_generation,
        status.totals,
        status.tasks
    )
}
