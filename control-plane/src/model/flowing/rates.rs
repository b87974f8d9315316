//! How fast tasks take records in, by the counts that they report.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use kafka2oss_proto::agent::v1::TaskReport;

use super::Moment;

/// What a rate is a mean over.
const WINDOW: Duration = Duration::from_secs(60);

/// How far apart counts are remembered.
const SPACING: Duration = Duration::from_secs(5);

/// The counts of a connector's tasks over the last minute.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Rates(BTreeMap<i32, Track>);

/// One task's, at one agent.
#[derive(Debug, Clone, PartialEq)]
struct Track {
    /// Bare id of the agent.
    agent: String,
    /// The oldest first. Never empty.
    marks: VecDeque<Mark>,
    last: Count,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Mark {
    at: Instant,
    count: Count,
}

/// Since the task's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count {
    records: i64,
    bytes: i64,
}

/// What all tasks take in a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Rate {
    pub(crate) records: f64,
    /// Of keys and values.
    pub(crate) bytes: f64,
}

impl Count {
    /// `None` of an agent that does not count, or tells what no count can be.
    fn of(report: &TaskReport) -> Option<Self> {
        let (records, bytes) = (report.records_taken?, report.bytes_taken?);
        (records >= 0 && bytes >= 0).then_some(Self { records, bytes })
    }

    /// Whether it goes on from the other: one that is lower is of a task that has started
    /// anew.
    fn goes_on_from(self, other: Self) -> bool {
        self.records >= other.records && self.bytes >= other.bytes
    }
}

impl Track {
    fn begin(agent: &str, count: Count, at: Instant) -> Self {
        let marks = VecDeque::from([Mark { at, count }]);
        Self { agent: agent.to_owned(), marks, last: count }
    }

    fn after(&self, count: Count, now: Instant) -> Self {
        let mut next = Self { last: count, ..self.clone() };
        let old = |mark: &Mark| now.saturating_duration_since(mark.at) >= WINDOW;
        while next.marks.get(1).is_some_and(old) {
            next.marks.pop_front();
        }
        let newest = next.marks.back().map(|mark| now.saturating_duration_since(mark.at));
        if newest.is_none_or(|age| age >= SPACING) {
            next.marks.push_back(Mark { at: now, count });
        }
        next
    }

    fn rate(&self, now: Instant) -> Option<Rate> {
        let first = self.marks.front()?;
        let lasts = now.saturating_duration_since(first.at);
        let a_second = |count: i64| count as f64 / lasts.as_secs_f64();
        (lasts >= SPACING).then(|| Rate {
            records: a_second(self.last.records - first.count.records),
            bytes: a_second(self.last.bytes - first.count.bytes),
        })
    }
}

impl Rates {
    /// As they are after these reports, each with the bare id of its agent.
    #[must_use]
    pub(crate) fn after<'a>(
        &self,
        reports: impl IntoIterator<Item = (&'a str, &'a TaskReport)>,
        now: Moment,
    ) -> Self {
        let counts = reports
            .into_iter()
            .filter_map(|(agent, task)| Some((agent, task.index, Count::of(task)?)));
        let tracks = counts.map(|(agent, index, count)| {
            let same = |track: &&Track| track.agent == agent && count.goes_on_from(track.last);
            let track = match self.0.get(&index).filter(same) {
                Some(track) => track.after(count, now.at),
                None => Track::begin(agent, count, now.at),
            };
            (index, track)
        });
        Self(tracks.collect())
    }

    /// Of all tasks together; `None` while no task has been counted for long enough.
    pub(crate) fn rate(&self, now: Moment) -> Option<Rate> {
        self.0.values().filter_map(|track| track.rate(now.at)).reduce(|one, other| Rate {
            records: one.records + other.records,
            bytes: one.bytes + other.bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use prost_types::Timestamp;

    use super::*;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);

    fn second(seconds: u32) -> Moment {
        let at = *START + Duration::from_secs(seconds.into());
        Moment { at, time: Timestamp { seconds: seconds.into(), nanos: 0 } }
    }

    fn task(index: i32, records: i64) -> TaskReport {
        TaskReport {
            index,
            records_taken: Some(records),
            bytes_taken: Some(10 * records),
            ..Default::default()
        }
    }

    fn records(rates: &Rates, now: u32) -> Option<f64> {
        let rate = rates.rate(second(now))?;
        assert!((rate.bytes - 10.0 * rate.records).abs() < 1e-6, "{rate:?}");
        Some(rate.records)
    }

    #[test]
    fn a_rate_is_the_mean_of_a_minute() {
        let mut rates = Rates::default();
        for now in 0..=200 {
            // 100 a second for 100 seconds, nothing from then on.
            let count = 100 * i64::from(now.min(100));
            rates = rates.after([("a", &task(0, count))], second(now));
            let rate = records(&rates, now);
            match now {
                0..5 => assert_eq!(rate, None, "{now}"),
                5..=100 => assert_eq!(rate, Some(100.0), "{now}"),
                101..160 => assert!(rate < Some(100.0) && rate > Some(0.0), "{now}: {rate:?}"),
                _ => {}
            }
            assert!(rates.0[&0].marks.len() <= 14, "they are few");
        }
        assert_eq!(records(&rates, 200), Some(0.0));
    }

    #[test]
    fn tasks_are_summed_and_one_that_starts_anew_is_counted_anew() {
        let both = |a, b| [("a", task(0, a)), ("b", task(1, b))];
        let after = |rates: &Rates, reports: &[(&str, TaskReport)], now| {
            rates.after(reports.iter().map(|(agent, task)| (*agent, task)), second(now))
        };
        let rates = after(&Rates::default(), &both(0, 1_000), 0);
        let rates = after(&rates, &both(100, 1_200), 10);
        assert_eq!(records(&rates, 10), Some(30.0));
        // Lower than before: of the other one alone, until it has been seen for a while.
        let rates = after(&rates, &both(10, 1_200), 12);
        assert_eq!(records(&rates, 12), Some(200.0 / 12.0));
        let rates = after(&rates, &both(10, 1_200), 20);
        assert_eq!(records(&rates, 20), Some(10.0));
        // At another agent.
        let moved = after(&rates, &[("c", task(0, 5_000))], 21);
        assert_eq!(records(&moved, 21), None);
    }

    #[test]
    fn what_no_count_can_be_and_agents_that_do_not_count_have_no_rate() {
        let mut none = task(0, 5);
        none.bytes_taken = None;
        for wrong in [none, task(0, -5)] {
            let rates = Rates::default().after([("a", &wrong)], second(0));
            assert_eq!(rates.after([("a", &wrong)], second(20)).rate(second(20)), None);
        }
        let rates = Rates::default().after([("a", &task(0, 0))], second(0));
        let most = TaskReport { records_taken: Some(i64::MAX), bytes_taken: Some(0), ..task(0, 0) };
        let rates = rates.after([("a", &most)], second(20));
        assert!(rates.rate(second(20)).is_some_and(|rate| rate.records.is_finite()));
    }
}
