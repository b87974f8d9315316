//! What came of a run, beside what should.

use std::fmt;

use anyhow::Result;
use kafka2oss_figures::report::Report;

use crate::bound::NotWithin;
use crate::meter::Cost;

/// What each figure is to be below; 0 is to be 0. For 10,000 connectors and 1,000 agents.
const GOALS: [(&str, f64); 14] = [
    ("create_p99_ms", 10.0),
    ("deploy_p99_ms", 25.0),
    ("push_p99_ms", 100.0),
    ("deploy_all_s", 30.0),
    ("growth_exponent", 1.15),
    ("list_page_p99_ms", 20.0),
    ("idle_cpu_percent", 40.0),
    ("resync_s", 5.0),
    ("moved_tasks", 0.0),
    ("replace_beyond_lease_s", 5.0),
    ("rss_mib", 1_024.0),
    ("watch_sync_s", 3.0),
    ("watch_event_p99_ms", 500.0),
    ("watch_resets", 0.0),
];

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    /// A number, in the unit that the name says.
    Number(f64),
    /// It did not come.
    NotWithin(NotWithin),
    /// What it needs did not come.
    NotMeasured,
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<NotWithin> for Value {
    fn from(not: NotWithin) -> Self {
        Self::NotWithin(not)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::NotMeasured, Into::into)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number:.3}"),
            Self::NotWithin(not) => write!(f, "{not}"),
            Self::NotMeasured => f.write_str("not measured"),
        }
    }
}

/// Everything that a run has measured.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    values: Vec<(String, Value)>,
    costs: Vec<(String, Cost)>,
}

impl Figures {
    /// Keeps a figure, and says it at once.
    pub(crate) fn add(
        &mut self,
        report: &Report,
        name: &str,
        value: impl Into<Value>,
    ) -> Result<()> {
        let value = value.into();
        report.line(format_args!("  {name}: {value}"))?;
        self.values.push((name.to_owned(), value));
        Ok(())
    }

    /// Keeps what a scenario took.
    pub(crate) fn cost(&mut self, scenario: impl Into<String>, cost: Cost) {
        self.costs.push((scenario.into(), cost));
    }

    /// Prints everything, the figures last. Whether each has met its goal.
    pub(crate) fn finish(self, mut report: Report) -> Result<bool> {
        let costs = self.costs.iter().map(|(scenario, cost)| {
            let Cost { seconds, plane, own } = cost;
            vec![
                scenario.clone(),
                format!("{seconds:.1}"),
                format!("{plane:.2}"),
                format!("{own:.2}"),
            ]
        });
        report.table(
            "what was measured, in seconds",
            &["scenario", "wall", "control plane's CPU", "generator's CPU"],
            costs.collect(),
        )?;
        let mut all_met = true;
        let mut rows = Vec::new();
        for (name, value) in &self.values {
            let goal = goal(name);
            let met = goal.map(|goal| meets(*value, goal));
            all_met &= met != Some(false);
            rows.push(vec![
                name.clone(),
                value.to_string(),
                goal.map_or_else(String::new, said),
                met.map_or("", |met| if met { "met" } else { "failed" }).to_owned(),
            ]);
        }
        report.table("figures", &["figure", "value", "goal", ""], rows)?;
        for (name, value) in self.values {
            match value {
                Value::Number(number) => report.figure(name, Some(number)),
                // Above every limit.
                Value::NotWithin(_) => report.figure(name, Some(f64::INFINITY)),
                Value::NotMeasured => report.figure(name, Some(f64::NAN)),
            }
        }
        report.finish()?;
        Ok(all_met)
    }
}

fn goal(name: &str) -> Option<f64> {
    GOALS.iter().find(|(goal, _)| *goal == name).map(|(_, goal)| *goal)
}

fn said(goal: f64) -> String {
    if goal == 0.0 { "0".to_owned() } else { format!("< {goal}") }
}

fn meets(value: Value, goal: f64) -> bool {
    match value {
        Value::Number(number) if goal == 0.0 => number == 0.0,
        Value::Number(number) => number < goal,
        Value::NotWithin(_) | Value::NotMeasured => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_figure_is_to_be_below_its_goal_and_where_that_is_0_to_be_0() {
        assert!(meets(Value::Number(9.9), 10.0) && !meets(Value::Number(10.0), 10.0));
        assert!(meets(Value::Number(0.0), 0.0) && !meets(Value::Number(1.0), 0.0));
    }

    #[test]
    fn what_did_not_come_meets_nothing() {
        let not = NotWithin(Duration::from_secs(90));
        assert_eq!(Value::from(not).to_string(), "not within 90 s");
        for value in [Value::from(not), Value::NotMeasured, Value::Number(f64::NAN)] {
            assert!(!meets(value, 10.0) && !meets(value, 0.0), "{value}");
        }
    }

    #[test]
    fn a_figure_without_a_goal_fails_nothing() {
        assert_eq!(goal("replace_s"), None);
        assert_eq!(goal("push_p99_ms").map(said).as_deref(), Some("< 100"));
    }
}
