//! Partitions that ask for records and get none, although their logs go on.
//!
//! What is behind a partition's position may not be readable: `read_committed` ends
//! where the oldest open transaction begins. Only the brokers know where that is; they
//! are asked now and then while a partition gets nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// From the last record to the first question, and from one question to the next.
const ASK_AFTER: Duration = Duration::from_secs(30);

/// Longer than a fetch may take, librdkafka's own time-out for a broker that does not
/// answer (60 s, `socket.timeout.ms`) included.
const STALLED_AFTER: Duration = Duration::from_secs(75);

/// Brokers end a transaction that is open for longer than `transaction.max.timeout.ms`,
/// 15 minutes by default; they look each 10 s.
const TRANSACTION_TAKES: Duration = Duration::from_secs(16 * 60);

/// What it means that a partition gets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may still come.
    Patience,
    /// There is nothing to be read: a transaction is open, by now for longer than
    /// brokers allow by default where `overdue`.
    Transaction {
        /// Its first offset.
        begins: i64,
        /// It is open for longer than brokers allow.
        overdue: bool,
    },
    /// There is something to be read, as far as is known, and the consumer does not get
    /// it.
    Stalled(Duration),
}

/// The partitions of a task that get nothing.
#[derive(Debug, Default)]
pub(super) struct Starving(BTreeMap<i32, Waiting>);

#[derive(Debug)]
struct Waiting {
    /// Everything below is read.
    read_to: i64,
    since: Instant,
    ask_at: Instant,
}

impl Starving {
    /// The partition is read up to `read_to`; `behind` says that its log goes on and
    /// that it asks for records. Whether the brokers are to be asked where readable
    /// records end.
    pub(super) fn look(
        &mut self,
        partition: i32,
        read_to: i64,
        behind: bool,
        now: Instant,
    ) -> bool {
        if !behind {
            self.0.remove(&partition);
            return false;
        }
        let anew = || Waiting { read_to, since: now, ask_at: now + ASK_AFTER };
        let waiting = self.0.entry(partition).or_insert_with(anew);
        if waiting.read_to != read_to {
            *waiting = anew();
        }
        let due = waiting.ask_at <= now;
        if due {
            waiting.ask_at = now + ASK_AFTER;
        }
        due
    }

    /// The brokers have said that what can be read ends at `readable`; `None` where they
    /// did not answer, which is one connection with what does not come.
    pub(super) fn asked(&self, partition: i32, readable: Option<i64>, now: Instant) -> Verdict {
        let Some(Waiting { read_to, since, .. }) = self.0.get(&partition) else {
            return Verdict::Patience;
        };
        let waits = now.saturating_duration_since(*since);
        if let Some(begins) = readable.filter(|readable| readable <= read_to) {
            Verdict::Transaction { begins, overdue: waits > TRANSACTION_TAKES }
        } else if waits > STALLED_AFTER {
            Verdict::Stalled(waits)
        } else {
            Verdict::Patience
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_gets_nothing_has_the_brokers_asked_now_and_then() {
        let (mut starving, now) = (Starving::default(), Instant::now());
        assert!(!starving.look(0, 5, true, now));
        assert!(starving.look(0, 5, true, now + ASK_AFTER));
        assert!(!starving.look(0, 5, true, now + ASK_AFTER));
        assert!(starving.look(0, 5, true, now + 2 * ASK_AFTER));
    }

    #[test]
    fn a_record_or_the_end_begins_the_wait_anew() {
        let (mut starving, now) = (Starving::default(), Instant::now());
        starving.look(0, 5, true, now);
        assert!(!starving.look(0, 6, true, now + ASK_AFTER), "a record came");
        starving.look(0, 6, false, now + ASK_AFTER);
        assert!(!starving.look(0, 6, true, now + 2 * ASK_AFTER), "the end was reached");
    }

    #[test]
    fn what_is_readable_and_does_not_come_is_a_stall_after_a_while() {
        let (mut starving, now) = (Starving::default(), Instant::now());
        starving.look(0, 5, true, now);
        assert_eq!(starving.asked(0, Some(9), now + ASK_AFTER), Verdict::Patience);
        let long = STALLED_AFTER + Duration::from_secs(1);
        assert_eq!(starving.asked(0, Some(9), now + long), Verdict::Stalled(long));
        assert_eq!(starving.asked(0, None, now + ASK_AFTER), Verdict::Patience);
        assert_eq!(starving.asked(0, None, now + long), Verdict::Stalled(long));
        assert_eq!(starving.asked(1, Some(9), now + long), Verdict::Patience, "it does not wait");
    }

    #[test]
    fn an_open_transaction_is_no_stall_and_overdue_after_what_brokers_allow() {
        let (mut starving, now) = (Starving::default(), Instant::now());
        starving.look(0, 5, true, now);
        let verdict = |waits: Duration| starving.asked(0, Some(5), now + waits);
        assert_eq!(verdict(STALLED_AFTER * 2), Verdict::Transaction { begins: 5, overdue: false });
        let overdue = TRANSACTION_TAKES + Duration::from_secs(1);
        assert_eq!(verdict(overdue), Verdict::Transaction { begins: 5, overdue: true });
    }
}
