//! A connector as it is shown, with the bytes that watches send of it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use kafka2oss_filter::{Resource, Value};
use kafka2oss_proto::v1;
use prost::Message;
use tokio::time::Instant;
use v1::watch_connectors_response::Event as Told;

use super::changes::Life;
use super::watchable::{Event, Row, Watchable};
use crate::model::fields::{ConnectorField, connector_any, connector_entry};
use crate::model::flowing::Memory;
use crate::store::connectors::ConnectorRecord;

/// What is kept of a connector.
#[derive(Debug, Clone)]
pub(crate) struct ConnectorRow {
    /// What is shown.
    pub(super) shown: Arc<Shown>,
    /// The record that it was worked out from.
    pub(super) record: Arc<ConnectorRecord>,
    /// What is to be remembered with the last status that was looked at, told or not.
    pub(super) memory: Arc<Memory>,
    /// When it was told.
    pub(super) told: Instant,
}

impl Row for ConnectorRow {
    type Shown = Shown;

    fn shown(&self) -> &Arc<Shown> {
        &self.shown
    }
}

/// A connector as it is shown. It never changes: another one takes its place.
#[derive(Debug)]
pub(crate) struct Shown {
    life: Arc<Life>,
    /// Redacted, without status.
    connector: Arc<v1::Connector>,
    /// With partitions.
    status: v1::ConnectorStatus,
    /// As a message of watches, with and without partitions; made when the first
    /// watch wants it.
    whole: OnceLock<Bytes>,
    brief: OnceLock<Bytes>,
}

impl Shown {
    /// What a record and its status look like.
    pub(super) fn new(record: &ConnectorRecord, status: v1::ConnectorStatus) -> Self {
        let connector = record.shown();
        let life = Life { name: connector.name.clone(), uid: connector.uid.clone() };
        Self::of(Arc::new(life), Arc::new(connector), status)
    }

    /// The same connector with another status.
    pub(super) fn with_status(&self, status: v1::ConnectorStatus) -> Self {
        Self::of(Arc::clone(&self.life), Arc::clone(&self.connector), status)
    }

    fn of(life: Arc<Life>, connector: Arc<v1::Connector>, status: v1::ConnectorStatus) -> Self {
        Self { life, connector, status, whole: OnceLock::new(), brief: OnceLock::new() }
    }

    /// Its full name.
    pub(crate) fn name(&self) -> &str {
        &self.life.name
    }

    /// Its status, with partitions.
    pub(crate) fn status(&self) -> &v1::ConnectorStatus {
        &self.status
    }

    /// The connector as the API shows it.
    pub(crate) fn connector(&self, partitions: bool) -> v1::Connector {
        let status = if partitions {
            self.status.clone()
        } else {
            v1::ConnectorStatus { tasks: self.status.tasks.clone(), ..basic(&self.status) }
        };
        v1::Connector { status: Some(status), ..v1::Connector::clone(&self.connector) }
    }

    /// The same, without tasks.
    pub(crate) fn basic(&self) -> v1::Connector {
        let status = Some(basic(&self.status));
        v1::Connector { status, ..v1::Connector::clone(&self.connector) }
    }
}

/// Whether a watch shows progress by partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Partitions {
    Shown,
    #[default]
    Left,
}

impl Watchable for Shown {
    type Field = ConnectorField;
    type View = Partitions;

    fn life(&self) -> &Arc<Life> {
        &self.life
    }

    fn upsert(&self, view: Partitions) -> Bytes {
        let partitions = view == Partitions::Shown;
        let kept = if partitions { &self.whole } else { &self.brief };
        kept.get_or_init(|| message(Told::Upsert(self.connector(partitions)))).clone()
    }

    fn encode(event: Event<'_>) -> Bytes {
        message(match event {
            Event::Dropped(life, reason) => {
                let Life { name, uid } = life.clone();
                Told::Deleted(v1::ConnectorDeleted { name, uid, reason: reason.into() })
            }
            Event::Synced => Told::Synced(()),
            Event::Reset => Told::Reset(()),
            Event::Heartbeat => Told::Heartbeat(()),
        })
    }
}

fn message(event: Told) -> Bytes {
    let message = v1::WatchConnectorsResponse { resume_token: String::new(), event: Some(event) };
    message.encode_to_vec().into()
}

impl Resource<ConnectorField> for Shown {
    fn any<'a>(&'a self, field: ConnectorField, test: &mut dyn FnMut(Value<'a>) -> bool) -> bool {
        connector_any(&self.connector, &self.status, field, test)
    }

    fn entry(&self, field: ConnectorField, key: &str) -> Option<&str> {
        connector_entry(&self.connector, field, key)
    }
}

/// A status without its tasks, and its partitions, which may be very many.
fn basic(status: &v1::ConnectorStatus) -> v1::ConnectorStatus {
    let v1::ConnectorStatus {
        state,
        observed_generation,
        conditions,
        tasks_desired,
        tasks_ready,
        partitions_assigned,
        partitions_stopped,
        total_lag,
        totals,
        delivery_guarantee,
        delivery_guarantee_reason,
        last_report_time,
        epoch,
        missing_resources,
        tasks: _,
        partitions: _,
        topic_partitions,
        state_time,
        oldest_unwritten_time,
        records_per_second,
        bytes_per_second,
    } = status;
    v1::ConnectorStatus {
        state: *state,
        observed_generation: *observed_generation,
        conditions: conditions.clone(),
        tasks_desired: *tasks_desired,
        tasks_ready: *tasks_ready,
        partitions_assigned: *partitions_assigned,
        partitions_stopped: *partitions_stopped,
        total_lag: *total_lag,
        totals: *totals,
        delivery_guarantee: *delivery_guarantee,
        delivery_guarantee_reason: delivery_guarantee_reason.clone(),
        last_report_time: *last_report_time,
        epoch: epoch.clone(),
        missing_resources: missing_resources.clone(),
        tasks: Vec::new(),
        partitions: Vec::new(),
        topic_partitions: *topic_partitions,
        state_time: *state_time,
        oldest_unwritten_time: *oldest_unwritten_time,
        records_per_second: *records_per_second,
        bytes_per_second: *bytes_per_second,
    }
}
