//! What is stored of connectors that run, and what their agents report.

use kafka2oss_proto::{agent, v1};
use prost_types::Timestamp;

use crate::store::agents::AgentRecord;
use crate::store::connectors::{ConnectorRecord, Preparation};
use crate::store::instances::InstanceRecord;
use crate::store::placements::{PlacedTask, PlacementRecord};

/// The only instance.
pub(super) const INSTANCE: &str = "instances/i";
/// Connectors of which an agent has a task.
pub(super) const CONNECTORS_OF_AGENT: usize = 10;
/// Tasks of a connector.
const SPREAD: i32 = 2;
/// Partitions that a task owns.
const PARTITIONS: i32 = 3;
/// Records that it has read of each.
const OFFSET: i64 = 1_000;

/// Full name of a connector.
pub(super) fn connector_name(number: usize) -> String {
    format!("{INSTANCE}/connectors/c-{number:05}")
}

/// Bare ID of an agent.
pub(super) fn agent_id(number: usize) -> String {
    format!("a-{number:05}")
}

/// What is stored of it.
pub(super) fn instance() -> InstanceRecord {
    let instance = v1::Instance {
        name: INSTANCE.to_owned(),
        uid: "i".to_owned(),
        region_id: "cn-hangzhou".to_owned(),
        bootstrap_servers: vec!["broker:9092".to_owned()],
        ..v1::Instance::default()
    };
    InstanceRecord { form: 0, instance: Some(instance) }
}

/// What is stored of an agent, which has room for as many tasks again.
pub(super) fn agent() -> AgentRecord {
    let capacity = 2 * i32::try_from(CONNECTORS_OF_AGENT).unwrap_or_default();
    AgentRecord { boot_nonce: 1, capacity, ..AgentRecord::default() }
}

/// A connector that runs.
pub(super) fn connector(number: usize) -> ConnectorRecord {
    let id = format!("c-{number:05}");
    let spec = v1::ConnectorSpec {
        source: Some(v1::KafkaSource {
            topic: format!("{id}-input"),
            spread: Some(SPREAD),
            thread_concurrency: Some(6),
            ..v1::KafkaSource::default()
        }),
        destination: Some(v1::ObjectStoreDestination {
            bucket: "bucket-test".to_owned(),
            endpoint: "https://s3.oss-cn-hangzhou-internal.aliyuncs.com".to_owned(),
            ..v1::ObjectStoreDestination::default()
        }),
        ..v1::ConnectorSpec::default()
    };
    let connector = v1::Connector {
        name: connector_name(number),
        uid: format!("u-{number:05}"),
        generation: 2,
        desired_state: v1::DesiredState::Running.into(),
        spec: Some(spec),
        ..v1::Connector::default()
    };
    let epoch = v1::Epoch {
        number: 1,
        topic_id: "AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        start_offsets: (0..2 * PARTITIONS).map(|partition| (partition, 0)).collect(),
        origin: v1::StartOrigin::Earliest.into(),
        fixed_time: Some(Timestamp::default()),
    };
    let preparation = Preparation {
        ready: true,
        delivery_guarantee: v1::DeliveryGuarantee::ExactlyOnce.into(),
        store_refuses_existing: true,
        ..Preparation::default()
    };
    ConnectorRecord {
        connector: Some(connector),
        epoch: Some(epoch),
        preparation: Some(preparation),
        // Reports teach nothing new.
        committed_partitions: (0..2 * PARTITIONS).collect(),
        ..ConnectorRecord::default()
    }
}

/// Where its tasks run: on two of the agents, which are in turn.
pub(super) fn placement(number: usize, agents: usize) -> PlacementRecord {
    let task = |index: i32| {
        let agent = agent_id((2 * number + index as usize) % agents);
        PlacedTask { index, agent }
    };
    let tasks = (0..SPREAD).map(task).collect();
    let uid = format!("u-{number:05}");
    PlacementRecord { uid, version: 1, tasks, ..PlacementRecord::default() }
}

/// What an agent reports of its only task of a connector.
pub(super) fn report(record: &ConnectorRecord, agent: usize) -> agent::v1::ConnectorReport {
    let partition = |partition: i32| v1::PartitionProgress {
        partition,
        end_offset: Some(OFFSET),
        committed_offset: Some(OFFSET),
        position: Some(OFFSET),
        lag: Some(0),
        last_object: format!("topic/{partition}/topic+{partition}+{OFFSET:020}-0123abcd.json"),
        last_consumed_time: Some(Timestamp::default()),
        state: v1::PartitionState::Running.into(),
        observed_time: Some(Timestamp::default()),
        ..v1::PartitionProgress::default()
    };
    let connector = record.connector();
    agent::v1::ConnectorReport {
        connector: connector.name.clone(),
        uid: connector.uid.clone(),
        generation: connector.generation,
        placement_version: 1,
        tasks: vec![agent::v1::TaskReport {
            // As `placement` has it.
            index: (agent % 2) as i32,
            state: v1::TaskState::Running.into(),
            pulse: 1,
            records_taken: Some(OFFSET),
            bytes_taken: Some(100 * OFFSET),
            ..agent::v1::TaskReport::default()
        }],
        partitions: (0..PARTITIONS).map(partition).collect(),
        epoch: record.epoch_number(),
        group: Some(agent::v1::GroupLook {
            topic_partitions: 2 * PARTITIONS,
            members_known: true,
            unowned: Vec::new(),
        }),
        ..agent::v1::ConnectorReport::default()
    }
}
