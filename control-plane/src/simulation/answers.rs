//! What a simulated agent answers and reports.

use kafka2oss_proto::agent::v1::command::Command;
use kafka2oss_proto::agent::v1::command_result::Result as Answer;
use kafka2oss_proto::v1::offset_reset::To;
use kafka2oss_proto::{Count as _, agent, v1};

/// Partitions of each topic.
pub(super) const PARTITIONS: i32 = 2;
/// No topic ended before this offset when it was read.
pub(super) const LEAST_END: i64 = 7;

/// How an agent carries out a command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// It does what it is asked for.
    pub(super) willing: bool,
    /// It reads a start although that is fixed, as it never should.
    pub(super) rereads: bool,
    /// Where the topic ends by now.
    pub(super) end: i64,
}

/// The answer to a command.
pub(super) fn answer(command: Command, manner: Manner) -> Answer {
    let Manner { willing, rereads, end } = manner;
    let problems = match willing {
        true => Vec::new(),
        false => vec![agent::v1::Problem {
            code: "KAFKA_UNREACHABLE".to_owned(),
            message: "not today".to_owned(),
        }],
    };
    match command {
        Command::PrepareConnector(asked) => {
            let mut epoch = asked.epoch.unwrap_or_default();
            if rereads || epoch.fixed_time.is_none() {
                let (start, origin) = match asked.start.and_then(|start| start.to) {
                    Some(To::Earliest(())) => (0, v1::StartOrigin::Earliest),
                    _ => (end, v1::StartOrigin::Latest),
                };
                epoch.topic_id = "topic-id".to_owned();
                epoch.start_offsets = [(0, start), (1, start)].into();
                epoch.set_origin(origin);
                epoch.fixed_time = Some(crate::clock::now());
            }
            Answer::PrepareConnector(agent::v1::PrepareConnectorResult {
                epoch: Some(epoch),
                problems,
                created_topics: asked.resources.into_iter().map(|made| made.name).collect(),
                delivery_guarantee: v1::DeliveryGuarantee::ExactlyOnce.into(),
                kafka_cluster_id: "cluster-1".to_owned(),
                ..agent::v1::PrepareConnectorResult::default()
            })
        }
        Command::RemoveResources(_) => Answer::RemoveResources(agent::v1::RemoveResourcesResult {
            problems,
            ..agent::v1::RemoveResourcesResult::default()
        }),
        Command::WriteTestMessage(_) => {
            Answer::WriteTestMessage(agent::v1::WriteTestMessageResult::default())
        }
        Command::ValidateConnector(_) => {
            Answer::ValidateConnector(agent::v1::ValidateConnectorResult::default())
        }
        Command::FlushConnector(_) => Answer::FlushConnector(agent::v1::FlushConnectorResult {}),
        Command::ReadEndOffsets(_) => {
            Answer::ReadEndOffsets(agent::v1::ReadEndOffsetsResult::default())
        }
    }
}

/// What is reported of a connector.
pub(super) fn report_of(
    one: &agent::v1::ConnectorAssignment,
    pulse: u64,
    position: i64,
) -> agent::v1::ConnectorReport {
    let state = match one.run_mode() {
        agent::v1::RunMode::Pause => v1::TaskState::Paused,
        _ => v1::TaskState::Running,
    };
    let task = |task: &agent::v1::TaskAssignment| agent::v1::TaskReport {
        index: task.index,
        state: state.into(),
        pulse,
        records_taken: Some(pulse.to_wire()),
        bytes_taken: Some(pulse.to_wire()),
        ..agent::v1::TaskReport::default()
    };
    // The tasks share the partitions of the topic.
    let spread = one.spec.as_ref().and_then(|spec| spec.source.as_ref());
    let spread = spread.and_then(|source| source.spread).unwrap_or(1).max(1);
    let partition = |partition: i32| {
        let index = partition.abs() % spread;
        one.tasks.iter().any(|task| task.index == index).then(|| v1::PartitionProgress {
            partition,
            task_index: index,
            state: v1::PartitionState::Running.into(),
            position: Some(position),
            committed_offset: Some(position),
            ..v1::PartitionProgress::default()
        })
    };
    let runs = one.run_mode() == agent::v1::RunMode::Run && position > 0;
    agent::v1::ConnectorReport {
        connector: one.connector.clone(),
        uid: one.uid.clone(),
        generation: one.generation,
        placement_version: one.placement_version,
        epoch: one.epoch.as_ref().map_or(0, |epoch| epoch.number),
        tasks: one.tasks.iter().map(task).collect(),
        partitions: (0..PARTITIONS).filter(|_| runs).filter_map(partition).collect(),
        ..agent::v1::ConnectorReport::default()
    }
}
