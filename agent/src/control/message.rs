//! What this agent says, as messages. Pure.

use kafka2oss_chain::Tally;
use kafka2oss_domain::names::{AgentName, ConnectorName};
use kafka2oss_proto::agent::v1::connect_request::Message;
use kafka2oss_proto::{Count, agent, v1};

use crate::assignment::FEATURES;
use crate::options::Identity;
use crate::supervisor::{ConnectorView, View};
use crate::task::{
    GroupLook, PartitionSnapshot, PartitionState, Snapshot, TaskState, Totals, Unowned,
};

/// Of the protocol that this agent speaks.
const PROTOCOL_VERSION: u32 = 1;

pub(super) fn request(message: Message) -> agent::v1::ConnectRequest {
    agent::v1::ConnectRequest { message: Some(message) }
}

pub(super) fn hello(identity: &Identity, boot_nonce: u64, view: &View) -> agent::v1::Hello {
    agent::v1::Hello {
        agent_id: identity.agent.id().to_owned(),
        boot_nonce,
        vpc_id: identity.pool.vpc_id.clone(),
        vswitch_id: identity.pool.vswitch_id.clone(),
        region_id: identity.region_id.clone(),
        capacity: identity.capacity.to_wire(),
        protocol_version: PROTOCOL_VERSION,
        features: FEATURES.iter().map(|&name| name.to_owned()).collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        store_id: view.store_id.clone(),
        held: view.connectors.iter().map(|(connector, view)| held(connector, view)).collect(),
    }
}

fn held(connector: &ConnectorName, view: &ConnectorView) -> agent::v1::HeldAssignment {
    agent::v1::HeldAssignment {
        connector: connector.to_string(),
        uid: view.uid.clone(),
        generation: view.generation.to_wire(),
        placement_version: view.placement_version,
        task_indexes: view.tasks.keys().copied().map(Count::to_wire).collect(),
    }
}

/// One report on everything, as it is at `time`.
pub(super) fn status_report(
    agent: &AgentName,
    view: &View,
    load: v1::AgentLoad,
    sequence: u64,
    time: prost_types::Timestamp,
) -> agent::v1::StatusReport {
    let connectors = view
        .connectors
        .iter()
        .map(|(connector, view)| connector_report(agent, connector, view))
        .collect();
    agent::v1::StatusReport { sequence, time: Some(time), connectors, load: Some(load) }
}

/// The epoch that every task runs; `None` while one of another still ends.
fn common(mut epochs: impl Iterator<Item = u64>) -> Option<u64> {
    let first = epochs.next()?;
    epochs.all(|epoch| epoch == first).then_some(first)
}

fn connector_report(
    agent: &AgentName,
    connector: &ConnectorName,
    view: &ConnectorView,
) -> agent::v1::ConnectorReport {
    let mut report = agent::v1::ConnectorReport {
        connector: connector.to_string(),
        uid: view.uid.clone(),
        generation: view.generation.to_wire(),
        placement_version: view.placement_version,
        totals: Some(v1::ConnectorTotals::default()),
        ..agent::v1::ConnectorReport::default()
    };
    let running = view.tasks.values().flatten().map(|snapshot| snapshot.borrow().epoch);
    report.epoch = common(running).unwrap_or_default().to_wire();
    let looks = view.tasks.values().flatten().filter_map(|task| task.borrow().group.clone());
    report.group = looks.max_by_key(|look| look.at).map(group_look);
    for (&index, task) in &view.tasks {
        match task {
            Some(snapshot) => add_task(&mut report, agent, index, &snapshot.borrow()),
            None => report.tasks.push(agent::v1::TaskReport {
                index: index.to_wire(),
                state: v1::TaskState::Starting.into(),
                ..agent::v1::TaskReport::default()
            }),
        }
    }
    // While a partition moves between two tasks both may show it: one stands
    // here, of the task with the lower index.
    report.partitions.sort_by_key(|progress| progress.partition);
    report.partitions.dedup_by_key(|progress| progress.partition);
    report
}

fn add_task(
    report: &mut agent::v1::ConnectorReport,
    agent: &AgentName,
    index: u32,
    snapshot: &Snapshot,
) {
    let Snapshot {
        epoch: _,
        state,
        problem,
        partitions,
        totals,
        downgrade,
        store_overwrites,
        group: _,
        pulse,
        taken,
    } = snapshot;
    report.tasks.push(agent::v1::TaskReport {
        index: index.to_wire(),
        state: task_state(*state).into(),
        problem: problem.clone().map(Into::into),
        pulse: *pulse,
        records_taken: Some(taken.records.to_wire()),
        bytes_taken: Some(taken.bytes.to_wire()),
    });
    let partitions =
        partitions.iter().map(|(&partition, snapshot)| progress(agent, index, partition, snapshot));
    report.partitions.extend(partitions);
    add_totals(report.totals.get_or_insert_default(), totals);
    report.store_overwrites |= store_overwrites;
    if let Some(problem) = downgrade {
        report.delivery_guarantee = v1::DeliveryGuarantee::AtLeastOnce.into();
        report.delivery_guarantee_reason = problem.to_string();
    }
}

