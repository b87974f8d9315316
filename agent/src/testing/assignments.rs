//! Legal assignments.

use kafka2oss_domain::names::ConnectorName;
use kafka2oss_proto::spec::defaults::{self, Context};
use kafka2oss_proto::v1::{self, secret::Source};
use kafka2oss_proto::{Count, agent};

use crate::assignment::Assignment;

/// The name of the connector of this ID.
pub(crate) fn connector_name(id: &str) -> ConnectorName {
    format!("instances/i/connectors/{id}").parse().expect("a legal name")
}

/// A legal assignment of these tasks, with credentials by reference.
pub(crate) fn wire(id: &str, indexes: &[u32]) -> agent::v1::ConnectorAssignment {
    let reference = |name: &str| v1::Secret { source: Some(Source::Environment(name.to_owned())) };
    let mut spec = v1::ConnectorSpec {
        source: Some(v1::KafkaSource { topic: "t".to_owned(), ..Default::default() }),
        destination: Some(v1::ObjectStoreDestination {
            bucket: "bucket".to_owned(),
            credentials: Some(v1::StoreCredentials {
                kind: Some(v1::store_credentials::Kind::AccessKey(v1::AccessKey {
                    id: Some(reference("ID")),
                    secret: Some(reference("SECRET")),
                    session_token: None,
                })),
            }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let context =
        Context { connector_id: id, region_id: "cn-hangzhou", vpc_id: "", vswitch_id: "" };
    defaults::fill(&mut spec, context);
    agent::v1::ConnectorAssignment {
        connector: connector_name(id).to_string(),
        uid: format!("uid-{id}"),
        generation: 1,
        placement_version: 1,
        spec: Some(spec),
        instance: Some(v1::Instance {
            name: "instances/i".to_owned(),
            region_id: "cn-hangzhou".to_owned(),
            bootstrap_servers: vec!["localhost:9092".to_owned()],
            security_protocol: v1::SecurityProtocol::Plaintext.into(),
            ..Default::default()
        }),
        epoch: Some(v1::Epoch {
            number: 1,
            topic_id: "id".to_owned(),
            start_offsets: [(0, 5), (1, 0)].into(),
            fixed_time: Some(prost_types::Timestamp::default()),
            ..Default::default()
        }),
        run_mode: agent::v1::RunMode::Run.into(),
        delivery_guarantee: v1::DeliveryGuarantee::ExactlyOnce.into(),
        tasks: indexes
            .iter()
            .map(|&index| agent::v1::TaskAssignment { index: index.to_wire(), threads: 3 })
            .collect(),
        ..Default::default()
    }
}

/// The same as the domain has it.
pub(crate) fn assignment(id: &str, indexes: &[u32]) -> Assignment {
    Assignment::try_from(wire(id, indexes)).expect("a legal assignment")
}

/// A decision about a partition that has stopped.
pub(crate) fn resume(
    partition: i32,
    number: u64,
    skip_offset: Option<i64>,
) -> agent::v1::PartitionResume {
    agent::v1::PartitionResume { partition, number, skip_offset }
}

/// Gives it inline credentials: `Plain(secret)` or `Withheld(true)`.
pub(crate) fn inline(wire: &mut agent::v1::ConnectorAssignment, source: &Source) {
    let destination = wire.spec.as_mut().and_then(|spec| spec.destination.as_mut());
    let secret = || Some(v1::Secret { source: Some(source.clone()) });
    destination.expect("a destination").credentials = Some(v1::StoreCredentials {
        kind: Some(v1::store_credentials::Kind::AccessKey(v1::AccessKey {
            id: secret(),
            secret: secret(),
            session_token: None,
        })),
    });
}
