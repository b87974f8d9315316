//! When an open object is closed: pure, with time as a value.

use std::time::{Duration, Instant};

use kafka2oss_domain::spec::Rotation;

/// What is known of an open object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenStats {
    /// Size of its content so far, before compression.
    pub bytes: u64,
    /// Records taken into its extent, dead letters among them.
    pub records: u64,
    /// When its first record was taken in.
    pub first_at: Instant,
    /// When its last record was taken in.
    pub last_at: Instant,
    /// What asks for it to be closed whatever its size and age.
    pub asked: Option<Reason>,
}

/// Why an object is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// `max_bytes` is reached.
    Bytes,
    /// `max_records` is reached.
    Records,
    /// `max_age` has passed since its first record.
    Age,
    /// `idle` has passed since its last record.
    Idle,
    /// A record of a later time bucket has come.
    TimeBucket,
    /// It holds a test message.
    TestMessage,
    /// A flush waits for what it holds.
    Flush,
    /// Memory is short.
    Memory,
    /// As much as may wait for it stands beside it: dead letters, spilled
    /// values.
    Aside,
}

/// Whether the object has no room for another record.
pub fn full(rotation: &Rotation, open: &OpenStats) -> Option<Reason> {
    if open.asked.is_some() {
        open.asked
    } else if open.bytes >= rotation.max_bytes {
        Some(Reason::Bytes)
    } else if rotation.max_records.is_some_and(|max| open.records >= max) {
        Some(Reason::Records)
    } else {
        None
    }
}

/// Whether the object is to be closed at `now`.
pub fn due(rotation: &Rotation, open: &OpenStats, now: Instant) -> Option<Reason> {
    let passed = |since: Instant, limit: Duration| now.saturating_duration_since(since) >= limit;
    full(rotation, open)
        .or_else(|| passed(open.first_at, rotation.max_age).then_some(Reason::Age))
        .or_else(|| passed(open.last_at, rotation.idle).then_some(Reason::Idle))
}

/// When the object is to be closed if no further record comes.
pub fn deadline(rotation: &Rotation, open: &OpenStats) -> Instant {
    (open.first_at + rotation.max_age).min(open.last_at + rotation.idle)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rotation() -> Rotation {
        Rotation {
            max_bytes: 1_000,
            max_records: Some(10),
            max_age: Duration::from_secs(60),
            idle: Duration::from_secs(10),
        }
    }

    fn stats(start: Instant, bytes: u64, records: u64, last: u64) -> OpenStats {
        let last_at = start + Duration::from_secs(last);
        OpenStats { bytes, records, first_at: start, last_at, asked: None }
    }

    #[test]
    fn the_first_rule_that_is_met_closes_the_object() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let open = |bytes, records, last| stats(start, bytes, records, last);
        let asked = OpenStats { asked: Some(Reason::TestMessage), ..open(1, 1, 0) };
        let cases = [
            (open(999, 9, 0), at(9), None),
            (open(1_000, 1, 0), at(0), Some(Reason::Bytes)),
            (open(1, 10, 0), at(0), Some(Reason::Records)),
            (open(1, 1, 0), at(10), Some(Reason::Idle)),
            (open(1, 2, 55), at(59), None),
            (open(1, 2, 55), at(60), Some(Reason::Age)),
            (asked, at(0), Some(Reason::TestMessage)),
        ];
        for (open, now, expected) in cases {
            assert_eq!(due(&rotation(), &open, now), expected, "{open:?}");
        }
    }

    #[test]
    fn without_a_limit_of_records_there_is_none() {
        let start = Instant::now();
        let rotation = Rotation { max_records: None, ..rotation() };
        assert_eq!(due(&rotation, &stats(start, 1, u64::MAX, 0), start), None);
    }

    proptest! {
        #[test]
        fn at_its_deadline_an_object_is_due_and_not_before(
            bytes in 0..1_000_u64, records in 1..10_u64, last in 0..=70_000_u64,
        ) {
            let start = Instant::now();
            let last_at = start + Duration::from_millis(last);
            let open = OpenStats { last_at, ..stats(start, bytes, records, 0) };
            let deadline = deadline(&rotation(), &open);
            prop_assert!(due(&rotation(), &open, deadline).is_some());
            prop_assert!(due(&rotation(), &open, deadline - Duration::from_millis(1)).is_none());
        }

        #[test]
        fn a_full_object_is_due_whatever_the_time(
            bytes: u64, records: u64, milliseconds in 0..100_000_u64, asked: bool,
        ) {
            let start = Instant::now();
            let asked = asked.then_some(Reason::Memory);
            let open = OpenStats { asked, ..stats(start, bytes, records, 0) };
            let now = start + Duration::from_millis(milliseconds);
            if let Some(reason) = full(&rotation(), &open) {
                prop_assert_eq!(due(&rotation(), &open, now), Some(reason));
            }
        }
    }
}
