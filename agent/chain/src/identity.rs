//! Whose chain it is, and the chain id: eight characters that keep the keys of
//! one chain apart from those of any other connector, topic incarnation or
//! epoch.

use sha2::{Digest, Sha256};

use crate::ChainId;

/// Whose chain it is: a commit or an object of another one is not a link of
/// this one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The connector's uid.
    pub uid: String,
    /// Kafka's id of the topic; empty where brokers have none.
    pub topic_id: String,
    /// Number of the epoch.
    pub epoch: u64,
}

impl Identity {
    /// The chain id: the first 40 bits of a SHA-256 over uid, topic id and epoch, in
    /// base32.
    pub fn chain_id(&self) -> ChainId {
        let mut hash = Sha256::new();
        // Lengths in front, so that no two identities give the same bytes.
        for part in [self.uid.as_bytes(), self.topic_id.as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.update(self.epoch.to_be_bytes());
        let digest = hash.finalize();

        let bits = digest[..5].iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        ChainId::of_bits(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(uid: &str, topic_id: &str, epoch: u64) -> Identity {
        Identity { uid: uid.into(), topic_id: topic_id.into(), epoch }
    }

    #[test]
    fn it_stays_the_same_for_ever() {
        // Written down when the first object was: a change would cut every
        // chain that exists.
        let id = identity("01JD0000000000000000000000", "mFpQHAqlQ5aRNZxNnSeMZQ", 1).chain_id();
        assert_eq!(id.to_string(), "nwkpuwqm");
    }

    #[test]
    fn uid_topic_id_and_epoch_each_make_another_chain() {
        let ids = [
            identity("a", "t", 1).chain_id(),
            identity("b", "t", 1).chain_id(),
            identity("a", "u", 1).chain_id(),
            identity("a", "t", 2).chain_id(),
            identity("at", "", 1).chain_id(),
        ];
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id), "{id} stands twice");
        }
    }
}
