//! A tenth of the agents vanishes: their tasks are to run elsewhere.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::{Suite, outcome};
use crate::bound::until;
use crate::figures::Value;
use crate::fleet::is_held;
use crate::meter::Meter;
use crate::world::START;

/// Agents report this often, as with the default lease.
const HEARTBEAT: &str = "5s";
/// For what follows the restart.
const SETTLING: Duration = Duration::from_secs(5);

pub(super) async fn run(suite: &mut Suite) -> Result<()> {
    let names = ["replace_s", "replace_beyond_lease_s"];
    let Some(mut world) = suite.take().await? else {
        return names.into_iter().try_for_each(|name| suite.figure(name, None::<f64>));
    };
    let (bound, lease) = (suite.options.bound(), suite.options.short_lease());
    let before = world.fleet.placement();
    world.plane.kill().await?;
    world.fleet.lost(START).await?;
    let options = ["--lease", &format!("{}s", lease.as_secs()), "--heartbeat-interval", HEARTBEAT];
    world.plane.start_again(&options.map(str::to_owned))?;
    world.plane.answers(START).await?;
    let ready = async {
        world.fleet.in_sync(&before, bound).await?;
        world.settle().await
    };
    if let not @ Value::NotWithin(_) = outcome(ready.await.map(|()| 0.0))? {
        return names.into_iter().try_for_each(|name| suite.figure(name, not));
    }
    sleep(SETTLING).await;

    let meter = Meter::start(world.plane.pid()?)?;
    let (lost, vanished) = world.fleet.vanish_a_tenth();
    let held = until(bound, || is_held(&lost, &world.fleet.placement())).await;
    suite.figures.cost("replace", meter.read()?);
    let seconds = held.map(|at| (at - vanished).as_secs_f64()).map_err(anyhow::Error::from);
    let beyond = seconds.as_ref().ok().map(|seconds| seconds - lease.as_secs_f64());
    let value = outcome(seconds)?;
    suite.figure(names[0], value)?;
    suite.figure(
        names[1],
        match value {
            Value::Number(_) => beyond.into(),
            not => not,
        },
    )?;
    suite.keep(world)
}
