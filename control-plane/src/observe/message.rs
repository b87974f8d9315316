//! A message of WatchConnectors in bytes: the event, which is encoded once for
//! all who watch, and the token, which is each one's own.

use bytes::{BufMut, Bytes};
use kafka2oss_proto::v1;
use prost::{DecodeError, Message as _};
use v1::watch_connectors_response::Event;

use crate::encoded::Encoded;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    token: Bytes,
    event: Bytes,
}

impl Message {
    /// With the token of where the stream stands; empty within a snapshot.
    pub(super) fn new(token: String, event: Bytes) -> Self {
        let token = v1::WatchConnectorsResponse { resume_token: token, event: None };
        Self { token: token.encode_to_vec().into(), event }
    }

    /// An event as [`Message::new`] takes it.
    pub(super) fn encode(event: Event) -> Bytes {
        let message =
            v1::WatchConnectorsResponse { resume_token: String::new(), event: Some(event) };
        message.encode_to_vec().into()
    }

    /// What it says.
    pub(crate) fn decode(&self) -> Result<v1::WatchConnectorsResponse, DecodeError> {
        v1::WatchConnectorsResponse::decode([&self.token[..], &self.event[..]].concat().as_slice())
    }
}

impl Encoded for Message {
    fn len(&self) -> usize {
        self.token.len() + self.event.len()
    }

    fn put(&self, buffer: &mut impl BufMut) {
        buffer.put_slice(&self.token);
        buffer.put_slice(&self.event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_and_event_are_one_message() {
        for token in ["", "01K-7"] {
            let event = Event::Deleted(v1::ConnectorDeleted {
                name: "instances/i/connectors/c".to_owned(),
                uid: "u".to_owned(),
                reason: v1::DropReason::Deleted.into(),
            });
            let message = Message::new(token.to_owned(), Message::encode(event.clone()));
            let mut bytes = Vec::new();
            message.put(&mut bytes);
            assert_eq!(bytes.len(), message.len());
            let expected =
                v1::WatchConnectorsResponse { resume_token: token.to_owned(), event: Some(event) };
            assert_eq!(v1::WatchConnectorsResponse::decode(&bytes[..]), Ok(expected.clone()));
            assert_eq!(message.decode(), Ok(expected));
        }
    }
}
