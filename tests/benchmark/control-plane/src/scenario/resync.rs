//! The control plane is killed and started again.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::{Suite, outcome};
use crate::figures::Value;
use crate::fleet::moved;
use crate::meter::Meter;
use crate::world::START;

/// What would move wrongly moves within this time after all are in sync.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

pub(super) async fn run(suite: &mut Suite) -> Result<()> {
    let Some(mut world) = suite.take().await? else {
        suite.figure("resync_s", None::<f64>)?;
        return suite.figure("moved_tasks", None::<f64>);
    };
    let bound = suite.options.bound();
    let before = world.fleet.placement();
    world.plane.kill().await?;
    world.fleet.lost(START).await?;
    let started = world.plane.start_again(&[])?;
    let meter = Meter::start(world.plane.pid()?)?;
    world.plane.answers(START).await?;
    suite.figure("restart_s", started.elapsed().as_secs_f64())?;
    let synced = world.fleet.in_sync(&before, bound).await.map_err(anyhow::Error::from);
    suite.figures.cost("resync", meter.read()?);
    let value = outcome(synced.map(|at| (at - started).as_secs_f64()))?;
    suite.figure("resync_s", value)?;
    sleep(LOOK_AGAIN).await;
    suite.figure("moved_tasks", moved(&before, &world.fleet.placement()) as f64)?;
    match outcome(world.settle().await.map(|()| 0.0))? {
        Value::Number(_) => suite.keep(world),
        not => {
            suite.gave_up = true;
            suite.report.line(format_args!("  not all runs after the restart: {not}"))
        }
    }
}
