//! What reports teach for good, made durable before anything is built on it.
//!
//! A report that teaches something only marks its connector; one loop stores
//! what is learned, of many connectors at once, so that no stream waits for
//! the disk.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use kafka2oss_proto::{agent, v1};
use tokio::sync::Notify;

use super::Sessions;
use crate::catalog::{Change, Placed};
use crate::model::lessons::{self, Lessons, Remembered};
use crate::store::StoreError;
use crate::store::connectors::ConnectorRecord;
use crate::text::shorten;

/// Length of the reason in bytes that is kept.
const MAX_REASON: usize = 2_000;
/// Connectors whose lessons are stored at once: they share a flush.
const AT_ONCE: usize = 256;

/// What is to be stored: a connector, and the agent whose report teaches it.
/// Each once, however many reports say it.
#[derive(Debug, Default)]
pub(crate) struct LessonQueue {
    waiting: Mutex<BTreeSet<(String, String)>>,
    wake: Notify,
}

impl LessonQueue {
    /// Marks connectors of which the agent's latest report teaches something.
    pub(super) fn mark(&self, agent: &str, connectors: Vec<String>) {
        if !connectors.is_empty() {
            let marked = connectors.into_iter().map(|connector| (connector, agent.to_owned()));
            self.lock().extend(marked);
            self.wake.notify_one();
        }
    }

    fn take(&self) -> BTreeSet<(String, String)> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<(String, String)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stores what reports teach until the process stops.
pub(crate) async fn run(sessions: Arc<Sessions>) {
    loop {
        tokio::select! {
            biased;
            () = sessions.stop.cancelled() => return,
            () = sessions.lessons.wake.notified() => {}
        }
        let waiting = futures::stream::iter(sessions.lessons.take());
        let kept = waiting.for_each_concurrent(AT_ONCE, |(connector, agent)| {
            let sessions = &sessions;
            async move { keep(sessions, &agent, &connector).await }
        });
        kept.await;
    }
}

/// Remembers what the latest report of `agent` teaches about a connector.
async fn keep(sessions: &Sessions, agent: &str, connector: &str) {
    let _lock = sessions.known.catalog.lock(connector).await;
    // Others may have learned it meanwhile.
    let Some(report) = sessions.known.fleet.reported(agent, connector) else { return };
    let Some(known) = sessions.known.catalog.connector_and_placement(connector) else { return };
    let lessons = learned(&known, &report);
    if lessons.is_empty() {
        return;
    }
    if let Err(error) = store(sessions, &known.0, lessons).await {
        // The next report teaches the same.
        tracing::error!(connector, %error, "could not store what a report taught");
    }
}

/// What an agent's report of a connector teaches.
pub(super) fn learned(
    (record, placement): &Placed,
    report: &agent::v1::ConnectorReport,
) -> Lessons {
    let placement = placement.as_ref().filter(|_| record.uid() == report.uid);
    // No task of this epoch was ever assigned before.
    let preparation = record.preparation.as_ref().filter(|_| record.is_prepared());
    let (Some(placement), Some(preparation)) = (placement, preparation) else {
        return Lessons::default();
    };
    let remembered = Remembered {
        epoch: record.epoch_number(),
        placement_version: placement.version,
        committed_partitions: &record.committed_partitions,
        resumes: &record.resumes,
        delivery_guarantee: preparation.delivery_guarantee(),
        store_refuses_existing: preparation.store_refuses_existing(),
    };
    lessons::learn(&remembered, report)
}

async fn store(
    sessions: &Sessions,
    known: &ConnectorRecord,
    lessons: Lessons,
) -> Result<(), StoreError> {
    let Lessons { committed, carried_out, lowered, overwrites } = lessons;
    let mut record = known.clone();
    record.committed_partitions.extend(committed);
    record.committed_partitions.sort_unstable();
    record.resumes.retain(|resume| !carried_out.contains(&resume.number));
    let preparation = record.preparation.get_or_insert_default();
    // A guarantee that is lowered for another reason says nothing of the store.
    preparation.store_refuses_existing = preparation.store_refuses_existing() && !overwrites;
    let lowered = lowered.map(|mut reason| {
        shorten(&mut reason, MAX_REASON);
        preparation.set_delivery_guarantee(v1::DeliveryGuarantee::AtLeastOnce);
        preparation.delivery_guarantee_reason.clone_from(&reason);
        reason
    });
    let name = record.name().to_owned();
    sessions.known.catalog.apply(vec![Change::connector(record)]).await?;
    if let Some(reason) = lowered {
        tracing::warn!(connector = name, reason, "the delivery guarantee is lowered");
        let message = format!("delivery guarantee is AT_LEAST_ONCE from now on: {reason}");
        sessions.observed.log(known, v1::LogSeverity::Warn, None, message);
    }
    sessions.observed.board.touch(&name);
    sessions.inbox.connector(&name);
    Ok(())
}
