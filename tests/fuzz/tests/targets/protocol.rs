//! What comes over the stream between control plane and agents.

use std::fmt::Debug;

use bolero::TypeGenerator;
use kafka2oss_fuzz::Near;
use kafka2oss_proto::agent::v1::{connect_request, connect_response};
use kafka2oss_proto::{agent, v1};
use prost::Message;

use crate::specs::{connector_spec, instance};
use crate::wire::Fields;

/// Bytes of protobuf's own: groups, deprecated and reserved wire types, numbers
/// of too many bytes, a nesting without end.
const WORDS: [&str; 6] = ["\x0b", "\x0c", "\x0f", "\x00", "\x7f\x7f", "\x0a\x7f\x0a\x7f\x0a\x7f"];

#[derive(Debug, TypeGenerator)]
enum Given {
    Near(Near),
    Fields(Fields),
}

impl Given {
    fn bytes(&self, right: &impl Message) -> Vec<u8> {
        match self {
            Self::Near(near) => near.to(right.encode_to_vec(), &WORDS),
            Self::Fields(fields) => fields.encode(),
        }
    }
}

/// Decodes, and asserts that what is taken is what it would be sent as.
fn decode<M: Message + Default + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(read) = M::decode(bytes) {
        assert_eq!(M::decode(read.encode_to_vec().as_slice()), Ok(read));
    }
}

#[test]
fn a_message_of_an_agent_that_is_taken_is_what_it_would_be_sent_as() {
    let right = agent::v1::ConnectRequest {
        message: Some(connect_request::Message::StatusReport(agent::v1::StatusReport {
            sequence: 1,
            time: Some(prost_types::Timestamp { seconds: 1, nanos: 2 }),
            load: Some(v1::AgentLoad { cpu_cores: 1.5, ..Default::default() }),
            connectors: vec![agent::v1::ConnectorReport {
                connector: "instances/i/connectors/c".into(),
                tasks: vec![agent::v1::TaskReport {
                    index: 1,
                    problem: Some(agent::v1::Problem { code: "C".into(), message: "m".into() }),
                    ..Default::default()
                }],
                partitions: vec![v1::PartitionProgress::default(); 2],
                totals: Some(v1::ConnectorTotals::default()),
                ..Default::default()
            }],
        })),
    };
    bolero::check!().with_type().for_each(move |given: &Given| {
        decode::<agent::v1::ConnectRequest>(&given.bytes(&right));
    });
}

#[test]
fn a_message_of_the_control_plane_that_is_taken_is_what_it_would_be_sent_as() {
    let right = agent::v1::ConnectResponse {
        message: Some(connect_response::Message::Assignments(agent::v1::AssignmentList {
            version: 1,
            nonce: "n".into(),
            connectors: vec![agent::v1::ConnectorAssignment {
                connector: "instances/i/connectors/c".into(),
                spec: Some(connector_spec()),
                instance: Some(instance()),
                epoch: Some(v1::Epoch {
                    number: 1,
                    topic_id: "t".into(),
                    start_offsets: [(0, 7), (1, 9)].into(),
                    ..Default::default()
                }),
                committed_partitions: vec![0, 1],
                ..Default::default()
            }],
            answered_request: 0,
        })),
    };
    bolero::check!().with_type().for_each(move |given: &Given| {
        decode::<agent::v1::ConnectResponse>(&given.bytes(&right));
    });
}
