//! Every agent that is known: its stream, when it was last heard of, what it
//! reported.
//!
//! All of it is in memory; what must survive is an [`AgentRecord`] in the
//! catalog. An agent keeps its tasks until it says that it leaves or was not
//! heard of for a lease, counted anew from this process's start.
//!
//! Nothing here scans all agents for one of them: those of a pool and those
//! that say something of a connector are indexed.

mod agent;
pub(crate) mod asking;
mod assigned;
mod commands;
mod intent;
mod list;
mod reports;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka2oss_domain::spec::Pool;
use kafka2oss_proto::agent::v1::Command;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::clock;
use crate::model::lease::Leases;
use crate::named::Named;
use crate::store::agents::AgentRecord;
use agent::{Agent, Session};
pub(crate) use agent::{AgentView, Seen};
pub(crate) use assigned::Assignments;
use commands::{COMMANDS, Removal};
pub(crate) use list::{Assignment, List};

/// Why a stream was ended from this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// A newer process has the agent's id.
    Superseded,
    /// The same process has opened another stream.
    Replaced,
    /// The agent was not heard of for a lease.
    Expired,
}

/// What a stream's tasks need.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Names the stream.
    pub(crate) session: u64,
    /// The latest assignments; earlier ones that were not sent are skipped.
    pub(crate) assignments: watch::Receiver<Assignments>,
    /// Commands to send.
    pub(crate) commands: mpsc::Receiver<Command>,
    /// Set when the stream is to end.
    pub(crate) ending: watch::Receiver<Option<Ending>>,
    /// Raised when some assignment was refused, so that it is sent again.
    pub(crate) refused: watch::Receiver<u64>,
}

#[derive(Debug)]
struct State {
    agents: Named<Agent>,
    /// Of the agents that are not gone.
    leases: Leases,
    /// Agents whose stream is open, by pool, in the order of the ids.
    connected: HashMap<Pool, Vec<String>>,
    /// Pools that got their first connected agent or lost their last one, and
    /// nobody was told yet.
    changed_pools: BTreeSet<Pool>,
    /// Agents that report or refuse something of a connector, by its name.
    speakers: HashMap<String, BTreeSet<String>>,
    /// Removals of a connector's resources that went out and were not answered, by its uid.
    removals: HashMap<String, Vec<Removal>>,
    last_session: u64,
    /// When this process was last known to run.
    last_noticed: std::time::Instant,
    /// Counts choices of an agent, so that they go round.
    turn: usize,
}

/// Every agent that is known.
#[derive(Debug)]
pub(crate) struct Fleet {
    lease: Duration,
    state: Mutex<State>,
    /// Version of the last list that was sent on any stream.
    last_list: AtomicU64,
}

impl Fleet {
    /// The agents that an earlier process knew: their leases start now.
    pub(crate) fn new(lease: Duration, known: Vec<(String, AgentRecord)>) -> Self {
        let mut leases = Leases::new(lease, now());
        let mut agents = Named::default();
        for (id, record) in known {
            if record.gone_time.is_none() {
                leases.known(&id);
            }
            agents.insert(&id, Agent::silent(record));
        }
        let state = State {
            agents,
            leases,
            connected: HashMap::new(),
            changed_pools: BTreeSet::new(),
            speakers: HashMap::new(),
            removals: HashMap::new(),
            last_session: 0,
            last_noticed: now(),
            turn: 0,
        };
        Self { lease, state: Mutex::new(state), last_list: AtomicU64::new(0) }
    }

    /// Whether a process with this boot nonce may have the agent's id: not while one with
    /// a higher nonce is there, or was within the lease, as far as this control plane has
    /// heard itself. A nonce that an agent had once keeps nobody out: its successor may
    /// have lost the file that its own rises from, and a clock may go back.
    pub(crate) fn admits(&self, id: &str, boot_nonce: u64) -> bool {
        let state = self.lock();
        state.agents.get(id).is_none_or(|agent| {
            let is_there = agent.session.is_some() || state.leases.is_heard(id, now());
            agent.record.boot_nonce <= boot_nonce || !is_there
        })
    }

