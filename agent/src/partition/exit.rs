//! Why a partition's loop ended.

use kafka2oss_chain::{Commit, Owner};
use kafka2oss_domain::error_code::Problem;

use super::commit::CommitError;
use super::deliver::Undelivered;

/// Why a loop ended.
#[derive(Debug, Clone)]
pub(crate) enum Exit {
    /// It was told to; everything is delivered.
    Closed,
    /// The chain goes on at another offset than its own next one, or under other keys.
    Rewind(Commit),
    /// The chain goes on where it is, without the record before being read first.
    WithoutWitness(Commit),
    /// A pause has given up what could not be delivered in time. What was asked of store
    /// and broker last may still be carried out.
    Abandoned(Abandoned),
    /// It waits for a decision; what stands before is delivered.
    Stopped(Problem),
    /// The same, since the log was truncated, unless the topic is another one.
    Truncated(Problem),
    /// The broker has nothing at the offset that it was asked for.
    OutOfRange(OutOfRange),
    /// The partition is another's, by now.
    Revoked,
    /// The consumer is of no more use.
    Broken(Problem),
}

/// The broker has nothing at the offset that it was asked for.
#[derive(Debug, Clone)]
pub(crate) struct OutOfRange {
    /// That offset: the chain's position, or of the record before it.
    pub offset: i64,
    /// Beginning and end of the partition's log when the broker said so.
    pub log: (i64, i64),
    /// Where the chain stands.
    pub standing: Commit,
}

/// What a pause has given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Abandoned {
    /// Where the loop began.
    pub from: i64,
    /// Offset after the last record that was taken.
    pub to: i64,
}

impl Exit {
    /// The chain goes on where its owner is by now.
    pub(super) fn rewind(owner: &Owner) -> Self {
        Self::Rewind(owner.standing().clone())
    }
}

impl From<Undelivered> for Exit {
    fn from(undelivered: Undelivered) -> Self {
        match undelivered {
            Undelivered::Rewind(standing) => Self::Rewind(standing),
            Undelivered::Stop(problem) => Self::Stopped(problem),
            Undelivered::Commit(CommitError::Revoked) => Self::Revoked,
            Undelivered::Commit(CommitError::Failed(problem)) => Self::Broken(problem),
        }
    }
}
