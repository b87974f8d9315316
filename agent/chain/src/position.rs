//! Where the chain of a partition goes on when a task becomes its owner.

use std::cmp::Ordering;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;

use crate::{Checkpoint, Commit, CommitMetadata, Identity, LogPosition, Pin, Tally};

/// What the group holds for a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The committed offset.
    pub offset: i64,
    /// Its metadata, as it was committed by whomever.
    pub metadata: Vec<u8>,
}

/// What the group's offset says about the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// The chain goes on here.
    Committed(Commit),
    /// The group holds no offset of this chain: see [`recover`]. What another chain of
    /// the same connector has come to by the group's offset is counted on.
    Absent(Tally),
    /// Nowhere until the problem is gone.
    Stop(Problem),
}

/// Decides what the group's offset says about the chain of `identity`.
///
/// An offset with another uid or topic id (Kafka takes commits by name, so a
/// recreated topic can carry an old one), of a lower epoch or without our
/// metadata counts as absent.
pub fn position(committed: Option<&Committed>, identity: &Identity, partition: i32) -> Position {
    let Some(Committed { offset, metadata }) = committed else {
        return Position::Absent(Tally::default());
    };
    let Some(metadata) = CommitMetadata::decode(metadata) else {
        return Position::Absent(Tally::default());
    };
    let CommitMetadata { identity: owner, next_key, leader_epoch, owners, tally } = metadata;
    if owner.uid != identity.uid {
        return Position::Absent(Tally::default());
    }
    // Epochs first: an offset of a later one is never overwritten, whatever the
    // topic was then.
    match owner.epoch.cmp(&identity.epoch) {
        Ordering::Less => Position::Absent(tally),
        Ordering::Equal if owner.topic_id != identity.topic_id => Position::Absent(tally),
        Ordering::Equal => match pin(next_key.as_deref(), identity, partition, *offset) {
            Ok(pin) => {
                let position = LogPosition { offset: *offset, leader_epoch };
                Position::Committed(Commit { position, pin, owners, tally })
            }
            Err(problem) => Position::Stop(problem),
        },
        Ordering::Greater => Position::Stop(Problem::new(
            ErrorCode::EpochAhead,
            format!(
                "the group's offset is of epoch {}, this assignment of epoch {}",
                owner.epoch, identity.epoch
            ),
        )),
    }
}

/// Where a chain goes on whose group holds no offset of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// At its highest checkpoint.
    Checkpoint(Commit),
    /// At the epoch's start: this chain has committed nothing yet.
    Start(i64),
    /// At the partition's beginning: it was added after the epoch's start was
    /// read.
    Beginning,
    /// Nowhere until the problem is gone.
    Stop(Problem),
}

/// Decides where a chain goes on whose group holds no offset of it. `start` is
/// the partition's offset in the epoch's start vector; `commit_seen` says that
/// the control plane has seen a commit of this epoch, or may have.
///
/// Where `commit_seen`, `checkpoints` are to be read after so long since the offset
/// was found absent that no checkpoint of an owner that was left behind arrives any
/// more. One that does all the same, from a process or broker that was frozen, is not
/// taken for a later owner's. It never falls back to a start that may have been
/// passed.
pub fn recover<'a>(
    identity: &Identity,
    partition: i32,
    start: Option<i64>,
    commit_seen: bool,
    checkpoints: impl IntoIterator<Item = &'a Checkpoint>,
) -> Recovery {
    let own: Vec<_> =
        checkpoints.into_iter().filter(|checkpoint| checkpoint.is_of(identity)).collect();
    let Some(last) = own.iter().max_by_key(|own| own.rank()) else {
        return match start {
            _ if commit_seen => Recovery::Stop(lost(partition)),
            Some(start) => Recovery::Start(start),
            None => Recovery::Beginning,
        };
    };
    let other = own.iter().find(|own| own.rank() == last.rank() && own.next_key != last.next_key);
    if let (Some(other), Some(one)) = (other, &last.next_key) {
        return Recovery::Stop(undecided(partition, last.offset, one, other));
    }
    let position = last.position();
    // Whoever comes now is later than all of them.
    let owners = own.iter().map(|own| own.owners).max().unwrap_or(0);
    match pin(last.next_key.as_deref(), identity, partition, position.offset) {
        Ok(pin) => Recovery::Checkpoint(Commit { position, pin, owners, tally: last.tally }),
        Err(problem) => Recovery::Stop(problem),
    }
}