    /// Opens a stream of an agent that was admitted; an earlier one ends.
    /// `held` are the uids of what it runs and may run.
    pub(crate) fn connect(
        &self,
        id: &str,
        record: AgentRecord,
        held: Vec<String>,
        plain_secrets: bool,
    ) -> Stream {
        let mut state = self.lock();
        state.last_session += 1;
        let session = state.last_session;
        let (assignments, assignments_to_send) = watch::channel(None);
        let (commands, commands_to_send) = mpsc::channel(COMMANDS);
        let (ending, ends) = watch::channel(None);
        let (refused, refusals) = watch::channel(0);
        let opened = Session {
            id: session,
            plain_secrets,
            assignments,
            commands,
            ending,
            refused,
            requested: 0,
            waiting: BTreeMap::new(),
            following: HashMap::new(),
            removals: HashMap::new(),
            sent: None,
            offered: HashSet::new(),
            acknowledged: None,
            reported_since: false,
            unanswered_since: None,
            withdrawn: HashMap::new(),
            last_sequence: 0,
        };
        let pool = record.pool();
        let earlier = state.agents.get(id).map(|agent| agent.record.clone());
        let same_process =
            earlier.as_ref().is_none_or(|earlier| earlier.boot_nonce == record.boot_nonce);
        if let Some(earlier) = &earlier {
            state.close(id, &earlier.pool());
        }
        if !same_process {
            state.hush(id);
        }
        let agent = state.agents.get_or_insert_with(id, || Agent::silent(record.clone()));
        if let Some(earlier) = agent.session.replace(opened) {
            let why = if same_process { Ending::Replaced } else { Ending::Superseded };
            earlier.ending.send_replace(Some(why));
        }
        agent.record = record;
        agent.gave_back = false;
        agent.held = held;
        agent.heard_time = Some(clock::now());
        let State { connected, changed_pools, .. } = &mut *state;
        let connected = connected.entry(pool.clone()).or_default();
        if connected.is_empty() {
            changed_pools.insert(pool);
        }
        if let Err(at) = connected.binary_search_by(|one| one.as_str().cmp(id)) {
            connected.insert(at, id.to_owned());
        }
        state.leases.heard(id, now());
        Stream {
            session,
            assignments: assignments_to_send,
            commands: commands_to_send,
            ending: ends,
            refused: refusals,
        }
    }

    /// A stream has ended; the agent's lease goes on.
    pub(crate) fn disconnect(&self, id: &str, session: u64) {
        let mut state = self.lock();
        if let Some(agent) = state.agents.get_mut(id)
            && agent.session.as_ref().is_some_and(|open| open.id == session)
        {
            agent.session = None;
            let pool = agent.record.pool();
            state.close(id, &pool);
        }
    }

    /// The agent was heard of on this stream.
    pub(crate) fn heard(&self, id: &str, session: u64) {
        self.on_stream(id, session, |_| ());
    }

    /// Agents whose lease has run out, as far as can be told without their
    /// locks.
    pub(crate) fn silent(&self) -> Vec<String> {
        self.lock().leases.expired(now()).into_iter().map(str::to_owned).collect()
    }

    /// Of these agents, those whose lease has run out: they are gone, their
    /// streams end. The caller holds their locks, and stores their records.
    pub(crate) fn expire(&self, ids: &[String]) -> Vec<(String, AgentRecord)> {
        let mut state = self.lock();
        let expired: HashSet<String> =
            state.leases.expired(now()).into_iter().map(str::to_owned).collect();
        let expired = ids.iter().filter(|id| expired.contains(*id));
        expired
            .filter_map(|id| Some((id.clone(), state.end(id, Ending::Expired, false)?)))
            .collect()
    }

