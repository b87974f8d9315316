//! What an agent is told, in bytes: lists of assignments are put together from parts that
//! are encoded already.

use bytes::BufMut;
use kafka2oss_proto::agent::v1::connect_response::Message;

use crate::encoded::{Encoded, begin_field, field_len};
use crate::fleet::List;

/// Number of `assignments` in ConnectResponse.
const ASSIGNMENTS: u8 = 2;

/// A ConnectResponse.
#[derive(Debug)]
pub(crate) enum Told {
    /// A list of assignments.
    Assignments(List),
    /// Anything else.
    Message(Box<Message>),
}

impl From<Message> for Told {
    fn from(message: Message) -> Self {
        Self::Message(Box::new(message))
    }
}

impl Encoded for Told {
    fn len(&self) -> usize {
        match self {
            Self::Assignments(list) => field_len::<ASSIGNMENTS>(list.len()),
            Self::Message(message) => message.encoded_len(),
        }
    }

    fn put(&self, buffer: &mut impl BufMut) {
        match self {
            Self::Assignments(list) => {
                begin_field::<ASSIGNMENTS>(list.len(), buffer);
                list.put(buffer);
            }
            Self::Message(message) => message.encode(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kafka2oss_proto::agent;
    use prost::Message as _;

    use super::*;

    #[test]
    fn whatever_is_told_is_a_message_of_the_stream() {
        let list = List::new(7, "nonce".to_owned(), Arc::default());
        let message = agent::v1::AssignmentList {
            version: 7,
            nonce: "nonce".to_owned(),
            ..agent::v1::AssignmentList::default()
        };
        let superseded = Message::Superseded(agent::v1::Superseded { message: "stop".to_owned() });
        for (told, expected) in [
            (Told::Assignments(list), Message::Assignments(message)),
            (Told::from(superseded.clone()), superseded),
        ] {
            let mut bytes = Vec::new();
            told.put(&mut bytes);
            assert_eq!(bytes.len(), told.len());
            let expected = agent::v1::ConnectResponse { message: Some(expected) };
            assert_eq!(agent::v1::ConnectResponse::decode(&bytes[..]), Ok(expected));
        }
    }
}
