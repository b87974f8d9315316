//! What goes wrong in a simulated world, as its seed has it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::agent::{self, Handle, Order};
use super::outside;
use super::world::World;

/// How long things go wrong.
const STORMY: Duration = Duration::from_secs(60);

/// Lets things go wrong for a while, and then no more.
pub(super) async fn storm(world: &Arc<World>, agents: &mut Vec<Handle>) {
    let over = tokio::time::Instant::now() + STORMY;
    while tokio::time::Instant::now() < over {
        sleep(world.within(200, 8_000)).await;
        strike(world, agents);
    }
    world.calm();
    world.note("faults", "over");
    world.disk.slow(5);
    world.disk.set_full(false);
    for agent in agents {
        agent.cable.mend();
    }
    if let Some(life) = world.life() {
        life.process.thaw();
    }
}

fn strike(world: &Arc<World>, agents: &mut Vec<Handle>) {
    let kind = world.chance().u8(..14);
    let victim = world.chance().usize(..agents.len());
    let agent = &agents[victim];
    match kind {
        0..=2 => {
            let Some(life) = world.life() else { return };
            let steps = world.chance().u64(..400);
            world.note("faults", format_args!("killed after {steps} steps"));
            life.process.kill_after(steps);
        }
        3 => {
            let Some(life) = world.life() else { return };
            let time = world.within(1_000, 45_000);
            world.note("faults", format_args!("frozen for {time:?}"));
            life.process.freeze();
            tokio::spawn(async move {
                sleep(time).await;
                life.process.thaw();
            });
        }
        4..=6 => {
            let time = world.within(500, 50_000);
            world.note("faults", format_args!("{} cut off for {time:?}", agent.id));
            agent.cable.cut();
            let cable = Arc::clone(&agent.cable);
            tokio::spawn(async move {
                sleep(time).await;
                cable.mend();
            });
        }
        7 | 8 => {
            // One at a time.
            let _ = agent.orders.try_send(Order::Crash(world.within(100, 45_000)));
        }
        9 => {
            let _ = agent.orders.try_send(Order::Leave(world.within(1_000, 30_000)));
        }
        10 => {
            let slowest = world.chance().u64(20..3_000);
            world.note("faults", format_args!("writes take up to {slowest} ms"));
            world.disk.slow(slowest);
        }
        11 => {
            let time = world.within(100, 6_000);
            world.note("faults", format_args!("no room for {time:?}"));
            world.disk.set_full(true);
            let disk = world.disk.clone();
            tokio::spawn(async move {
                sleep(time).await;
                disk.set_full(false);
            });
        }
        12 => {
            let seconds = world.chance().i64(-900_000..900_000);
            world.note("faults", format_args!("the clock jumps by {seconds} s"));
            outside::jump(seconds);
        }
        _ => {
            if agents.len() < 6 {
                let id = format!("agent-{}", agents.len());
                world.note("faults", format_args!("{id} joins"));
                agents.push(agent::start(world, &id));
            }
        }
    }
}