/// Two owners that knew nothing of each other: either's object may stand.
fn undecided(partition: i32, offset: i64, one: &str, other: &Checkpoint) -> Problem {
    let other = other.next_key.as_deref().unwrap_or_default();
    let message = format!(
        "the group holds no offset for partition {partition}, and two checkpoints of offset \
         {offset} name `{one}` and `{other}` as the next object"
    );
    Problem::new(ErrorCode::PositionLost, message)
}

fn lost(partition: i32) -> Problem {
    let message = format!(
        "the group holds no offset for partition {partition}, and the offset topic no checkpoint"
    );
    Problem::new(ErrorCode::PositionLost, message)
}

/// A key that was read where a pin belongs.
fn pin(
    key: Option<&str>,
    identity: &Identity,
    partition: i32,
    offset: i64,
) -> Result<Option<Pin>, Problem> {
    let Some(key) = key else { return Ok(None) };
    match Pin::of_chain(key, &identity.chain_id(), partition, offset) {
        Some(pin) => Ok(Some(pin)),
        None => Err(Problem::new(
            ErrorCode::PositionLost,
            format!(
                "the position {offset} of partition {partition} names `{key}` as the next object, \
                 which is none of this chain"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use kafka2oss_domain::spec::Layout;

    use super::*;
    use crate::KeyLayout;

    const LEADER_EPOCH: i32 = 5;

    const TALLY: Tally =
        Tally { records: 9, objects: 2, bytes: 300, dead_letters: 1, lost_offsets: 4 };

    fn identity(uid: &str, topic_id: &str, epoch: u64) -> Identity {
        Identity { uid: uid.into(), topic_id: topic_id.into(), epoch }
    }

    fn pin_of(identity: &Identity, first: i64) -> Pin {
        pin_in(identity, "p/", first)
    }

    fn pin_in(identity: &Identity, prefix: &str, first: i64) -> Pin {
        let layout = Layout { prefix: prefix.into(), time_buckets: None, hash_prefix: false };
        KeyLayout::new(&layout, "t", 0, identity.chain_id()).link(first, 0, "json", None)
    }

    fn commit(offset: i64, pin: Option<&Pin>, owners: u64) -> Commit {
        let position = LogPosition { offset, leader_epoch: Some(LEADER_EPOCH) };
        Commit { position, pin: pin.cloned(), owners, tally: TALLY }
    }

    fn committed(offset: i64, by: Identity, pin: Option<&Pin>) -> Committed {
        let metadata = CommitMetadata::new(by, &commit(offset, pin, 4)).encode().into_bytes();
        Committed { offset, metadata }
    }

    #[test]
    fn the_chains_own_offset_is_its_position_with_its_pin() {
        let me = identity("u", "t", 2);
        let pin = pin_of(&me, 40);
        for pin in [None, Some(pin)] {
            let found = committed(40, me.clone(), pin.as_ref());
            let commit = commit(40, pin.as_ref(), 4);
            assert_eq!(position(Some(&found), &me, 0), Position::Committed(commit));
        }
    }

    #[test]
    fn what_is_not_the_chains_own_counts_as_absent() {
        let me = identity("u", "t", 2);
        let none = Tally::default();
        for (found, before) in [
            (None, none),
            (Some(committed(40, identity("v", "t", 2), None)), none),
            // The connector's own: counted on.
            (Some(committed(40, identity("u", "s", 2), None)), TALLY),
            (Some(committed(40, identity("u", "t", 1), None)), TALLY),
            (Some(Committed { offset: 40, metadata: Vec::new() }), none),
            (Some(Committed { offset: 40, metadata: b"\xff".to_vec() }), none),
        ] {
            assert_eq!(position(found.as_ref(), &me, 0), Position::Absent(before), "{found:?}");
        }
    }

    #[test]
    fn a_later_epochs_offset_stops_the_partition() {
        let me = identity("u", "t", 2);
        for topic_id in ["t", "another"] {
            let found = committed(40, identity("u", topic_id, 3), None);
            let Position::Stop(problem) = position(Some(&found), &me, 0) else {
                panic!("it goes on")
            };
            assert_eq!(problem.code, ErrorCode::EpochAhead);
        }
    }

    #[test]
    fn a_pin_that_is_none_of_the_chain_stops_the_partition() {
        let me = identity("u", "t", 2);
        for pin in [pin_of(&me, 41), pin_of(&identity("v", "t", 2), 40)] {
            let found = committed(40, me.clone(), Some(&pin));
            let Position::Stop(problem) = position(Some(&found), &me, 0) else {
                panic!("it goes on")
            };
            assert_eq!(problem.code, ErrorCode::PositionLost);
        }
    }

    #[test]
    fn a_lost_position_is_the_highest_checkpoint_of_the_chain() {
        let me = identity("u", "t", 2);
        let other = identity("u", "t", 1);
        let at = |of: &Identity, offset, owners| {
            Checkpoint::new(of, &commit(offset, Some(&pin_of(of, offset)), owners))
        };
        let checkpoints = [at(&me, 10, 5), at(&me, 30, 2), at(&me, 20, 3), at(&other, 90, 9)];
        let expected = commit(30, Some(&pin_of(&me, 30)), 5);
        for seen in [false, true] {
            let found = recover(&me, 0, Some(7), seen, &checkpoints);
            assert_eq!(found, Recovery::Checkpoint(expected.clone()));
        }
    }

    #[test]
    fn of_one_offset_an_announcement_counts_then_the_later_owner() {
        let me = identity("u", "t", 2);
        let (one, two) = (pin_of(&me, 30), pin_in(&me, "q/", 30));
        let at = |pin, owners| Checkpoint::new(&me, &commit(30, pin, owners));
        let (one, two) = (Some(&one), Some(&two));
        for (checkpoints, pin, owners) in [
            ([at(None, 9), at(one, 3)], one, 9),
            ([at(one, 3), at(two, 4)], two, 4),
            ([at(one, 5), at(two, 4)], one, 5),
            ([at(one, 4), at(one, 4)], one, 4),
            ([at(None, 4), at(None, 5)], None, 5),
        ] {
            for checkpoints in [checkpoints.clone(), {
                let [a, b] = checkpoints;
                [b, a]
            }] {
                let found = recover(&me, 0, Some(7), true, &checkpoints);
                assert_eq!(found, Recovery::Checkpoint(commit(30, pin, owners)));
            }
        }
    }

    #[test]
    fn two_announcements_of_which_neither_is_the_later_stop_the_partition() {
        let me = identity("u", "t", 2);
        let (one, two) = (pin_of(&me, 30), pin_in(&me, "q/", 30));
        let checkpoints = [&one, &two].map(|pin| Checkpoint::new(&me, &commit(30, Some(pin), 4)));
        let Recovery::Stop(problem) = recover(&me, 0, Some(7), true, &checkpoints) else {
            panic!("it takes one of them")
        };
        assert_eq!(problem.code, ErrorCode::PositionLost);
        assert!(problem.message.contains(one.key()) && problem.message.contains(two.key()));
    }

    #[test]
    fn without_a_checkpoint_only_an_untouched_chain_starts() {
        let me = identity("u", "t", 2);
        assert_eq!(recover(&me, 0, Some(7), false, []), Recovery::Start(7));
        assert_eq!(recover(&me, 0, None, false, []), Recovery::Beginning);
        let Recovery::Stop(problem) = recover(&me, 0, Some(7), true, []) else {
            panic!("it falls back to the start")
        };
        assert_eq!(problem.code, ErrorCode::PositionLost);
    }
}
