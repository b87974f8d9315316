//! What cannot even be fetched: it is left out as a bad record is, by the policy or by a
//! decision, one offset at a time. How many records the batch holds that is too large,
//! and where it ends, nobody can tell who has not fetched it: the offset behind may be of
//! the same one, and is found out about in the same way.

use std::time::Instant;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::FailureHandlingPolicy;
use kafka2oss_kafka::millis_since_1970;

use super::run::PartitionLoop;
use super::state::{Ending, State};
use crate::report::Severity;
use crate::task::{FetchLimit, Unfetchable};

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is the record before the position.
    Witness,
    /// It is what comes next.
    Next,
    /// Something else has come since.
    Passed,
}

fn place(found: Unfetchable, witness: Option<i64>, next: i64) -> Place {
    if witness == Some(found.offset) {
        Place::Witness
    } else if found.from <= witness.unwrap_or(next) && next <= found.offset {
        Place::Next
    } else {
        Place::Passed
    }
}

impl PartitionLoop {
    /// Leaves out what cannot be fetched, if that is what comes next, or stops there.
    /// Everything that was fetched before it has been taken.
    pub(super) fn look_at_unfetchable(&mut self, state: &mut State) {
        let Some(found) = *self.unfetchable.borrow_and_update() else { return };
        if state.ending.is_some() {
            return;
        }
        let witness = state.witness.map(|witness| witness.offset());
        let offset = found.offset;
        match place(found, witness, state.open.next_offset()) {
            Place::Passed => {}
            Place::Witness => {
                let message = format!(
                    "the record before the position, at offset {offset}, is too large to be \
                     fetched by now: whether the log was truncated there is not checked"
                );
                let problem = Problem::new(ErrorCode::RecordTooLargeToFetch, message.clone());
                self.board.log(Severity::Warn, Some(offset), Some(&problem), message);
                state.ending = Some(Ending::WithoutWitness);
            }
            Place::Next if self.skip == Some(offset) => {
                self.skipped(offset);
                self.leave_out(state, offset);
            }
            Place::Next => {
                let problem = too_large(found, self.fetch_limit);
                match self.policy {
                    FailureHandlingPolicy::Log => {
                        let (aside, slots) = (&mut state.aside, &self.aside_slots);
                        self.dead_letters.send_unfetched(aside, slots, found, problem);
                        self.leave_out(state, offset);
                    }
                    FailureHandlingPolicy::Fail => {
                        state.ending = Some(Ending::AtRecord { offset, problem });
                    }
                }
            }
        }
    }

    /// The extent covers the offset; what comes is read from behind it on. Of the record
    /// there neither time nor leader epoch is known.
    fn leave_out(&self, state: &mut State, offset: i64) {
        let end = (offset + 1).into();
        state.open.pass(end, millis_since_1970(), &self.shape, Instant::now());
        state.ending = Some(Ending::Rewind);
    }
}

fn too_large(found: Unfetchable, limit: FetchLimit) -> Problem {
    let Unfetchable { offset, bytes, .. } = found;
    let message = format!(
        "the batch with the record at offset {offset}, or with the next one behind it, makes an \
         answer of {bytes} bytes, and at most {} are fetched: {}",
        limit.bytes(),
        limit.to_take(bytes)
    );
    Problem::new(ErrorCode::RecordTooLargeToFetch, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_next_is_told_from_what_has_passed() {
        let found = Unfetchable { from: 10, offset: 15, bytes: 1 };
        for (next, expected) in [
            (9, Place::Passed),
            (10, Place::Next),
            // The end was told behind aborted records.
            (15, Place::Next),
            (16, Place::Passed),
        ] {
            assert_eq!(place(found, None, next), expected, "{next}");
        }
    }

    #[test]
    fn the_record_before_the_position_is_told_from_what_comes_next() {
        let found = |offset| Unfetchable { from: 9, offset, bytes: 1 };
        assert_eq!(place(found(9), Some(9), 10), Place::Witness);
        // It was fetched, and is in no queue: compaction has taken it.
        assert_eq!(place(found(12), Some(9), 10), Place::Next);
        assert_eq!(place(found(12), None, 10), Place::Next);
        assert_eq!(place(found(9), None, 10), Place::Passed);
    }
}
