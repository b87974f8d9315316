//! Messages as bytes, and views of them: of what a view does not name nothing is made,
//! so that the generator costs little beside the control plane.

use std::collections::HashMap;

use bytes::{Buf, BufMut, Bytes};
use kafka2oss_proto::{agent, v1};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Messages as they stand on the wire, both ways.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// Of `ConnectResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Told {
    #[prost(oneof = "ToAgent", tags = "1, 2, 3, 4")]
    pub(crate) message: Option<ToAgent>,
}

/// What an agent is told.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum ToAgent {
    #[prost(message, tag = "1")]
    Welcome(agent::v1::Welcome),
    #[prost(message, tag = "2")]
    Assignments(Assignments),
    #[prost(message, tag = "3")]
    Command(Command),
    #[prost(message, tag = "4")]
    Superseded(agent::v1::Superseded),
}

/// Of `AssignmentList`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Assignments {
    #[prost(uint64, tag = "1")]
    pub(crate) version: u64,
    #[prost(string, tag = "2")]
    pub(crate) nonce: String,
    #[prost(message, repeated, tag = "3")]
    pub(crate) connectors: Vec<Assignment>,
}

/// Of `ConnectorAssignment`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Assignment {
    #[prost(string, tag = "1")]
    pub(crate) connector: String,
    #[prost(string, tag = "2")]
    pub(crate) uid: String,
    #[prost(int64, tag = "3")]
    pub(crate) generation: i64,
    #[prost(uint64, tag = "4")]
    pub(crate) placement_version: u64,
    #[prost(message, optional, tag = "7")]
    pub(crate) epoch: Option<EpochNumber>,
    #[prost(int32, tag = "8")]
    pub(crate) run_mode: i32,
    #[prost(message, repeated, tag = "9")]
    pub(crate) tasks: Vec<agent::v1::TaskAssignment>,
}

/// Of `Epoch`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct EpochNumber {
    #[prost(int64, tag = "1")]
    pub(crate) number: i64,
}

/// Of `Command`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Command {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(oneof = "Order", tags = "3, 4, 5")]
    pub(crate) order: Option<Order>,
}

/// What an agent is to do.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Order {
    #[prost(message, tag = "3")]
    Prepare(Prepare),
    #[prost(message, tag = "4")]
    WriteTestMessage(()),
    #[prost(message, tag = "5")]
    Remove(()),
}

/// Of `PrepareConnector`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Prepare {
    #[prost(string, tag = "1")]
    pub(crate) connector: String,
    #[prost(message, optional, tag = "5")]
    pub(crate) epoch: Option<v1::Epoch>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) resources: Vec<v1::PlannedResource>,
}

/// Of `WatchConnectorsResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Seen {
    #[prost(oneof = "Event", tags = "2, 3, 4, 5, 6")]
    pub(crate) event: Option<Event>,
}

/// What a watcher sees.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Event {
    #[prost(message, tag = "2")]
    Upsert(Connector),
    #[prost(message, tag = "3")]
    Deleted(()),
    #[prost(message, tag = "4")]
    Synced(()),
    #[prost(message, tag = "5")]
    Reset(()),
    #[prost(message, tag = "6")]
    Heartbeat(()),
}

/// Of `Connector`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Connector {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) name: Bytes,
    #[prost(map = "string, string", tag = "6")]
    pub(crate) labels: HashMap<String, String>,
    #[prost(message, optional, tag = "12")]
    pub(crate) status: Option<Shown>,
}

/// Of `ConnectorStatus`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Shown {
    #[prost(int32, tag = "1")]
    pub(crate) state: i32,
    #[prost(message, repeated, tag = "3")]
    pub(crate) conditions: Vec<Condition>,
}

/// Of `Condition`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Condition {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) kind: Bytes,
    #[prost(int32, tag = "2")]
    pub(crate) status: i32,
}

/// Of `ListConnectorsResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Page {
    #[prost(message, repeated, tag = "1")]
    pub(crate) connectors: Vec<Named>,
    #[prost(string, tag = "2")]
    pub(crate) next_page_token: String,
}

/// Of `Connector`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Named {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) name: Bytes,
}

