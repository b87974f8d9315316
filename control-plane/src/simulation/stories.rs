//! What happens in simulated worlds, one story each.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, join_all};
use tokio::time::{Instant, sleep, timeout};

use super::agent::{self, Handle, Order};
use super::client::{self, Client};
use super::known::Known;
use super::watcher::Watcher;
use super::world::{LEASE, World};
use super::{END, SOON, converged, drains, faults, liar};

/// Agents and connectors of a world at its start.
const AGENTS: usize = 3;
const CONNECTORS: usize = 4;

/// What happens in a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Story {
    /// Everything goes wrong for a while.
    Storm,
    /// The control plane is killed and frozen again and again while its connectors run.
    Restarts,
    /// Agents refuse half of what they are to run.
    Refusals,
    /// An agent leaves, or ends without a word, for ever.
    Loss,
    /// A process with an earlier boot number has an agent's id, too.
    Twins,
    /// An agent that speaks takes nothing that it is told.
    Deafness,
    /// Agents come back just as their leases end, as they left, and by one stream after
    /// another.
    Returns,
    /// Connectors come and go while the control plane is killed again and again.
    Churn,
    /// An agent drains while it and the control plane end and start again.
    Drains,
}

impl Story {
    /// Lives it.
    pub(super) fn tell(self, world: &Arc<World>) -> BoxFuture<'_, ()> {
        match self {
            Self::Storm => storm(world).boxed(),
            Self::Restarts => restarts(world).boxed(),
            Self::Refusals => refusals(world).boxed(),
            Self::Loss => loss(world).boxed(),
            Self::Twins => twins(world).boxed(),
            Self::Deafness => deafness(world).boxed(),
            Self::Returns => returns(world).boxed(),
            Self::Churn => churn(world).boxed(),
            Self::Drains => drains(world).boxed(),
        }
    }
}

async fn storm(world: &Arc<World>) {
    let mut agents = begin(world).await;
    let watchers = watchers(world);
    if world.once_in(8) {
        world.spawn(liar::lie(Arc::clone(world)));
    }
    let clients = clients(world).map(Client::run);
    let (known, ()) = tokio::join!(join_all(clients), faults::storm(world, &mut agents));
    converged::wait(world, &known, &agents, &watchers, SOON).await;
}

async fn restarts(world: &Arc<World>) {
    world.calm();
    let (agents, clients) = settled(world).await;
    let known = known(&clients);
    let placed = world.disk.placements();
    for _ in 0..5 {
        sleep(world.within(0, 20_000)).await;
        let life = world.running().await;
        if world.once_in(3) {
            life.process.freeze();
            sleep(world.within(20_000, 90_000)).await;
            life.process.thaw();
        } else {
            life.process.kill_after(world.chance().u64(..400));
            life.process.killed().await;
        }
    }
    converged::wait(world, &known, &agents, &[], SOON).await;
    assert_eq!(world.disk.placements(), placed, "a restart has moved tasks");
}

async fn refusals(world: &Arc<World>) {
    world.set_refusals(2);
    let agents = begin(world).await;
    let over = async {
        sleep(Duration::from_secs(15)).await;
        world.calm();
    };
    let (known, ()) = tokio::join!(join_all(clients(world).map(Client::run)), over);
    converged::wait(world, &known, &agents, &[], SOON).await;
}

async fn loss(world: &Arc<World>) {
    world.calm();
    let (mut agents, mut clients) = settled(world).await;
    let lost = agents.remove(world.chance().usize(..agents.len()));
    let leaves = world.once_in(2);
    lost.order(if leaves { Order::Leave(END) } else { Order::Crash(END) }).await;
    let killed = async {
        if !leaves && world.once_in(2) {
            let lease = u64::try_from(LEASE.as_millis()).expect("it is short");
            sleep(world.within(0, lease + 1_000)).await;
            world.running().await.process.kill_after(world.chance().u64(..400));
        }
    };
    // Silence counts from the start of the control plane.
    let soon = if leaves { LEASE / 3 } else { LEASE * 2 + Duration::from_secs(15) };
    let deleted = async {
        if world.once_in(2) {
            clients[0].delete(1_000).await;
        }
    };
    let both = Box::pin(async { tokio::join!(killed, deleted) });
    timeout(soon, both).await.expect("a deletion waits no longer than for a lease");
    converged::wait(world, &known(&clients), &agents, &[], soon).await;
    let is_gone = world.disk.durable(|durable| durable.is_gone(&lost.id));
    assert!(is_gone, "{} has lost its tasks, and is not gone by what is durable", lost.id);
}

