//! What reports teach for good, made durable before anything is built on it.

use kafka2oss_proto::v1;

use crate::catalog::Change;
use crate::core::Core;
use crate::model::lessons::{self, Lessons, Remembered};
use crate::store::StoreError;
use crate::store::connectors::ConnectorRecord;
use crate::text::shorten;

/// Length of the reason in bytes that is kept.
const MAX_REASON: usize = 2_000;

/// Remembers what the latest report of `agent` teaches about a connector.
pub(super) async fn keep(core: &Core, agent: &str, connector: &str) {
    if learned(core, agent, connector).is_none() {
        return;
    }
    let _lock = core.catalog.lock(connector).await;
    // Others may have learned it meanwhile.
    let Some((record, lessons)) = learned(core, agent, connector) else { return };
    if let Err(error) = store(core, &record, lessons).await {
        // The next report teaches the same.
        tracing::error!(connector, %error, "could not store what a report taught");
    }
}

fn learned(core: &Core, agent: &str, connector: &str) -> Option<(ConnectorRecord, Lessons)> {
    let record = core.catalog.connector(connector)?;
    let placement = core.catalog.placement(connector)?;
    // No task of this epoch was ever assigned before.
    let preparation = record.preparation.as_ref().filter(|_| record.is_prepared())?;
    let remembered = Remembered {
        epoch: record.epoch_number(),
        placement_version: placement.version,
        committed_partitions: &record.committed_partitions,
        resumes: &record.resumes,
        delivery_guarantee: preparation.delivery_guarantee(),
        store_refuses_existing: preparation.store_refuses_existing(),
    };
    let lessons = core.fleet.reported(agent, connector, |report| {
        (report.uid == record.uid()).then(|| lessons::learn(&remembered, report))
    });
    let lessons = lessons.flatten().filter(|lessons| !lessons.is_empty())?;
    Some((ConnectorRecord::clone(&record), lessons))
}

async fn store(core: &Core, known: &ConnectorRecord, lessons: Lessons) -> Result<(), StoreError> {
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
    core.catalog.apply(vec![Change::connector(record)]).await?;
    if let Some(reason) = lowered {
        tracing::warn!(connector = name, reason, "the delivery guarantee is lowered");
        let message = format!("delivery guarantee is AT_LEAST_ONCE from now on: {reason}");
        core.log(known, v1::LogSeverity::Warn, None, message);
    }
    core.statuses.touch(&name);
    core.reconcile();
    Ok(())
}
