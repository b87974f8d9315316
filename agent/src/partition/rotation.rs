//! When an open object is closed: pure, with time as a value.

use std::time::{Duration, Instant};

use kafka2oss_proto::spec::Rotation;

/// What is known of an open object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenStats {
    /// Size of its body so far.
    pub bytes: u64,
    /// Records taken into its extent, dead letters among them.
    pub records: u64,
    /// When its first record was taken in.
    pub first_at: Instant,
    /// When its last record was taken in.
    pub last_at: Instant,
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
}

/// Whether the object has no room for another record.
pub fn full(rotation: &Rotation, open: &OpenStats) -> Option<Reason> {
    if open.bytes >= rotation.max_bytes {
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
    use super::*;

    fn rotation() -> Rotation {
        Rotation {
            max_bytes: 1_000,
            max_records: Some(10),
            max_age: Duration::from_secs(60),
            idle: Duration::from_secs(10),
        }
    }

    #[test]
    fn the_first_rule_that_is_met_closes_the_object() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let open =
            |bytes, records, last| OpenStats { bytes, records, first_at: start, last_at: at(last) };
        let cases = [
            (open(999, 9, 0), at(9), None),
            (open(1_000, 1, 0), at(0), Some(Reason::Bytes)),
            (open(1, 10, 0), at(0), Some(Reason::Records)),
            (open(1, 1, 0), at(10), Some(Reason::Idle)),
            (open(1, 2, 55), at(59), None),
            (open(1, 2, 55), at(60), Some(Reason::Age)),
        ];
        for (open, now, expected) in cases {
            assert_eq!(due(&rotation(), &open, now), expected, "{open:?}");
        }
    }

    #[test]
    fn without_a_limit_of_records_there_is_none() {
        let start = Instant::now();
        let open = OpenStats { bytes: 1, records: u64::MAX, first_at: start, last_at: start };
        let rotation = Rotation { max_records: None, ..rotation() };
        assert_eq!(due(&rotation, &open, start), None);
    }

    #[test]
    fn at_its_deadline_an_object_is_due_and_not_before() {
        let start = Instant::now();
        for last in [0, 20, 55] {
            let last_at = start + Duration::from_secs(last);
            let open = OpenStats { bytes: 1, records: 2, first_at: start, last_at };
            let deadline = deadline(&rotation(), &open);
            assert!(due(&rotation(), &open, deadline).is_some());
            assert!(due(&rotation(), &open, deadline - Duration::from_millis(1)).is_none());
        }
    }
}
