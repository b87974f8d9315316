//! One agent as the control plane knows it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use kafka2oss_proto::{agent, v1};
use prost_types::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::list::List;
use super::{Assignments, Ending};
use crate::clock;
use crate::store::agents::AgentRecord;

#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: u64,
    pub(super) plain_secrets: bool,
    pub(super) assignments: watch::Sender<Assignments>,
    pub(super) commands: mpsc::Sender<agent::v1::Command>,
    pub(super) ending: watch::Sender<Option<Ending>>,
    pub(super) refused: watch::Sender<u64>,
    /// Number of the last AssignmentRequest; 0 before the first.
    pub(super) requested: u64,
    pub(super) waiting: BTreeMap<String, Vec<oneshot::Sender<agent::v1::CommandResult>>>,
    /// Who follows what becomes known of a command before its result.
    pub(super) following: HashMap<String, mpsc::Sender<agent::v1::CommandProgress>>,
    /// Removals that were sent and not answered, whoever waits for them: by id, with the
    /// uid of the connector.
    pub(super) removals: HashMap<String, String>,
    /// The latest list that went out.
    pub(super) sent: Option<List>,
    /// Uids of everything that went out or was about to.
    pub(super) offered: HashSet<Arc<str>>,
    /// Version of the latest list that was answered.
    pub(super) acknowledged: Option<u64>,
    /// A report came after that.
    pub(super) reported_since: bool,
    /// Since when assignments have waited for an answer; absent when none do.
    pub(super) unanswered_since: Option<Instant>,
    /// Uids of connectors that it was to run, and since when it is not.
    pub(super) withdrawn: HashMap<Arc<str>, Instant>,
    /// Number of the last report; 0 before the first.
    pub(super) last_sequence: u64,
}

#[derive(Debug)]
pub(super) struct Agent {
    pub(super) record: AgentRecord,
    pub(super) heard_time: Option<Timestamp>,
    pub(super) session: Option<Session>,
    /// It said that it leaves, and has not come back.
    pub(super) gave_back: bool,
    /// Uids of the connectors that it says it runs.
    pub(super) held: Vec<String>,
    pub(super) reports: HashMap<String, Arc<agent::v1::ConnectorReport>>,
    pub(super) reported: Option<(Timestamp, Instant)>,
    pub(super) nacks: BTreeMap<String, agent::v1::AssignmentNack>,
    /// By its latest report.
    pub(super) load: Option<v1::AgentLoad>,
}

/// An agent as others see it.
#[derive(Debug, Clone)]
pub(crate) struct AgentView {
    /// Its bare ID.
    pub(crate) id: String,
    /// What it said of itself.
    pub(crate) record: AgentRecord,
    /// Whether it is there.
    pub(crate) state: v1::AgentState,
    /// When it was last heard of.
    pub(crate) heard_time: Option<Timestamp>,
    /// Whether it has stopped its tasks and given them back.
    pub(crate) gave_back: bool,
    /// Partitions that its tasks have by its latest report, if it has reported
    /// since this process started.
    pub(crate) partitions: Option<usize>,
    /// How much of its host it uses by that report.
    pub(crate) load: Option<v1::AgentLoad>,
}

/// What an agent says of one connector.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The agent's bare ID.
    pub(crate) agent: String,
    /// Its latest report of the connector.
    pub(crate) report: Option<Arc<agent::v1::ConnectorReport>>,
    /// When its latest report arrived.
    pub(crate) report_time: Timestamp,
    /// How long ago that is.
    pub(crate) report_age: Duration,
    /// Why it refused the latest assignment of the connector.
    pub(crate) nack: Option<agent::v1::AssignmentNack>,
}

impl Agent {
    pub(super) fn silent(record: AgentRecord) -> Self {
        Self {
            record,
            heard_time: None,
            session: None,
            gave_back: false,
            held: Vec::new(),
            reports: HashMap::new(),
            reported: None,
            nacks: BTreeMap::new(),
            load: None,
        }
    }

