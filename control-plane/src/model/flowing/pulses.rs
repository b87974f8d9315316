//! Whether tasks live: each reports a count that rises while it does.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka2oss_proto::agent::v1::TaskReport;
use kafka2oss_proto::v1::TaskState;
use prost_types::Timestamp;

use super::Moment;

/// The counts of a connector's tasks, and since when each is the same.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pulses(BTreeMap<i32, Pulse>);

#[derive(Debug, Clone, PartialEq)]
struct Pulse {
    /// Bare id of the agent.
    agent: String,
    count: u64,
    since: Moment,
}

impl Pulses {
    /// As they are after these reports, each with the bare id of its agent. Only tasks
    /// that are members of their group count: one that fails, or starts, may wait.
    #[must_use]
    pub(crate) fn after<'a>(
        &self,
        reports: impl IntoIterator<Item = (&'a str, &'a TaskReport)>,
        now: Moment,
    ) -> Self {
        let counts = reports.into_iter().filter(|(_, task)| {
            task.pulse > 0 && matches!(task.state(), TaskState::Running | TaskState::Paused)
        });
        let pulses = counts.map(|(agent, task)| {
            let same = |pulse: &&Pulse| pulse.agent == agent && pulse.count == task.pulse;
            let since = self.0.get(&task.index).filter(same).map_or(now, |pulse| pulse.since);
            (task.index, Pulse { agent: agent.to_owned(), count: task.pulse, since })
        });
        Self(pulses.collect())
    }

    /// Since when the task's count has been the same, if that is so for `patience`.
    pub(crate) fn stands_since(
        &self,
        index: i32,
        agent: &str,
        patience: Duration,
        now: Moment,
    ) -> Option<Timestamp> {
        let since = self.0.get(&index).filter(|pulse| pulse.agent == agent)?.since;
        let lasts = now.at.saturating_duration_since(since.at);
        (lasts >= patience).then_some(since.time)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;
    use std::time::Instant;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(7);

    fn second(second: u32) -> Moment {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        let time = Timestamp { seconds: second.into(), nanos: 0 };
        Moment { at: *START + Duration::from_secs(second.into()), time }
    }

    fn running(pulse: u64) -> TaskReport {
        TaskReport { index: 0, state: TaskState::Running.into(), pulse, ..Default::default() }
    }

    /// Since which second the count of the task on this agent has stood for long.
    fn stands(pulses: &Pulses, agent: &str, now: u32) -> Option<i64> {
        pulses.stands_since(0, agent, PATIENCE, second(now)).map(|since| since.seconds)
    }

    #[test]
    fn a_count_that_stays_the_same_shows_since_when() {
        let pulses = Pulses::default().after([("a", &running(3))], second(1));
        let pulses = pulses.after([("a", &running(3))], second(7));
        assert_eq!(stands(&pulses, "a", 7), None);
        assert_eq!(stands(&pulses, "a", 8), Some(1));
        assert_eq!(stands(&pulses, "b", 8), None);
        let moved = pulses.after([("a", &running(4))], second(8));
        assert_eq!(stands(&moved, "a", 14), None);
    }

    #[test]
    fn a_task_that_starts_or_comes_from_another_agent_begins_anew() {
        let pulses = Pulses::default().after([("a", &running(3))], second(1));
        let moved = pulses.after([("b", &running(3))], second(7));
        assert_eq!(stands(&moved, "b", 8), None);
        let starting = TaskReport { state: TaskState::Starting.into(), ..running(3) };
        let starting = pulses.after([("a", &starting)], second(7));
        assert_eq!(stands(&starting, "a", 99), None);
    }

    #[test]
    fn an_agent_that_does_not_count_is_not_judged() {
        let pulses = Pulses::default().after([("a", &running(0))], second(1));
        assert_eq!(stands(&pulses, "a", 99), None);
    }
}
