//! A simulated agent: it does what real ones do on the stream, and crashes, leaves, refuses
//! and takes its time as the seed has it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesUnordered;
use kafka2oss_proto::agent;
use kafka2oss_proto::agent::v1::command::Command;
use kafka2oss_proto::agent::v1::connect_request::Message as Said;
use kafka2oss_proto::agent::v1::connect_response::Message as Told;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::answers::{LEAST_END, Manner, answer};
use super::link::{self, Cable, Link};
use super::tasks::{Held, Tasks};
use super::world::{HEARTBEAT, World};

/// An answer that comes so late is one that nobody waits for.
const LATE: Duration = Duration::from_secs(70);

/// What happens to an agent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    /// Its process ends without a word, and starts again after this time.
    Crash(Duration),
    /// It gives its tasks back, and comes again after this time.
    Leave(Duration),
    /// It opens another stream, of which it knows before the control plane does that the one
    /// before is broken.
    Reconnect,
    /// It takes nothing that it is told for this time, and goes on to speak.
    Deafen(Duration),
}

/// What the world knows of an agent.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) id: String,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) cable: Arc<Cable>,
    pub(super) seen: watch::Receiver<BTreeMap<String, Held>>,
    admissions: Arc<Admissions>,
}

/// How an agent was let in.
#[derive(Debug, Default)]
struct Admissions {
    welcomes: AtomicU64,
    is_in: AtomicBool,
}

struct Agent {
    id: String,
    /// Names its process, where there are several of one id.
    process: String,
    world: Arc<World>,
    orders: mpsc::Receiver<Order>,
    cable: Arc<Cable>,
    admissions: Arc<Admissions>,
    boot_nonce: u64,
    /// A process with a higher boot number has its id, too.
    is_older: bool,
    tasks: Tasks,
    sequence: u64,
    deaf_until: Instant,
}

/// How a stream ended.
enum End {
    Broken,
    Superseded,
    Ordered(Order),
}

type Works = FuturesUnordered<BoxFuture<'static, Option<agent::v1::CommandResult>>>;

/// Starts an agent.
pub(super) fn start(world: &Arc<World>, id: &str) -> Handle {
    run(world, id, false)
}

/// Starts a process that has the id of an agent that is there, and an older boot number.
pub(super) fn start_older(world: &Arc<World>, id: &str) -> Handle {
    run(world, id, true)
}

fn run(world: &Arc<World>, id: &str, is_older: bool) -> Handle {
    let (orders, ordered) = mpsc::channel(1);
    let cable = Arc::new(Cable::default());
    let process = if is_older { format!("{id} (older)") } else { id.to_owned() };
    let tasks = Tasks::new(world, id, &process);
    let seen = tasks.follow();
    let admissions = Arc::<Admissions>::default();
    let agent = Agent {
        id: id.to_owned(),
        process,
        world: Arc::clone(world),
        orders: ordered,
        cable: Arc::clone(&cable),
        admissions: Arc::clone(&admissions),
        boot_nonce: if is_older { 1 } else { 2 },
        is_older,
        tasks,
        sequence: 0,
        deaf_until: Instant::now(),
    };
    world.spawn(agent.run());
    Handle { id: id.to_owned(), orders, cable, seen, admissions }
}

impl Handle {
    /// Has it happen to the agent.
    pub(super) async fn order(&self, order: Order) {
        self.orders.send(order).await.expect("the agent lives as long as its world");
    }

    /// How often it was let in.
    pub(super) fn welcomes(&self) -> u64 {
        self.admissions.welcomes.load(Ordering::Relaxed)
    }

    /// Whether it is let in now.
    pub(super) fn is_in(&self) -> bool {
        self.admissions.is_in.load(Ordering::Relaxed)
    }

