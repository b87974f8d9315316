//! A process that says whatever it likes of what it was never given.

use std::sync::Arc;

use kafka2oss_proto::agent::v1::connect_request::Message as Said;
use kafka2oss_proto::agent::v1::connect_response::Message as Told;
use kafka2oss_proto::{agent, v1};
use tokio::time::sleep;

use super::answers::PARTITIONS;
use super::link::{self, Cable};
use super::world::World;

/// Lies as long as the world lives.
pub(super) async fn lie(world: Arc<World>) {
    let cable = Arc::new(Cable::default());
    let mut sequence = 0;
    loop {
        if let Some(mut link) = link::connect(&world, hello(&world), &cable).await {
            loop {
                sleep(world.within(500, 4_000)).await;
                sequence += 1;
                let report = Said::StatusReport(report(&world, sequence));
                let request = agent::v1::ConnectRequest { message: Some(report) };
                if link.say.send(request).await.is_err() {
                    break;
                }
                while let Ok(told) = link.told.try_recv() {
                    if let Some(Told::Assignments(list)) = told.message {
                        assert!(list.connectors.is_empty(), "a liar is given {list:?}");
                    }
                }
            }
        }
        sleep(world.within(100, 3_000)).await;
    }
}

/// It says that it runs all that there is.
fn hello(world: &World) -> agent::v1::Hello {
    let held = world.disk.durable(|durable| {
        let held = durable.connectors().map(|record| agent::v1::HeldAssignment {
            connector: record.name().to_owned(),
            uid: record.uid().to_owned(),
            ..agent::v1::HeldAssignment::default()
        });
        held.collect()
    });
    agent::v1::Hello {
        agent_id: "liar".to_owned(),
        boot_nonce: 1,
        vpc_id: "vpc-elsewhere".to_owned(),
        vswitch_id: "vsw-elsewhere".to_owned(),
        capacity: 100,
        protocol_version: 1,
        held,
        ..agent::v1::Hello::default()
    }
}

/// It says that all that there is runs, and has committed what it cannot have.
fn report(world: &World, sequence: u64) -> agent::v1::StatusReport {
    let connectors = world.disk.durable(|durable| {
        let report = |record: &Arc<crate::store::connectors::ConnectorRecord>| {
            let placement = durable.placement(record.name());
            agent::v1::ConnectorReport {
                connector: record.name().to_owned(),
                uid: record.uid().to_owned(),
                generation: record.connector().generation,
                placement_version: placement.map_or(0, |placement| placement.version),
                epoch: record.epoch_number(),
                tasks: vec![agent::v1::TaskReport {
                    index: 0,
                    state: v1::TaskState::Running.into(),
                    pulse: sequence,
                    records_taken: Some(i64::MIN),
                    bytes_taken: Some(i64::MAX),
                    ..agent::v1::TaskReport::default()
                }],
                partitions: vec![v1::PartitionProgress {
                    partition: PARTITIONS,
                    committed_offset: Some(1),
                    ..v1::PartitionProgress::default()
                }],
                ..agent::v1::ConnectorReport::default()
            }
        };
        durable.connectors().map(report).collect()
    });
    agent::v1::StatusReport { sequence, connectors, ..agent::v1::StatusReport::default() }
}