    /// To be called all the time, several times a lease: when it was not for
    /// half of one, this process did not run, and what it could not hear counts
    /// against nobody.
    pub(crate) fn notice_pause(&self) {
        let mut state = self.lock();
        let now = now();
        if now > state.last_noticed + self.lease / 2 {
            tracing::warn!("the control plane did not run for a while: leases count anew");
            state.leases.count_anew(now);
        }
        state.last_noticed = now;
    }

    /// The agent gives its tasks back. Returns its record to store.
    pub(crate) fn leave(&self, id: &str, session: u64) -> Option<AgentRecord> {
        let mut state = self.lock();
        let open = state.agents.get(id)?.session.as_ref()?.id;
        if open != session {
            return None;
        }
        state.end(id, Ending::Replaced, true)
    }

    /// When the next lease runs out, unless its agent is heard of before.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.lock().leases.next_expiry().map(Instant::from_std)
    }

    /// Agents that have been gone for `age`, as far as can be told without
    /// their locks.
    pub(crate) fn gone_for(&self, age: Duration) -> Vec<String> {
        let state = self.lock();
        let gone = state.agents.iter().filter(|(_, agent)| agent.is_gone_for(age));
        gone.map(|(id, _)| id.to_string()).collect()
    }

    /// Forgets those of the agents that have been gone for `age`, and returns
    /// them. The caller holds their locks, and removes their records.
    pub(crate) fn forget(&self, ids: &[String], age: Duration) -> Vec<String> {
        let agents = &mut self.lock().agents;
        let gone = |id: &&String| agents.get(id).is_some_and(|agent| agent.is_gone_for(age));
        let gone: Vec<_> = ids.iter().filter(gone).cloned().collect();
        for id in &gone {
            agents.remove(id);
        }
        gone
    }

    /// Agents without a stream, that which was heard of longest ago first, if there are more
    /// than `few`; those that are to drain last, since that is somebody's wish.
    pub(crate) fn absent(&self, few: usize) -> Vec<String> {
        let state = self.lock();
        let absent = state.agents.iter().filter(|(_, agent)| agent.session.is_none());
        let heard = |agent: &Agent| agent.heard_time.map(|time| (time.seconds, time.nanos));
        let mut absent: Vec<_> =
            absent.map(|(id, agent)| (agent.record.drains(), heard(agent), id)).collect();
        if absent.len() <= few {
            return Vec::new();
        }
        absent.sort_unstable();
        absent.into_iter().map(|(_, _, id)| id.to_string()).collect()
    }

    /// Forgets those of the agents that have no stream, and returns them. The caller holds
    /// their locks, and removes their records.
    pub(crate) fn forget_absent(&self, ids: &[String]) -> Vec<String> {
        let mut state = self.lock();
        let absent =
            |id: &&String| state.agents.get(id).is_some_and(|agent| agent.session.is_none());
        let absent: Vec<_> = ids.iter().filter(absent).cloned().collect();
        for id in &absent {
            state.leases.remove(id);
            state.hush(id);
            state.agents.remove(id);
        }
        absent
    }

    /// At most `most` agents after the ID `after`, in the order of the IDs.
    pub(crate) fn views(&self, after: &str, most: usize) -> Vec<AgentView> {
        let state = self.lock();
        state.agents.after(after).map(|(id, agent)| agent.view(id)).take(most).collect()
    }

    /// How many agents are known.
    pub(crate) fn len(&self) -> usize {
        self.lock().agents.len()
    }

    /// The pools of all agents that are known.
    pub(crate) fn pools(&self) -> BTreeSet<Pool> {
        self.lock().agents.values().map(|agent| agent.record.pool()).collect()
    }

    /// One agent.
    pub(crate) fn view(&self, id: &str) -> Option<AgentView> {
        self.with(id, |agent| agent.view(id))
    }

    /// Whether an agent's stream is open.
    pub(crate) fn is_connected(&self, id: &str) -> bool {
        self.with(id, |agent| agent.session.is_some()).unwrap_or(false)
    }

    /// Whether plain secrets may be sent to an agent.
    pub(crate) fn takes_plain_secrets(&self, id: &str) -> bool {
        let session = self.with(id, |agent| agent.session.as_ref().map(|open| open.plain_secrets));
        session.flatten().unwrap_or(false)
    }

    /// Of the agents `ids` the first that is connected in a pool, else the pool's first one;
    /// one that drains only where all of them do.
    pub(crate) fn first_connected<'i>(
        &self,
        pool: &Pool,
        ids: impl IntoIterator<Item = &'i str>,
    ) -> Option<String> {
        let state = self.lock();
        let connected = state.connected.get(pool)?;
        let is_there = |id: &&str| connected.binary_search_by(|one| one.as_str().cmp(id)).is_ok();
        let asked = ids.into_iter().filter(is_there).min_by_key(|id| state.drains(id));
        let any = connected.iter().map(String::as_str).min_by_key(|id| state.drains(id))?;
        let found = asked.filter(|asked| state.drains(asked) <= state.drains(any));
        Some(found.unwrap_or(any).to_owned())
    }

    /// How many agents of a pool are connected.
    pub(crate) fn connected(&self, pool: &Pool) -> usize {
        self.lock().connected.get(pool).map_or(0, Vec::len)
    }

    /// Pools that got their first connected agent or lost their last one since
    /// the last call: each is told once, whoever asks.
    pub(crate) fn take_changed_pools(&self) -> BTreeSet<Pool> {
        std::mem::take(&mut self.lock().changed_pools)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, id: &str, read: impl FnOnce(&Agent) -> T) -> Option<T> {
        self.lock().agents.get(id).map(read)
    }

    /// Does something to an agent if `session` is its stream; what is said on
    /// it also shows that the agent is there.
    fn on_stream<T>(
        &self,
        id: &str,
        session: u64,
        change: impl FnOnce(&mut Agent) -> T,
    ) -> Option<T> {
        let mut state = self.lock();
        let State { agents, leases, .. } = &mut *state;
        let agent = agents.get_mut(id)?;
        if agent.session.as_ref()?.id != session {
            return None;
        }
        agent.heard_time = Some(clock::now());
        leases.heard(id, now());
        Some(change(agent))
    }
}

