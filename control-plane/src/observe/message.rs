//! A message of a watch in bytes: the event, which is encoded once for all who watch, and
//! the token, which is each one's own.

use bytes::{BufMut, Bytes};
use prost::{DecodeError, encoding};

use crate::encoded::Encoded;

/// The field of the token, in the messages of every watch.
const TOKEN: u32 = 1;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    token: Bytes,
    event: Bytes,
}

impl Message {
    /// With the token of where the stream stands, which is empty within a snapshot, and an
    /// encoded message without one.
    pub(super) fn new(token: &String, event: Bytes) -> Self {
        let mut bytes = Vec::new();
        if !token.is_empty() {
            encoding::string::encode(TOKEN, token, &mut bytes);
        }
        Self { token: bytes.into(), event }
    }

    /// What it says, as the message of its watch.
    pub(crate) fn decode<Response>(&self) -> Result<Response, DecodeError>
    where
        Response: prost::Message + Default,
    {
        Response::decode([&self.token[..], &self.event[..]].concat().as_slice())
    }

    /// The part of it that all who watch share.
    #[cfg(test)]
    pub(super) fn event(&self) -> &Bytes {
        &self.event
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
    use kafka2oss_proto::v1;
    use prost::Message as _;

    use super::*;
    use crate::observe::agents::ShownAgent;
    use crate::observe::shown::Shown;
    use crate::observe::watchable::{Event, Watchable};

    #[test]
    fn token_and_event_are_one_message() {
        for token in ["", "01K-7"] {
            let resume_token = token.to_owned();
            let event = v1::watch_connectors_response::Event::Synced(());
            let connectors =
                v1::WatchConnectorsResponse { resume_token: token.to_owned(), event: Some(event) };
            let event = v1::watch_agents_response::Event::Synced(());
            let agents =
                v1::WatchAgentsResponse { resume_token: token.to_owned(), event: Some(event) };
            let message = Message::new(&resume_token, Shown::encode(Event::Synced));
            let mut bytes = Vec::new();
            message.put(&mut bytes);
            assert_eq!(bytes.len(), message.len());
            assert_eq!(v1::WatchConnectorsResponse::decode(&bytes[..]), Ok(connectors.clone()));
            assert_eq!(message.decode(), Ok(connectors));
            let message = Message::new(&resume_token, ShownAgent::encode(Event::Synced));
            assert_eq!(message.decode(), Ok(agents));
        }
    }
}
