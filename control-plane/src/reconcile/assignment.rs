//! What agents are to run of a connector: from what is durable to what is sent.

use std::sync::Arc;

use bytes::Bytes;
use kafka2oss_domain::feature;
use kafka2oss_proto::{agent, v1};
use prost::Message;

use crate::fleet::Assignment;
use crate::store::connectors::ConnectorRecord;
use crate::store::placements::PlacementRecord;

/// The part that is the same for each agent.
#[derive(Debug)]
pub(super) struct Whole {
    connector: Arc<str>,
    uid: Arc<str>,
    spread: i32,
    threads: i32,
    /// ConnectorAssignment without tasks.
    bytes: Bytes,
}

/// That of a connector of `instance` with `spec`; none while no task may run.
pub(super) fn whole(
    record: &ConnectorRecord,
    placement: &PlacementRecord,
    mut instance: v1::Instance,
    spec: v1::ConnectorSpec,
) -> Option<Whole> {
    let connector = record.connector();
    if placement.uid != connector.uid {
        return None;
    }
    let Chain {
        epoch,
        run_mode,
        committed_partitions,
        resumes,
        delivery_guarantee,
        store_refuses_existing,
    } = chain(record)?;
    // Learned while agents run, or nothing to a task: it must not make the same assignment
    // another.
    instance.kafka_cluster_id.clear();
    instance.labels.clear();
    instance.description.clear();
    (instance.max_connectors, instance.max_tasks) = (None, None);
    instance.etag.clear();
    instance.update_time = None;
    (instance.connectors_disabled, instance.allow_shared_cluster) = (false, false);
    let source = spec.source.as_ref();
    let spread = source.and_then(|source| source.spread).unwrap_or(1);
    let threads = source.and_then(|source| source.thread_concurrency).unwrap_or(1);
    let message = agent::v1::ConnectorAssignment {
        connector: connector.name.clone(),
        uid: connector.uid.clone(),
        generation: connector.generation,
        placement_version: placement.version,
        spec: Some(spec),
        instance: Some(instance),
        epoch: epoch.cloned(),
        run_mode: run_mode.into(),
        tasks: Vec::new(),
        features: features(store_refuses_existing),
        delivery_guarantee,
        committed_partitions: committed_partitions.to_vec(),
        resumes: resumes.to_vec(),
        store_refuses_existing,
        secrets_id: record.secrets_id.clone(),
    };
    Some(Whole {
        connector: message.connector.as_str().into(),
        uid: message.uid.as_str().into(),
        spread,
        threads,
        bytes: message.encode_to_vec().into(),
    })
}

/// The same with the tasks of one agent; none if it has none.
pub(super) fn part(
    whole: &Whole,
    placement: &PlacementRecord,
    agent: &str,
) -> Option<Arc<Assignment>> {
    let Whole { connector, uid, spread, threads, bytes } = whole;
    let mine = placement.tasks.iter().filter(|task| task.agent == agent);
    // The spread may have become less since the tasks were placed.
    let mine = mine.map(|task| task.index).filter(|index| index < spread);
    let task =
        |index| agent::v1::TaskAssignment { index, threads: share(*threads, *spread, index) };
    let tasks: Vec<_> = mine.map(task).collect();
    let part =
        agent::v1::ConnectorAssignment { tasks, ..agent::v1::ConnectorAssignment::default() };
    (!part.tasks.is_empty()).then(|| {
        Arc::new(Assignment {
            connector: Arc::clone(connector),
            uid: Arc::clone(uid),
            whole: bytes.clone(),
            tasks: part.encode_to_vec().into(),
        })
    })
}

/// What agents need for it beyond the first version of the protocol.
fn features(store_refuses_existing: bool) -> Vec<String> {
    match store_refuses_existing {
        true => Vec::new(),
        false => vec![feature::OWN_KEYS.to_owned()],
    }
}

/// The epoch that tasks are to hold, and what is known of it.
struct Chain<'a> {
    epoch: Option<&'a v1::Epoch>,
    run_mode: agent::v1::RunMode,
    committed_partitions: &'a [i32],
    resumes: &'a [agent::v1::PartitionResume],
    delivery_guarantee: i32,
    store_refuses_existing: bool,
}

/// That of the connector once it is prepared. Before, the tasks of the epoch
/// that ResetOffsets ended hold their partitions, so that the group keeps its
/// members, and take no record even if the connector is to run again.
fn chain(record: &ConnectorRecord) -> Option<Chain<'_>> {
    let run_mode = match record.connector().desired_state() {
        v1::DesiredState::Running => agent::v1::RunMode::Run,
        v1::DesiredState::Paused => agent::v1::RunMode::Pause,
        _ => return None,
    };
    if record.is_prepared() {
        let preparation = record.preparation.as_ref()?;
        return Some(Chain {
            epoch: record.epoch.as_ref(),
            run_mode,
            committed_partitions: &record.committed_partitions,
            resumes: &record.resumes,
            delivery_guarantee: preparation.delivery_guarantee,
            store_refuses_existing: preparation.store_refuses_existing(),
        });
    }
    let superseded = record.superseded.as_ref()?;
    Some(Chain {
        epoch: superseded.epoch.as_ref(),
        run_mode: agent::v1::RunMode::Pause,
        committed_partitions: &superseded.committed_partitions,
        resumes: &[],
        delivery_guarantee: superseded.delivery_guarantee,
        store_refuses_existing: superseded.store_refuses_existing
            || superseded.delivery_guarantee() == v1::DeliveryGuarantee::ExactlyOnce,
    })
}

/// The share of task `index` when `threads` are divided over `spread` tasks:
/// the first ones get one more where it does not come out even.
fn share(threads: i32, spread: i32, index: i32) -> i32 {
    let spread = spread.max(1);
    threads / spread + i32::from(index < threads % spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_differ_by_one_at_most() {
        for threads in 1..=24 {
            for spread in 1..=threads {
                let shares: Vec<_> =
                    (0..spread).map(|index| share(threads, spread, index)).collect();
                assert_eq!(shares.iter().sum::<i32>(), threads);
                let (least, most) = (shares[shares.len() - 1], shares[0]);
                assert!(most - least <= 1 && least >= 1, "{shares:?}");
            }
        }
    }
}