    /// It has its tasks no longer, and its stream ends.
    pub(super) fn go(&mut self, why: Ending) {
        self.record.gone_time = Some(clock::now());
        self.held.clear();
        if let Some(session) = self.session.take() {
            session.ending.send_replace(Some(why));
        }
    }

    /// Whether it has been gone for `age`.
    pub(super) fn is_gone_for(&self, age: Duration) -> bool {
        self.session.is_none()
            && self.record.gone_time.as_ref().is_some_and(|time| clock::is_older(time, age))
    }

    /// Whether it may run tasks of the connector `uid`, of which it had some:
    /// not once it has shown, by a report after it acknowledged a list without
    /// the connector, that it stopped them. What it had before this stream it
    /// said in Hello.
    pub(super) fn may_run(&self, uid: &str) -> bool {
        if self.record.gone_time.is_some() {
            return false;
        }
        self.held.iter().any(|held| held == uid)
            || match &self.session {
                Some(session) => session.offered.contains(uid) && !session.has_dropped(uid),
                None => true,
            }
    }

    pub(super) fn view(&self, id: &str) -> AgentView {
        let state = match (&self.session, &self.record.gone_time) {
            (_, Some(_)) => v1::AgentState::Gone,
            (Some(_), None) => v1::AgentState::Connected,
            (None, None) => v1::AgentState::Disconnected,
        };
        AgentView {
            id: id.to_owned(),
            record: self.record.clone(),
            state,
            heard_time: self.heard_time,
            gave_back: self.gave_back,
            partitions: self.reported.is_some().then(|| self.partitions()),
            load: self.load,
        }
    }

    /// Whether it may run a task of any connector, as far as it has shown.
    pub(super) fn may_run_any(&self) -> bool {
        if self.record.gone_time.is_some() {
            return false;
        }
        !self.held.is_empty()
            || match &self.session {
                Some(session) => !session.offered.iter().all(|uid| session.has_dropped(uid)),
                None => true,
            }
    }

    fn partitions(&self) -> usize {
        self.reports.values().map(|report| report.partitions.len()).sum()
    }
}

impl Session {
    /// Commands whose results somebody waits for.
    pub(super) fn under_way(&mut self) -> usize {
        self.following.retain(|_, follower| !follower.is_closed());
        self.waiting.retain(|_, waiting| {
            waiting.retain(|one| !one.is_closed());
            !waiting.is_empty()
        });
        self.waiting.len()
    }

    /// Forgets what it had and has shown that it stopped, of which `held` are
    /// what it still runs: a stream may last for months.
    pub(super) fn forget_stopped(&mut self, held: &[String]) {
        let Some(sent) = self
            .sent
            .as_ref()
            .filter(|sent| self.acknowledged == Some(sent.version) && self.reported_since)
        else {
            return;
        };
        if self.offered.len() <= sent.assigned.len() && self.withdrawn.is_empty() {
            return;
        }
        let assigned = self.assignments.borrow();
        let assigned = assigned.iter().flat_map(|assigned| assigned.uids());
        let known: HashSet<&str> = assigned
            .chain(sent.assigned.uids())
            .map(|uid| &**uid)
            .chain(held.iter().map(String::as_str))
            .collect();
        self.offered.retain(|uid| known.contains(&**uid));
        self.withdrawn.retain(|uid, _| known.contains(&**uid));
    }

    /// It has shown that it stopped the connector, and is not to have it again.
    fn has_dropped(&self, uid: &str) -> bool {
        let assigned = self.assignments.borrow();
        !assigned.as_ref().is_some_and(|assigned| assigned.has(uid))
            && self.sent.as_ref().is_some_and(|sent| {
                self.acknowledged == Some(sent.version)
                    && self.reported_since
                    && !sent.assigned.has(uid)
            })
    }
}
