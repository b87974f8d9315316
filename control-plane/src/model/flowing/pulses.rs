//! Whether tasks live: each reports a count that rises while it does.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka2oss_proto::v1::{TaskReport, TaskState};

/// The counts of a connector's tasks, and since when each is the same.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pulses(BTreeMap<u32, Pulse>);

#[derive(Debug, Clone, PartialEq)]
struct Pulse {
    /// Bare id of the agent.
    agent: String,
    count: u64,
    since: Instant,
}

impl Pulses {
    /// As they are after these reports, each with the bare id of its agent. Only tasks
    /// that are members of their group count: one that fails, or starts, may wait.
    #[must_use]
    pub(crate) fn after<'a>(
        &self,
        reports: impl IntoIterator<Item = (&'a str, &'a TaskReport)>,
        now: Instant,
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

    /// For how long the task's count has been the same.
    pub(crate) fn stands(&self, index: u32, agent: &str, now: Instant) -> Duration {
        let pulse = self.0.get(&index).filter(|pulse| pulse.agent == agent);
        pulse.map_or(Duration::ZERO, |pulse| now.saturating_duration_since(pulse.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(pulse: u64) -> TaskReport {
        TaskReport { index: 0, state: TaskState::Running.into(), pulse, ..Default::default() }
    }

    #[test]
    fn a_count_that_stays_the_same_shows_since_when() {
        let (start, later) = (Instant::now(), Duration::from_secs(7));
        let pulses = Pulses::default().after([("a", &running(3))], start);
        let pulses = pulses.after([("a", &running(3))], start + later);
        assert_eq!(pulses.stands(0, "a", start + 2 * later), 2 * later);
        assert_eq!(pulses.stands(0, "b", start + 2 * later), Duration::ZERO);
        let moved = pulses.after([("a", &running(4))], start + 2 * later);
        assert_eq!(moved.stands(0, "a", start + 2 * later), Duration::ZERO);
    }

    #[test]
    fn a_task_that_starts_or_comes_from_another_agent_begins_anew() {
        let (start, later) = (Instant::now(), Duration::from_secs(7));
        let pulses = Pulses::default().after([("a", &running(3))], start);
        let moved = pulses.after([("b", &running(3))], start + later);
        assert_eq!(moved.stands(0, "b", start + later), Duration::ZERO);
        let starting = TaskReport { state: TaskState::Starting.into(), ..running(3) };
        let starting = pulses.after([("a", &starting)], start + later);
        assert_eq!(starting.stands(0, "a", start + later), Duration::ZERO);
    }

    #[test]
    fn an_agent_that_does_not_count_is_not_judged() {
        let start = Instant::now();
        let pulses = Pulses::default().after([("a", &running(0))], start);
        assert_eq!(pulses.stands(0, "a", start + Duration::from_secs(99)), Duration::ZERO);
    }
}
