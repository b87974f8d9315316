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
    let names = ["create_p99_ms", "deploy_p99_ms", "push_p99_ms"];
    let Some(mut world) = suite.take().await? else {
        return names.into_iter().try_for_each(|name| suite.figure(name, None::<f64>));
    };
    let bound = suite.options.bound();
    let numbers = world.connectors..world.connectors + suite.options.created();
    let meter = Meter::start(world.plane.pid()?)?;

    let created = open_loop(RATE, numbers.clone(), bound, |number| world.create(number)).await;
    let value = outcome(created.map(|answered| p99(&answered)))?;
    suite.figure(names[0], value)?;

    world.ledger.clear();
    let deployed = open_loop(RATE, numbers.clone(), bound, |number| world.deploy(number)).await;
    let pushed = match &deployed {
        Ok(answered) => pushes(&world, answered, bound).await,
        Err(_) => Ok(None),
    };
    let value = outcome(deployed.map(|answered| p99(&answered)))?;
    suite.figure(names[1], value)?;
    let value = outcome(pushed.map(Value::from))?;
    suite.figure(names[2], value)?;
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

fn p99(answered: &[Answered]) -> Option<f64> {
    percentile(milliseconds(answered), 0.99)
}

/// From the answer to Deploy until the assignment is there, at each agent, without what
/// the agent took to prepare the connector.
async fn pushes(world: &World, answered: &[Answered], bound: Duration) -> Result<Option<f64>> {
    let are_there =
        |one: &Answered| world.ledger.entry(one.number).arrivals.len() >= SPREAD as usize;
    until(bound, || answered.iter().all(are_there)).await?;
    let times = answered.iter().flat_map(|one| push(one.at, &world.ledger.entry(one.number)));
    Ok(percentile(times.collect::<Vec<_>>(), 0.99))
}

/// In milliseconds.
fn push(answered: Instant, entry: &Entry) -> Vec<f64> {
    let from = answered + entry.prepared;
    let time = |arrival: &Instant| arrival.saturating_duration_since(from).as_secs_f64() * 1e3;
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