    /// Waits until it was let in so often.
    pub(super) async fn welcomed(&self, times: u64) {
        while self.welcomes() < times {
            sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Agent {
    async fn run(mut self) {
        loop {
            self.tasks.open_stream();
            let hello = self.hello();
            let end = match link::connect(&self.world, hello, &self.cable).await {
                Some(link) => self.talk(link).await,
                None => End::Broken,
            };
            self.admissions.is_in.store(false, Ordering::Relaxed);
            let away = match end {
                End::Broken => self.world.within(100, 3_000),
                End::Superseded => {
                    assert!(self.is_older, "{} is superseded, and none is newer", self.process);
                    self.note("superseded");
                    self.world.within(1_000, 5_000)
                }
                End::Ordered(Order::Crash(away)) => {
                    self.note("crashed");
                    self.end(false);
                    away
                }
                End::Ordered(Order::Leave(away)) => {
                    self.note("left");
                    self.end(true);
                    away
                }
                End::Ordered(Order::Reconnect | Order::Deafen(_)) => Duration::ZERO,
            };
            self.tasks.show();
            sleep(away).await;
        }
    }

    /// Its process has ended.
    fn end(&mut self, gave_back: bool) {
        self.boot_nonce += 1;
        self.sequence = 0;
        self.tasks.end(gave_back);
    }

    fn hello(&self) -> agent::v1::Hello {
        agent::v1::Hello {
            agent_id: self.id.clone(),
            boot_nonce: self.boot_nonce,
            vpc_id: "vpc-1".to_owned(),
            vswitch_id: "vsw-1".to_owned(),
            capacity: 100,
            protocol_version: 1,
            version: "0.1.0".to_owned(),
            held: self.tasks.held(),
            ..agent::v1::Hello::default()
        }
    }

    async fn talk(&mut self, mut link: Link) -> End {
        let mut works = Works::new();
        let mut number = 0;
        let mut beat_at = Instant::now() + HEARTBEAT;
        let mut report_at = Instant::now();
        loop {
            let is_deaf = Instant::now() < self.deaf_until;
            let said = tokio::select! {
                biased;
                order = self.orders.recv() => match order {
                    Some(Order::Leave(away)) => {
                        let reason = agent::v1::GoodbyeReason::Leaving.into();
                        let goodbye = Said::Goodbye(agent::v1::Goodbye { reason });
                        // It leaves in any case.
                        let _ = link.say.send(request(goodbye)).await;
                        return End::Ordered(Order::Leave(away));
                    }
                    Some(Order::Deafen(time)) => {
                        self.note("is deaf");
                        self.deaf_until = Instant::now() + time;
                        Vec::new()
                    }
                    Some(order @ (Order::Crash(_) | Order::Reconnect)) => {
                        return End::Ordered(order);
                    }
                    None => return End::Broken,
                },
                told = link.told.recv(), if !is_deaf => match told.map(|told| told.message) {
                    None => return End::Broken,
                    Some(Some(Told::Superseded(_))) => return End::Superseded,
                    Some(Some(Told::Assignments(list))) => {
                        report_at = Instant::now();
                        vec![Said::AssignmentAck(self.tasks.take(list).await)]
                    }
                    Some(Some(Told::Command(command))) => {
                        works.push(self.begin(command));
                        Vec::new()
                    }
                    Some(Some(Told::Welcome(_))) => {
                        self.admissions.welcomes.fetch_add(1, Ordering::Relaxed);
                        self.admissions.is_in.store(true, Ordering::Relaxed);
                        Vec::new()
                    }
                    Some(None) => Vec::new(),
                },
                Some(result) = works.next() => {
                    result.map(Said::CommandResult).into_iter().collect()
                }
                () = sleep_until(report_at) => {
                    report_at = self.tasks.next_report();
                    let mut said = vec![Said::StatusReport(self.report())];
                    if is_deaf {
                        // It wonders why.
                        number += 1;
                        said.push(Said::AssignmentRequest(agent::v1::AssignmentRequest { number }));
                    }
                    said
                }
                () = sleep_until(beat_at) => {
                    beat_at = Instant::now() + HEARTBEAT;
                    vec![Said::Heartbeat(agent::v1::Heartbeat {})]
                }
            };
            for message in said {
                if link.say.send(request(message)).await.is_err() {
                    return End::Broken;
                }
            }
        }
    }

    fn begin(
        &self,
        command: agent::v1::Command,
    ) -> BoxFuture<'static, Option<agent::v1::CommandResult>> {
        let world = Arc::clone(&self.world);
        let (pause, is_late, willing) = match world.is_calm() {
            true => (world.within(20, 200), false, true),
            false => (world.within(20, 3_000), world.once_in(10), !world.once_in(6)),
        };
        let end = world.chance().i64(LEAST_END..1_000);
        let manner = Manner { willing, rereads: world.once_in(4), end };
        let agent::v1::Command { id, command, .. } = command;
        if let Some(Command::RemoveResources(removal)) = &command {
            let runner = world.ledger.runner(&removal.uid);
            let connector = &removal.connector;
            assert!(runner.is_none(), "resources of {connector} go, and {runner:?} runs it");
        }
        async move {
            sleep(pause).await;
            let command = command?;
            world.carry_out(&command, manner.willing);
            let result = answer(command, manner);
            if is_late {
                // Nobody waits for its answer any more.
                sleep(LATE).await;
            }
            Some(agent::v1::CommandResult { id, result: Some(result) })
        }
        .boxed()
    }

    fn report(&mut self) -> agent::v1::StatusReport {
        self.sequence += 1;
        self.tasks.report(self.sequence)
    }

    fn note(&self, what: &str) {
        self.world.note(&self.process, what);
    }
}

fn request(message: Said) -> agent::v1::ConnectRequest {
    agent::v1::ConnectRequest { message: Some(message) }
}
