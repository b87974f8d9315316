//! From the first Deploy until everything runs, at several sizes.

use anyhow::Result;

use super::{Suite, outcome};
use crate::figures::Value;
use crate::growth::exponent;
use crate::meter::{Cost, Meter};
use crate::world::World;

pub(super) async fn run(suite: &mut Suite) -> Result<()> {
    let whole = suite.options.connectors();
    let mut points = Vec::new();
    let (mut all, mut late) = (Value::NotMeasured, None);
    for size in suite.options.sizes() {
        let agents = suite.options.agents_for(size);
        let world = World::start(&suite.options, size, agents).await?;
        let measured = measure(&world, size).await;
        if let Ok((_, cost)) = &measured {
            points.push((f64::from(size), cost.plane));
            suite.figures.cost(format!("deploy {size}"), *cost);
            suite.figure(&format!("deploy_{size}_cpu_s"), cost.plane)?;
        }
        let is_measured = measured.is_ok();
        let seconds = outcome(measured.map(|(seconds, _)| seconds))?;
        suite.figure(&format!("deploy_{size}_s"), seconds)?;
        if let Value::NotWithin(_) = seconds {
            late = Some(seconds);
        }
        if size == whole {
            all = seconds;
            suite.gave_up = !is_measured;
            if is_measured {
                suite.keep(world)?;
            }
        }
    }
    suite.figure("deploy_all_s", all)?;
    // Of those that came in time alone it would be too good.
    suite.figure("growth_exponent", late.unwrap_or_else(|| exponent(&points).into()))
}

/// Seconds until all runs, and what it took until agents were told nothing any more.
async fn measure(world: &World, size: u32) -> Result<(f64, Cost)> {
    let meter = Meter::start(world.plane.pid()?)?;
    world.deploy_all(0..size).await?;
    let seconds = meter.read()?.seconds;
    world.quiet().await?;
    Ok((seconds, meter.read()?))
}
