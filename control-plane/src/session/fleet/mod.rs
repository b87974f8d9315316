//! Every agent that is known: its stream, when it was last heard of, what it
//! reported.
//!
//! All of it is in memory; what must survive is an [`AgentRecord`] in the
//! catalog. An agent keeps its tasks until it says that it leaves or was not
//! heard of for a lease, counted anew from this process's start.

mod agent;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka2oss_proto::v1;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::clock;
use crate::model::lease::Leases;
use crate::store::agents::AgentRecord;
use agent::{Agent, Sent, Session};
pub(crate) use agent::{AgentView, Seen};

/// Commands that wait for a stream; more are refused.
const COMMANDS: usize = 64;

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

/// What an agent is to run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Assigned {
    /// Everything, in the order of the connectors' names.
    pub(crate) connectors: Vec<v1::ConnectorAssignment>,
    /// The stream's last AssignmentRequest that had come before this was worked
    /// out; 0 before the first.
    pub(crate) answered_request: u64,
}

/// The assignments of an agent; absent until they were worked out once.
pub(crate) type Assignments = Option<Arc<Assigned>>;

/// What a stream's tasks need.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Names the stream.
    pub(crate) session: u64,
    /// The latest assignments; earlier ones that were not sent are skipped.
    pub(crate) assignments: watch::Receiver<Assignments>,
    /// Commands to send.
    pub(crate) commands: mpsc::Receiver<v1::Command>,
    /// Set when the stream is to end.
    pub(crate) ending: watch::Receiver<Option<Ending>>,
    /// Raised when some assignment was refused, so that it is sent again.
    pub(crate) refused: watch::Receiver<u64>,
}

/// AssignmentRequests by stream, as they were at one moment: a list that is
/// worked out after it answers them.
#[derive(Debug, Default)]
pub(crate) struct Requests(HashMap<u64, u64>);

#[derive(Debug)]
struct State {
    agents: BTreeMap<String, Agent>,
    /// Of the agents that are not gone.
    leases: Leases,
    last_session: u64,
}

/// Every agent that is known.
#[derive(Debug)]
pub(crate) struct Fleet {
    state: Mutex<State>,
    /// Counts reports, to wait for the next one.
    reports: watch::Sender<u64>,
}