impl State {
    /// The agent has its tasks no longer, and its stream ends.
    fn end(&mut self, id: &str, why: Ending, gave_back: bool) -> Option<AgentRecord> {
        self.leases.remove(id);
        self.hush(id);
        let agent = self.agents.get_mut(id)?;
        agent.go(why);
        agent.gave_back = gave_back;
        let record = agent.record.clone();
        self.close(id, &record.pool());
        Some(record)
    }

    /// Whether the agent is to give its tasks to others.
    fn drains(&self, id: &str) -> bool {
        self.agents.get(id).is_some_and(|agent| agent.record.drains())
    }

    /// The agent has no stream in this pool.
    fn close(&mut self, id: &str, pool: &Pool) {
        if let Some(connected) = self.connected.get_mut(pool) {
            if let Ok(at) = connected.binary_search_by(|one| one.as_str().cmp(id)) {
                connected.remove(at);
            }
            if connected.is_empty() {
                self.connected.remove(pool);
                self.changed_pools.insert(pool.clone());
            }
        }
    }

    /// What the agent said of connectors does not count any more.
    fn hush(&mut self, id: &str) {
        let Some(agent) = self.agents.get_mut(id) else { return };
        let reports = std::mem::take(&mut agent.reports).into_keys();
        let nacks = std::mem::take(&mut agent.nacks).into_keys();
        for name in reports.chain(nacks) {
            self.silence(id, &name);
        }
    }

    /// The agent says something of a connector.
    fn speak(&mut self, id: &str, connector: &str) {
        self.speakers.entry(connector.to_owned()).or_default().insert(id.to_owned());
    }

    /// The agent says nothing of a connector.
    fn silence(&mut self, id: &str, connector: &str) {
        if let Some(speakers) = self.speakers.get_mut(connector) {
            speakers.remove(id);
            if speakers.is_empty() {
                self.speakers.remove(connector);
            }
        }
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

#[cfg(test)]
mod tests;
