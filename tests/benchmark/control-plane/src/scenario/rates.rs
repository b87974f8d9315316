//! Creates and deploys at a steady rate, beside everything that runs.

use std::time::Duration;

use anyhow::Result;
use kafka2oss_figures::statistics::percentile;
use tokio::time::Instant;

use super::{Suite, outcome};
use crate::bound::until;
use crate::figures::Value;
use crate::fleet::SPREAD;
use crate::ledger::Entry;
use crate::meter::Meter;
use crate::options::RATE;
use crate::pacing::{Answered, milliseconds, open_loop};
use crate::world::World;

pub(super) async fn run(suite: &mut Suite) -> Result<()> {
    let Some(mut world) = suite.take().await? else {
        return ["create", "deploy", "push"]
            .into_iter()
            .try_for_each(|name| suite.figure(&format!("{name}_p99_ms"), None::<f64>));
    };
    let bound = suite.options.bound();
    let numbers = world.connectors..world.connectors + suite.options.created();
    let meter = Meter::start(world.plane.pid()?)?;

    let created = open_loop(RATE, numbers.clone(), bound, |number| world.create(number)).await;
    let created_late = created.as_deref().map(late).unwrap_or_default();
    show(suite, "create", created.map(|answered| latencies(&answered)))?;

    world.ledger.clear();
    let deployed = open_loop(RATE, numbers.clone(), bound, |number| world.deploy(number)).await;
    let pushed = match &deployed {
        Ok(answered) => pushes(&world, answered, bound).await,
        // That is said of the deploys.
        Err(_) => Ok(Vec::new()),
    };
    let deployed_late = deployed.as_deref().map(late).unwrap_or_default();
    show(suite, "deploy", deployed.map(|answered| latencies(&answered)))?;
    show(suite, "push", pushed)?;
    suite.figure("sent_late_p99_ms", percentile([created_late, deployed_late].concat(), 0.99))?;
    suite.figures.cost("rates", meter.read()?);

    world.connectors = numbers.end;
    match outcome(world.settle().await.map(|()| 0.0))? {
        Value::Number(_) => suite.keep(world),
        not => {
            suite.gave_up = true;
            suite.report.line(format_args!("  what was deployed does not run: {not}"))
        }
    }
}

/// Median and 99th percentile of times in milliseconds.
fn show(suite: &mut Suite, name: &str, times: Result<Vec<f64>>) -> Result<()> {
    if let Ok(times) = &times {
        suite.figure(&format!("{name}_p50_ms"), percentile(times.iter().copied(), 0.5))?;
    }
    let most = outcome(times.map(|times| percentile(times, 0.99)))?;
    suite.figure(&format!("{name}_p99_ms"), most)
}

fn latencies(answered: &[Answered]) -> Vec<f64> {
    answered.iter().map(|one| milliseconds(one.latency)).collect()
}

fn late(answered: &[Answered]) -> Vec<f64> {
    answered.iter().map(|one| milliseconds(one.late)).collect()
}

/// From the answer to Deploy until the assignment is there, at each agent, without what
/// the agent took to prepare the connector; in milliseconds.
async fn pushes(world: &World, answered: &[Answered], bound: Duration) -> Result<Vec<f64>> {
    let are_there =
        |one: &Answered| world.ledger.entry(one.number).arrivals.len() >= SPREAD as usize;
    until(bound, || answered.iter().all(are_there)).await?;
    let times = answered.iter().flat_map(|one| push(one.at, &world.ledger.entry(one.number)));
    Ok(times.collect())
}

/// In milliseconds.
fn push(answered: Instant, entry: &Entry) -> Vec<f64> {
    let from = answered + entry.prepared;
    let time = |arrival: &Instant| milliseconds(arrival.saturating_duration_since(from));
    entry.arrivals.iter().map(time).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_is_counted_at_each_agent_without_the_preparation() {
        let answered = Instant::now();
        let after = |milliseconds| answered + Duration::from_millis(milliseconds);
        let prepared = Duration::from_millis(100);
        let entry = Entry { arrivals: vec![after(105), after(150), after(99)], prepared };
        assert_eq!(push(answered, &entry), [5.0, 50.0, 0.0]);
    }
}