impl Fleet {
    /// The agents that an earlier process knew: their leases start now.
    pub(crate) fn new(lease: Duration, known: Vec<(String, AgentRecord)>) -> Self {
        let mut leases = Leases::new(lease, now());
        let mut agents = BTreeMap::new();
        for (id, record) in known {
            if record.gone_time.is_none() {
                leases.known(&id);
            }
            agents.insert(id, Agent::silent(record));
        }
        let state = State { agents, leases, last_session: 0 };
        Self { state: Mutex::new(state), reports: watch::Sender::new(0) }
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
    pub(crate) fn connect(
        &self,
        id: &str,
        record: AgentRecord,
        held: Vec<String>,
        plain_secrets: bool,
    ) -> Stream {
        let mut state = self.lock();
        let State { agents, leases, last_session } = &mut *state;
        *last_session += 1;
        let session = *last_session;
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
            waiting: HashMap::new(),
            sent: None,
            offered: HashSet::new(),
            acknowledged: None,
            reported_since: false,
        };
        let agent = agents.entry(id.to_owned()).or_insert_with(|| Agent::silent(record.clone()));
        let same_process = agent.record.boot_nonce == record.boot_nonce;
        if let Some(earlier) = agent.session.replace(opened) {
            let why = if same_process { Ending::Replaced } else { Ending::Superseded };
            earlier.ending.send_replace(Some(why));
        }
        if !same_process {
            agent.reports.clear();
            agent.nacks.clear();
        }
        agent.record = record;
        agent.gave_back = false;
        agent.held = held;
        agent.heard_time = Some(clock::now());
        leases.heard(id, now());
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
        }
    }

    /// The agent was heard of on this stream.
    pub(crate) fn heard(&self, id: &str, session: u64) {
        self.on_stream(id, session, |_| ());
    }

    /// Takes a report; the one before is replaced. Returns the names of the
    /// connectors that it and the one before are about.
    pub(crate) fn report(&self, id: &str, session: u64, report: v1::StatusReport) -> Vec<String> {
        let touched = self.on_stream(id, session, |agent| {
            agent.reported = Some((clock::now(), Instant::now()));
            agent.held = report.connectors.iter().map(|one| one.uid.clone()).collect();
            if let Some(session) = &mut agent.session {
                session.reported_since = true;
            }
            let new: BTreeMap<_, _> =
                report.connectors.into_iter().map(|one| (one.connector.clone(), one)).collect();
            let old = std::mem::replace(&mut agent.reports, new);
            let mut names: Vec<_> = old.into_keys().chain(agent.reports.keys().cloned()).collect();
            names.sort_unstable();
            names.dedup();
            names
        });
        self.reports.send_modify(|count| *count = count.wrapping_add(1));
        touched.unwrap_or_default()
    }

    /// Takes the answer to a list. Returns the names of the connectors whose
    /// assignment is refused now, or was before.
    pub(crate) fn acknowledge(
        &self,
        id: &str,
        session: u64,
        ack: v1::AssignmentAck,
    ) -> Vec<String> {
        let touched = self.on_stream(id, session, |agent| {
            let Some(session) = &mut agent.session else { return Vec::new() };
            let answers = |sent: &Sent| sent.version == ack.version && sent.nonce == ack.nonce;
            if !session.sent.as_ref().is_some_and(answers) {
                return Vec::new();
            }
            if session.acknowledged != Some(ack.version) {
                session.acknowledged = Some(ack.version);
                session.reported_since = false;
            }
            if !ack.nacks.is_empty() {
                session.refused.send_modify(|count| *count += 1);
            }
            let new = ack.nacks.into_iter().map(|nack| (nack.connector.clone(), nack)).collect();
            let old = std::mem::replace(&mut agent.nacks, new);
            old.into_keys().chain(agent.nacks.keys().cloned()).collect()
        });
        touched.unwrap_or_default()
    }

    /// Notes that a list goes out on a stream.
    pub(crate) fn sending(&self, id: &str, session: u64, list: &v1::AssignmentList) {
        let mut state = self.lock();
        if let Some(agent) = state.agents.get_mut(id)
            && let Some(open) = &mut agent.session
            && open.id == session
        {
            open.sent = Some(Sent {
                version: list.version,
                nonce: list.nonce.clone(),
                uids: list.connectors.iter().map(|one| one.uid.clone()).collect(),
            });
        }
    }

    /// The agent asks for its whole list anew.
    pub(crate) fn request(&self, id: &str, session: u64, number: u64) {
        self.on_stream(id, session, |agent| {
            if let Some(session) = &mut agent.session {
                session.requested = session.requested.max(number);
            }
        });
    }

    /// The last AssignmentRequest of each open stream.
    pub(crate) fn requests(&self) -> Requests {
        let state = self.lock();
        let open = state.agents.values().filter_map(|agent| agent.session.as_ref());
        Requests(open.map(|session| (session.id, session.requested)).collect())
    }

    /// Hands the agents their assignments, which answer `requests`; those
    /// without a stream get theirs when they come back. An agent whose
    /// assignments are the same as before, and that has not asked for them, is
    /// sent nothing.
    pub(crate) fn assign(
        &self,
        mut lists: BTreeMap<String, Vec<v1::ConnectorAssignment>>,
        requests: &Requests,
    ) {
        for (id, agent) in &mut self.lock().agents {
            let Some(session) = &mut agent.session else { continue };
            let connectors = lists.remove(id).unwrap_or_default();
            session.offered.extend(connectors.iter().map(|one| one.uid.clone()));
            let answered_request = requests.0.get(&session.id).copied().unwrap_or_default();
            let assigned = Assigned { connectors, answered_request };
            session.assignments.send_if_modified(|current| {
                let changed = current.as_deref() != Some(&assigned);
                if changed {
                    *current = Some(Arc::new(assigned));
                }
                changed
            });
        }
    }

    /// Queues a command on the agent's stream and says where its result comes.
    /// None when there is no stream, or it has too many commands waiting. The
    /// receiver fails when the stream ends first.
    pub(crate) fn command(
        &self,
        id: &str,
        command: v1::Command,
    ) -> Option<oneshot::Receiver<v1::CommandResult>> {
        let mut state = self.lock();
        let session = state.agents.get_mut(id)?.session.as_mut()?;
        session.waiting.retain(|_, waiting| {
            waiting.retain(|one| !one.is_closed());
            !waiting.is_empty()
        });
        let command_id = command.id.clone();
        session.commands.try_send(command).ok()?;
        let (done, result) = oneshot::channel();
        session.waiting.entry(command_id).or_default().push(done);
        Some(result)
    }

    /// Hands a command's result to whoever waits for it.
    pub(crate) fn answer(&self, id: &str, session: u64, result: &v1::CommandResult) {
        self.on_stream(id, session, |agent| {
            let Some(session) = &mut agent.session else { return };
            for waiting in session.waiting.remove(&result.id).unwrap_or_default() {
                // One that gave up waiting needs no answer.
                let _ = waiting.send(result.clone());
            }
        });
    }

    /// Agents whose lease has run out just now, with their records to store.
    /// Their streams end.
    pub(crate) fn expire(&self) -> Vec<(String, AgentRecord)> {
        let mut state = self.lock();
        let State { agents, leases, .. } = &mut *state;
        let expired: Vec<_> = leases.expired(now()).into_iter().map(str::to_owned).collect();
        let mut gone = Vec::new();
        for id in expired {
            leases.remove(&id);
            if let Some(agent) = agents.get_mut(&id) {
                agent.go(Ending::Expired);
                gone.push((id, agent.record.clone()));
            }
        }
        gone
    }

    /// This process itself did not run for a while: what it could not hear
    /// counts against nobody.
    pub(crate) fn count_anew(&self) {
        self.lock().leases.count_anew(now());
    }

    /// The agent gives its tasks back. Returns its record to store.
    pub(crate) fn leave(&self, id: &str, session: u64) -> Option<AgentRecord> {
        let record = self.on_stream(id, session, |agent| {
            agent.go(Ending::Replaced);
            agent.gave_back = true;
            agent.record.clone()
        })?;
        self.lock().leases.remove(id);
        Some(record)
    }

    /// When the next lease runs out, unless its agent is heard of before.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.lock().leases.next_expiry().map(Instant::from_std)
    }

    /// Forgets agents that have been gone for `age`. Returns their IDs.
    pub(crate) fn forget(&self, age: Duration) -> Vec<String> {
        let old = |agent: &Agent| {
            agent.session.is_none()
                && agent.record.gone_time.as_ref().is_some_and(|time| clock::is_older(time, age))
        };
        let agents = &mut self.lock().agents;
        let ids: Vec<_> =
            agents.iter().filter(|(_, one)| old(one)).map(|(id, _)| id.clone()).collect();
        agents.retain(|id, _| !ids.contains(id));
        ids
    }

    /// Every agent, in the order of the IDs.
    pub(crate) fn views(&self) -> Vec<AgentView> {
        self.lock().agents.iter().map(|(id, agent)| agent.view(id)).collect()
    }

    /// One agent.
    pub(crate) fn view(&self, id: &str) -> Option<AgentView> {
        self.with(id, |agent| agent.view(id))
    }

    /// What each agent says of the connector `name` of this uid.
    pub(crate) fn seen(&self, name: &str, uid: &str) -> Vec<Seen> {
        let state = self.lock();
        state
            .agents
            .iter()
            .filter_map(|(id, agent)| {
                let report = agent.reports.get(name).filter(|report| report.uid == uid).cloned();
                let nack = agent.nacks.get(name).cloned();
                let (report_time, at) =
                    agent.reported.unwrap_or_else(|| (clock::now(), Instant::now()));
                (report.is_some() || nack.is_some()).then(|| Seen {
                    agent: id.clone(),
                    report,
                    report_time,
                    report_age: at.elapsed(),
                    nack,
                })
            })
            .collect()
    }

    /// What the agent last reported of the connector `name`.
    pub(crate) fn reported<T>(
        &self,
        id: &str,
        name: &str,
        read: impl FnOnce(&v1::ConnectorReport) -> T,
    ) -> Option<T> {
        self.with(id, |agent| agent.reports.get(name).map(read))?
    }

    /// Agents that may still run tasks of the connector `uid`; those of
    /// `placed` were to have some.
    pub(crate) fn holders(&self, uid: &str, placed: &[String]) -> Vec<String> {
        let state = self.lock();
        let may_run = |(id, agent): &(&String, &Agent)| agent.may_run(uid, placed.contains(id));
        state.agents.iter().filter(may_run).map(|(id, _)| id.clone()).collect()
    }

    /// Follows the count of reports.
    pub(crate) fn follow_reports(&self) -> watch::Receiver<u64> {
        self.reports.subscribe()
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

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

#[cfg(test)]
mod tests;