impl Connector {
    /// Whether it is shown as RUNNING, with every partition known to flow.
    pub(crate) fn flows(&self) -> bool {
        let is_true = v1::ConditionStatus::True as i32;
        self.status.as_ref().is_some_and(|status| {
            let mut conditions = status.conditions.iter();
            status.state == v1::ConnectorState::Running as i32
                && conditions.any(|one| one.kind == "Flowing" && one.status == is_true)
        })
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    /// As the view `V` sees a message.
    fn viewed<V: Message + Default>(message: &impl Message) -> V {
        V::decode(Bytes::from(message.encode_to_vec())).expect("the same fields")
    }

    fn named(name: &str) -> v1::Connector {
        v1::Connector {
            name: name.to_owned(),
            labels: [("k".to_owned(), "v".to_owned())].into(),
            spec: Some(v1::ConnectorSpec::default()),
            status: Some(v1::ConnectorStatus {
                state: v1::ConnectorState::Running.into(),
                conditions: vec![v1::Condition {
                    r#type: "Flowing".to_owned(),
                    status: v1::ConditionStatus::True.into(),
                    ..Default::default()
                }],
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn a_list_of_assignments_is_seen_as_it_is() {
        use agent::v1::connect_response::Message as Full;
        let assignment = agent::v1::ConnectorAssignment {
            connector: "instances/i/connectors/c-1".to_owned(),
            uid: "u".to_owned(),
            generation: 3,
            placement_version: 4,
            epoch: Some(v1::Epoch { number: 5, ..Default::default() }),
            run_mode: agent::v1::RunMode::Pause.into(),
            tasks: vec![agent::v1::TaskAssignment { index: 1, threads: 3 }],
            ..Default::default()
        };
        let list = agent::v1::AssignmentList {
            version: 7,
            nonce: "n".to_owned(),
            connectors: vec![assignment.clone()],
            answered_request: 2,
        };
        let message = agent::v1::ConnectResponse { message: Some(Full::Assignments(list)) };
        let Some(ToAgent::Assignments(seen)) = viewed::<Told>(&message).message else {
            panic!("no list")
        };
        let one = Assignment {
            connector: assignment.connector,
            uid: assignment.uid,
            generation: 3,
            placement_version: 4,
            epoch: Some(EpochNumber { number: 5 }),
            run_mode: agent::v1::RunMode::Pause.into(),
            tasks: assignment.tasks,
        };
        let expected = Assignments { version: 7, nonce: "n".to_owned(), connectors: vec![one] };
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_command_is_seen_as_it_is() {
        use agent::v1::command::Command as Kind;
        use agent::v1::connect_response::Message as Full;
        let prepare = agent::v1::PrepareConnector {
            connector: "c".to_owned(),
            epoch: Some(v1::Epoch { number: 2, ..Default::default() }),
            resources: vec![v1::PlannedResource { partitions: 6, ..Default::default() }],
            ..Default::default()
        };
        let kinds = [
            Kind::PrepareConnector(prepare.clone()),
            Kind::WriteTestMessage(agent::v1::WriteTestMessage::default()),
            Kind::RemoveResources(agent::v1::RemoveResources::default()),
        ];
        let agent::v1::PrepareConnector { connector, epoch, resources, .. } = prepare;
        let expected = [
            Order::Prepare(Prepare { connector, epoch, resources }),
            Order::WriteTestMessage(()),
            Order::Remove(()),
        ];
        for (kind, expected) in kinds.into_iter().zip(expected) {
            let command = agent::v1::Command {
                id: "i".to_owned(),
                command: Some(kind),
                ..Default::default()
            };
            let message = agent::v1::ConnectResponse { message: Some(Full::Command(command)) };
            let Some(ToAgent::Command(seen)) = viewed::<Told>(&message).message else {
                panic!("no command")
            };
            assert_eq!(seen, Command { id: "i".to_owned(), order: Some(expected) });
        }
    }

    #[test]
    fn the_other_messages_to_an_agent_are_told_apart() {
        use agent::v1::connect_response::Message as Full;
        let superseded = agent::v1::Superseded { message: "m".to_owned() };
        let message =
            agent::v1::ConnectResponse { message: Some(Full::Superseded(superseded.clone())) };
        assert_eq!(viewed::<Told>(&message).message, Some(ToAgent::Superseded(superseded)));
        let welcome = agent::v1::Welcome { store_id: "s".to_owned(), ..Default::default() };
        let message = agent::v1::ConnectResponse { message: Some(Full::Welcome(welcome.clone())) };
        assert_eq!(viewed::<Told>(&message).message, Some(ToAgent::Welcome(welcome)));
    }

    #[test]
    fn events_are_told_apart_and_a_connector_that_flows_is_seen_to() {
        use v1::watch_connectors_response::Event as Full;
        let seen = |event| {
            let resume_token = "t".to_owned();
            let message = v1::WatchConnectorsResponse { resume_token, event: Some(event) };
            viewed::<Seen>(&message).event.expect("an event")
        };
        let Event::Upsert(connector) = seen(Full::Upsert(named("c-1"))) else { panic!() };
        assert!(connector.flows() && connector.name == "c-1" && connector.labels["k"] == "v");
        let mut still = named("c-1");
        still.status.as_mut().expect("a status").conditions.clear();
        let Event::Upsert(connector) = seen(Full::Upsert(still)) else { panic!() };
        assert!(!connector.flows());
        let deleted = v1::ConnectorDeleted {
            name: "n".to_owned(),
            uid: "u".to_owned(),
            ..Default::default()
        };
        assert_eq!(seen(Full::Deleted(deleted)), Event::Deleted(()));
        assert_eq!(seen(Full::Synced(())), Event::Synced(()));
        assert_eq!(seen(Full::Reset(())), Event::Reset(()));
        assert_eq!(seen(Full::Heartbeat(())), Event::Heartbeat(()));
    }

    #[test]
    fn a_page_tells_its_names_and_the_next_one() {
        let page = v1::ListConnectorsResponse {
            connectors: vec![named("a"), named("b")],
            next_page_token: "b".to_owned(),
            total_size: 2,
        };
        let seen: Page = viewed(&page);
        let names: Vec<_> = seen.connectors.iter().map(|one| one.name.clone()).collect();
        assert_eq!((names, seen.next_page_token.as_str()), (vec!["a".into(), "b".into()], "b"));
    }
}
