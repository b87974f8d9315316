//! Nothing happens but that agents report.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::Suite;
use crate::meter::Meter;

/// Reports come this often: a sixth of the default lease.
const ROUND: Duration = Duration::from_secs(5);

pub(super) async fn run(suite: &mut Suite) -> Result<()> {
    let Some(world) = suite.take().await? else {
        return suite.figure("idle_cpu_percent", None::<f64>);
    };
    // What other scenarios have left under way comes to rest.
    sleep(ROUND).await;
    let meter = Meter::start(world.plane.pid()?)?;
    sleep(suite.options.idle()).await;
    let cost = meter.read()?;
    suite.figures.cost("idle", cost);
    suite.figure("idle_cpu_percent", 100.0 * cost.plane / cost.seconds)?;
    suite.keep(world)
}
