//! Simulated agents, all of one pool, over few connections.

mod agent;
mod work;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::bound::{NotWithin, until};
use crate::ledger::Ledger;
use crate::plane::Plane;
use agent::{Agent, Identity, View};
pub(crate) use work::{PARTITIONS, SPREAD};

/// Where all of them are.
pub(crate) const REGION: &str = "cn-hangzhou";
pub(crate) const VPC: &str = "vpc-1";
pub(crate) const VSWITCH: &str = "vsw-1";

/// Streams of one connection. A server takes 200 at most unless told otherwise.
const STREAMS: usize = 50;

/// Who runs which task: agent by connector and index.
pub(crate) type Placement = BTreeMap<(u32, i32), usize>;

/// Agents, each with a stream.
#[derive(Debug)]
pub(crate) struct Fleet {
    agents: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    view: Arc<Mutex<View>>,
    task: JoinHandle<()>,
    vanished: bool,
}

impl Fleet {
    /// Starts so many, each of which takes `capacity` tasks.
    pub(crate) fn start(
        plane: &Plane,
        count: u32,
        capacity: u32,
        ledger: &Arc<Ledger>,
    ) -> Result<Self> {
        let boot = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_micros();
        let boot_nonce = u64::try_from(boot)?;
        let mut channel = plane.channel()?;
        let mut agents = Vec::new();
        for number in 0..count {
            if (number as usize).is_multiple_of(STREAMS) {
                channel = plane.channel()?;
            }
            let view = Arc::new(Mutex::new(View::default()));
            let id = agent_id(number as usize);
            let agent = Agent {
                identity: Identity { id, boot_nonce, capacity },
                channel: channel.clone(),
                ledger: Arc::clone(ledger),
                view: Arc::clone(&view),
                store_id: String::new(),
                is_new: true,
            };
            let task = tokio::spawn(agent.run());
            agents.push(Member { view, task, vanished: false });
        }
        Ok(Self { agents })
    }

    /// Waits until each of them has acknowledged a list on the stream that it has now.
    pub(crate) async fn acknowledged(&self, bound: Duration) -> Result<Instant, NotWithin> {
        until(bound, || self.present().all(|(_, agent)| agent.look(|view| view.acknowledged))).await
    }

    /// Waits until each has acknowledged a list, and runs what `expected` says.
    pub(crate) async fn in_sync(
        &self,
        expected: &Placement,
        bound: Duration,
    ) -> Result<Instant, NotWithin> {
        let acknowledged = || self.present().all(|(_, agent)| agent.look(|view| view.acknowledged));
        until(bound, || acknowledged() && self.placement() == *expected).await
    }

    /// Waits until the streams of all have ended.
    pub(crate) async fn lost(&self, bound: Duration) -> Result<Instant, NotWithin> {
        until(bound, || !self.present().any(|(_, agent)| agent.look(|view| view.acknowledged)))
            .await
    }

    /// Waits until none of them has been told anything for so long.
    pub(crate) async fn quiet(&self, quiet: Duration, bound: Duration) -> Result<(), NotWithin> {
        let is_quiet = |view: &View| view.told.is_none_or(|told| told.elapsed() >= quiet);
        until(bound, || self.present().all(|(_, agent)| agent.look(is_quiet))).await?;
        Ok(())
    }

    /// Who runs what, by those that are there.
    pub(crate) fn placement(&self) -> Placement {
        let mut placement = Placement::new();
        for (number, agent) in self.present() {
            agent.look(|view| {
                placement.extend(view.work.tasks().map(|task| (task, number)));
            });
        }
        placement
    }

    /// Every tenth loses its host, as far as the control plane can tell. Returns what
    /// these ran, and when it was.
    pub(crate) fn vanish_a_tenth(&mut self) -> (Placement, Instant) {
        let before = self.placement();
        let now = Instant::now();
        for agent in self.agents.iter_mut().step_by(10) {
            agent.task.abort();
            agent.vanished = true;
        }
        let lost = |_: &(u32, i32), agent: &mut usize| agent.is_multiple_of(10);
        let mut gone = before;
        gone.retain(lost);
        (gone, now)
    }

    /// Whether all have a stream on which they acknowledged a list, but for the one with this
    /// id.
    pub(crate) fn is_there_but(&self, id: Option<&str>) -> bool {
        let others = self.present().filter(|(number, _)| id != Some(agent_id(*number).as_str()));
        others.into_iter().all(|(_, agent)| agent.look(|view| view.acknowledged))
    }

    /// Why streams ended, of the agent that has none; for an error message.
    pub(crate) fn trouble(&self) -> String {
        let mut lost = self
            .present()
            .map(|(_, agent)| agent.look(|view| (!view.acknowledged).then(|| view.lost.clone())));
        lost.find_map(|one| one).unwrap_or_default()
    }

    fn present(&self) -> impl Iterator<Item = (usize, &Member)> {
        self.agents.iter().enumerate().filter(|(_, agent)| !agent.vanished)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for agent in &self.agents {
            agent.task.abort();
        }
    }
}

impl Member {
    fn look<T>(&self, look: impl FnOnce(&View) -> T) -> T {
        look(&self.view.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn agent_id(number: usize) -> String {
    format!("agent-{number:04}")
}

/// Which tasks another agent has now, or none.
pub(crate) fn moved(before: &Placement, after: &Placement) -> usize {
    before.iter().filter(|(task, agent)| after.get(*task) != Some(*agent)).count()
}

/// Whether an agent that is there has each of these tasks.
pub(crate) fn is_held(lost: &Placement, now: &Placement) -> bool {
    lost.keys().all(|task| now.contains_key(task))
}
