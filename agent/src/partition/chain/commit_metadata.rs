//! What a committed offset carries besides the number: whose it is.

use super::Identity;

/// Format version and what marks a commit as ours.
const MARK: &str = "k2o1";

/// Metadata of a commit, in clear ASCII: `k2o1;{uid};{topic id};{epoch}`.
/// Later versions append fields; a reader passes over those that it does not
/// know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitMetadata {
    /// Whose chain the offset is the position of.
    pub identity: Identity,
}

impl CommitMetadata {
    /// Text to commit. Kafka takes 4,096 bytes by default
    /// (`offset.metadata.max.bytes`); this has about 60.
    pub fn encode(&self) -> String {
        let Identity { uid, topic_id, epoch } = &self.identity;
        format!("{MARK};{uid};{topic_id};{epoch}")
    }

    /// Reads metadata as any tool may have committed it; `None` when it is not
    /// ours.
    pub fn decode(metadata: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(metadata).ok()?;
        let mut fields = text.split(';');
        if fields.next()? != MARK {
            return None;
        }
        let uid = fields.next().filter(|uid| !uid.is_empty())?.to_owned();
        let topic_id = fields.next()?.to_owned();
        let epoch = fields.next()?.parse().ok()?;
        Some(Self { identity: Identity { uid, topic_id, epoch } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_committed_is_read_back(
            uid in "[A-Z0-9]{1,26}", topic_id in "[A-Za-z0-9_-]{0,22}", epoch: u64,
        ) {
            let metadata = CommitMetadata { identity: Identity { uid, topic_id, epoch } };
            prop_assert_eq!(CommitMetadata::decode(metadata.encode().as_bytes()), Some(metadata));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = CommitMetadata::decode(&bytes);
        }
    }

    #[test]
    fn metadata_of_others_is_not_ours() {
        for other in ["", "k2o1", "k2o1;;t;1", "k2o1;u;t", "k2o1;u;t;x", "k2o2;u;t;1", "NONE"] {
            assert_eq!(CommitMetadata::decode(other.as_bytes()), None, "{other}");
        }
        assert_eq!(CommitMetadata::decode(b"k2o1;u\xff;t;1"), None);
    }

    #[test]
    fn fields_of_a_later_version_are_passed_over() {
        let read = CommitMetadata::decode(b"k2o1;u;t;1;more;and more").expect("ours");
        assert_eq!(read.identity.epoch, 1);
    }
}