async fn twins(world: &Arc<World>) {
    world.calm();
    let (mut agents, clients) = settled(world).await;
    let known = known(&clients);
    let older = agent::start_older(world, &agents[0].id);
    let is_killed = world.once_in(2);
    for _ in 0..4 {
        sleep(world.within(0, 10_000)).await;
        // Within its lease.
        let away = world.within(0, 20_000);
        let kind = world.chance().u8(..3);
        match kind {
            0 => {
                let welcomes = agents[0].welcomes();
                agents[0].order(Order::Crash(away)).await;
                agents[0].welcomed(welcomes + 1).await;
            }
            1 => {
                agents[0].cable.cut();
                sleep(away).await;
                agents[0].cable.mend();
            }
            _ if is_killed => world.running().await.process.kill_after(world.chance().u64(..400)),
            _ => {}
        }
    }
    converged::wait(world, &known, &agents, &[], SOON).await;
    let alone = async {
        while older.is_in() || !agents[0].is_in() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(LEASE, alone).await.expect("an older process ends once a newer one is let in");
    // A control plane that has not heard of the newer one does not know better.
    assert!(is_killed || older.welcomes() == 0, "an older process was let in");
    let newer = std::mem::replace(&mut agents[0], older);
    newer.order(Order::Crash(END)).await;
    let let_in = agents[0].welcomed(1);
    timeout(LEASE * 2, let_in).await.expect("the only process that there is is let in");
    converged::wait(world, &known, &agents, &[], LEASE * 2).await;
}

async fn deafness(world: &Arc<World>) {
    world.calm();
    let (agents, clients) = settled(world).await;
    agents[0].order(Order::Deafen(world.within(120_000, 200_000))).await;
    if world.once_in(2) {
        // By then nothing more fits into its stream.
        sleep(Duration::from_secs(35)).await;
    }
    let until = Instant::now() + Duration::from_secs(160);
    let known = join_all(clients.into_iter().map(|client| client.renew(until, 5_000))).await;
    converged::wait(world, &known, &agents, &[], SOON).await;
}

async fn returns(world: &Arc<World>) {
    world.calm();
    let (agents, clients) = settled(world).await;
    world.disk.slow(world.chance().u64(5..2_000));
    for _ in 0..4 {
        let kind = world.chance().u8(..4);
        let agent = &agents[world.chance().usize(..agents.len())];
        let welcomes = agent.welcomes();
        match kind {
            0 => {
                let away = LEASE.saturating_sub(world.within(0, 6_000)) + world.within(0, 1_000);
                agent.order(Order::Crash(away)).await;
            }
            1 => agent.order(Order::Leave(world.within(0, 100))).await,
            2 => agent.order(Order::Reconnect).await,
            _ => {
                // What it has said comes after its end.
                agent.cable.cut();
                sleep(world.within(0, 20_000)).await;
                agent.order(Order::Crash(Duration::from_millis(100))).await;
                sleep(world.within(0, 2_000)).await;
                agent.cable.mend();
            }
        }
        agent.welcomed(welcomes + 1).await;
        sleep(world.within(0, 8_000)).await;
        if kind == 2 {
            assert_eq!(agent.welcomes(), welcomes + 1, "{} loses its stream", agent.id);
        }
    }
    world.disk.slow(5);
    converged::wait(world, &known(&clients), &agents, &[], LEASE * 2).await;
}

async fn churn(world: &Arc<World>) {
    world.calm();
    let (agents, clients) = settled(world).await;
    let watchers = watchers(world);
    let until = Instant::now() + Duration::from_secs(20);
    let killed = async {
        while Instant::now() < until {
            sleep(world.within(0, 4_000)).await;
            world.running().await.process.kill_after(world.chance().u64(..400));
        }
    };
    let renewed = clients.into_iter().map(|client| client.renew(until, 500));
    let (known, ()) = tokio::join!(join_all(renewed), killed);
    converged::wait(world, &known, &agents, &watchers, SOON).await;
}

async fn drains(world: &Arc<World>) {
    world.calm();
    let (agents, clients) = settled(world).await;
    let known = known(&clients);
    let drained = &agents[world.chance().usize(..agents.len())];
    drains::ask(world, &drained.id, true).await;
    for _ in 0..3 {
        sleep(world.within(0, 10_000)).await;
        let kind = world.chance().u8(..4);
        let away = world.within(100, 20_000);
        match kind {
            0 => world.running().await.process.kill_after(world.chance().u64(..400)),
            1 => drained.order(Order::Crash(away)).await,
            2 => drained.order(Order::Leave(away)).await,
            _ => {}
        }
    }
    timeout(SOON, drains::drained(world, &drained.id)).await.expect("its tasks move");
    converged::wait(world, &known, &agents, &[], SOON).await;
    assert_eq!(drains::placed(world, &drained.id), 0, "{} has got a task", drained.id);
    drains::ask(world, &drained.id, false).await;
    converged::wait(world, &known, &agents, &[], SOON).await;
}

fn watchers(world: &Arc<World>) -> [Arc<Watcher>; 2] {
    [
        Watcher::start(world, "watcher-0", "instances/-"),
        Watcher::start(world, "watcher-1", client::INSTANCE),
    ]
}

async fn begin(world: &Arc<World>) -> Vec<Handle> {
    world.spawn(Arc::clone(world).host());
    let agents = (0..AGENTS).map(|number| agent::start(world, &format!("agent-{number}")));
    let agents = agents.collect();
    converged::register(world).await;
    agents
}

/// All connectors run.
async fn settled(world: &Arc<World>) -> (Vec<Handle>, Vec<Client>) {
    let agents = begin(world).await;
    let mut clients: Vec<_> = clients(world).collect();
    join_all(clients.iter_mut().map(Client::deploy)).await;
    converged::wait(world, &known(&clients), &agents, &[], SOON).await;
    (agents, clients)
}

fn known(clients: &[Client]) -> Vec<(String, Known)> {
    clients.iter().map(Client::known).collect()
}

fn clients(world: &Arc<World>) -> impl Iterator<Item = Client> {
    (0..CONNECTORS).map(|number| Client::new(world, &format!("c-{number}")))
}