fn group_look(look: GroupLook) -> agent::v1::GroupLook {
    let GroupLook { at: _, topic_partitions, unowned, ends } = look;
    agent::v1::GroupLook {
        topic_partitions: topic_partitions.to_wire(),
        members_known: unowned.is_some(),
        unowned: unowned
            .unwrap_or_default()
            .into_iter()
            .map(|(partition, Unowned { holder, committed_offset })| {
                let (client_id, client_host) = holder
                    .map_or((None, String::new()), |holder| (Some(holder.client_id), holder.host));
                let end_offset = ends.get(&partition).copied();
                agent::v1::UnownedPartition {
                    partition,
                    client_id,
                    client_host,
                    end_offset,
                    committed_offset,
                }
            })
            .collect(),
    }
}

fn add_totals(sums: &mut v1::ConnectorTotals, totals: &Totals) {
    let Totals { records, bytes, objects, dead_letters, lost_offsets } = *totals;
    sums.records += records.to_wire();
    sums.bytes += bytes.to_wire();
    sums.objects += objects.to_wire();
    sums.dead_letters += dead_letters.to_wire();
    sums.lost_offsets += lost_offsets.to_wire();
}

fn progress(
    agent: &AgentName,
    task_index: u32,
    partition: i32,
    snapshot: &PartitionSnapshot,
) -> v1::PartitionProgress {
    let PartitionSnapshot {
        state,
        problem,
        end_offset,
        committed_offset,
        unsettled,
        position,
        last_object,
        last_extent,
        test_messages,
        tally,
        unwritten,
        last_consumed,
        observed,
        reading: _,
    } = snapshot;
    let (error_code, error_message) = problem
        .as_ref()
        .map(|problem| (problem.code.to_string(), problem.message.clone()))
        .unwrap_or_default();
    v1::PartitionProgress {
        partition,
        agent: agent.to_string(),
        task_index: task_index.to_wire(),
        end_offset: *end_offset,
        committed_offset: *committed_offset,
        position: Some(*position),
        // The end is asked for now and then and may lag behind the position.
        lag: end_offset.map(|end| (end - position).max(0)),
        last_object: last_object.clone().unwrap_or_default(),
        last_consumed_time: last_consumed.map(Into::into),
        state: partition_state(*state).into(),
        error_code,
        error_message,
        observed_time: Some((*observed).into()),
        // The control plane's own.
        state_time: None,
        unsettled: *unsettled,
        last_extent: last_extent
            .as_ref()
            .map(|extent| v1::Extent { first_offset: extent.start, next_offset: extent.end }),
        test_messages: test_messages
            .iter()
            .map(|(offset, object)| v1::VisibleTestMessage {
                offset: *offset,
                object_key: object.clone(),
            })
            .collect(),
        totals: Some(totals(tally)),
        oldest_unwritten_time: unwritten.front().and_then(|(_, millis)| moment(*millis)),
    }
}

fn totals(tally: &Tally) -> v1::ConnectorTotals {
    let Tally { records, objects, bytes, dead_letters, lost_offsets } = *tally;
    v1::ConnectorTotals {
        records: records.to_wire(),
        bytes: bytes.to_wire(),
        objects: objects.to_wire(),
        dead_letters: dead_letters.to_wire(),
        lost_offsets: lost_offsets.to_wire(),
    }
}

/// The time of a record; `None` where it has none.
fn moment(millis: i64) -> Option<prost_types::Timestamp> {
    let nanos = i32::try_from(millis.rem_euclid(1_000) * 1_000_000).ok()?;
    (millis >= 0).then_some(prost_types::Timestamp { seconds: millis / 1_000, nanos })
}

fn task_state(state: TaskState) -> v1::TaskState {
    match state {
        TaskState::Starting => v1::TaskState::Starting,
        TaskState::Running => v1::TaskState::Running,
        TaskState::Paused => v1::TaskState::Paused,
        TaskState::Failed => v1::TaskState::Failed,
    }
}

fn partition_state(state: PartitionState) -> v1::PartitionState {
    match state {
        PartitionState::Running => v1::PartitionState::Running,
        PartitionState::Paused => v1::PartitionState::Paused,
        PartitionState::Stopped => v1::PartitionState::Stopped,
        PartitionState::Retrying => v1::PartitionState::Retrying,
    }
}

#[cfg(test)]
mod tests;
