//! Where the chain of a partition goes on when a task becomes its owner.

use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::error_code::Problem;

use super::{CommitMetadata, Identity};

/// What the group holds for a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The committed offset.
    pub offset: i64,
    /// Its metadata, as it was committed by whomever.
    pub metadata: Vec<u8>,
}

/// Where the chain goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// At an offset that this chain has committed.
    Committed(i64),
    /// At the epoch's start: this chain has committed nothing yet.
    Start(i64),
    /// At the partition's beginning: it was added after the epoch's start was
    /// read.
    Beginning,
    /// Nowhere until the problem is gone.
    Stop(Problem),
}

/// Decides where the chain of `identity` goes on. `start` is the partition's
/// offset in the epoch's start vector.
///
/// An offset with another uid or topic id (Kafka takes commits by name, so a
/// recreated topic can carry an old one), of a lower epoch or without our
/// metadata counts as absent.
pub fn position(
    committed: Option<&Committed>,
    identity: &Identity,
    start: Option<i64>,
) -> Position {
    let absent = || start.map_or(Position::Beginning, Position::Start);
    let Some(committed) = committed else { return absent() };
    let Some(CommitMetadata { identity: owner }) = CommitMetadata::decode(&committed.metadata)
    else {
        return absent();
    };
    if owner.uid != identity.uid || owner.topic_id != identity.topic_id {
        return absent();
    }
    match owner.epoch.cmp(&identity.epoch) {
        std::cmp::Ordering::Less => absent(),
        std::cmp::Ordering::Equal => Position::Committed(committed.offset),
        std::cmp::Ordering::Greater => Position::Stop(Problem::new(
            ErrorCode::EpochAhead,
            format!(
                "the group's offset is of epoch {}, this assignment of epoch {}",
                owner.epoch, identity.epoch
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(uid: &str, topic_id: &str, epoch: u64) -> Identity {
        Identity { uid: uid.into(), topic_id: topic_id.into(), epoch }
    }

    fn committed(offset: i64, by: Identity) -> Committed {
        Committed { offset, metadata: CommitMetadata { identity: by }.encode().into_bytes() }
    }

    #[test]
    fn the_chains_own_offset_is_its_position() {
        let me = identity("u", "t", 2);
        let found = committed(40, me.clone());
        assert_eq!(position(Some(&found), &me, Some(7)), Position::Committed(40));
    }

    #[test]
    fn what_is_not_the_chains_own_counts_as_absent() {
        let me = identity("u", "t", 2);
        let others = [
            None,
            Some(committed(40, identity("v", "t", 2))),
            Some(committed(40, identity("u", "s", 2))),
            Some(committed(40, identity("u", "t", 1))),
            Some(Committed { offset: 40, metadata: Vec::new() }),
            Some(Committed { offset: 40, metadata: b"\xff".to_vec() }),
        ];
        for found in others {
            assert_eq!(position(found.as_ref(), &me, Some(7)), Position::Start(7), "{found:?}");
            assert_eq!(position(found.as_ref(), &me, None), Position::Beginning, "{found:?}");
        }
    }

    #[test]
    fn a_later_epochs_offset_stops_the_partition() {
        let me = identity("u", "t", 2);
        let found = committed(40, identity("u", "t", 3));
        let Position::Stop(problem) = position(Some(&found), &me, Some(7)) else {
            panic!("it goes on")
        };
        assert_eq!(problem.code, ErrorCode::EpochAhead);
    }
}
