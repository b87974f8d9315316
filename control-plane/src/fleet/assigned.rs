//! What each agent is to run, and what it said to that.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kafka2oss_proto::agent;
use tokio::time::Instant;

use super::agent::Agent;
use super::list::{Assigned, Assignment, List};
use super::{Fleet, State};

/// The assignments of an agent; absent until they were worked out once.
pub(crate) type Assignments = Option<Arc<Assigned>>;

impl Fleet {
    /// The last AssignmentRequest on the agent's open stream: what is worked
    /// out from now on answers it.
    pub(crate) fn requested(&self, id: &str) -> u64 {
        let requested = self.with(id, |agent| agent.session.as_ref().map(|open| open.requested));
        requested.flatten().unwrap_or_default()
    }

    /// Hands an agent everything that it is to run, in the order of the names, which
    /// answers the request `answered`; one without a stream gets it when it comes back. An
    /// agent whose assignments are the same as before, and that has not asked for them, is
    /// sent nothing.
    pub(crate) fn assign_all(&self, id: &str, all: Vec<Arc<Assignment>>, answered: u64) {
        let mut state = self.lock();
        let Some(agent) = state.agents.get_mut(id) else { return };
        let Some(session) = &mut agent.session else { return };
        session.offered.extend(all.iter().map(|one| Arc::clone(&one.uid)));
        let wanted: HashSet<&str> = all.iter().map(|one| &*one.uid).collect();
        session.withdrawn.retain(|uid, _| !wanted.contains(&**uid));
        let before = session.assignments.borrow().clone();
        let before = before.iter().flat_map(|before| before.uids());
        let held = agent.held.iter().map(|uid| uid.as_str().into());
        for uid in before.cloned().chain(held).filter(|uid| !wanted.contains(&**uid)) {
            session.withdrawn.entry(uid).or_insert_with(Instant::now);
        }
        // Of another stream than that of which the request was read.
        let assigned = Assigned::new(all, answered.min(session.requested));
        let changed = session.assignments.send_if_modified(|current| {
            let changed = current.as_deref() != Some(&assigned);
            if changed {
                *current = Some(Arc::new(assigned));
            }
            changed
        });
        if changed {
            session.unanswered_since.get_or_insert_with(Instant::now);
        }
    }

    /// Hands an agent what it is to run of one connector; none is nothing. One
    /// that was not handed everything yet will be.
    pub(crate) fn assign_one(
        &self,
        id: &str,
        connector: &str,
        assignment: Option<Arc<Assignment>>,
    ) {
        let mut state = self.lock();
        let Some(agent) = state.agents.get_mut(id) else { return };
        let Some(session) = &mut agent.session else { return };
        let wanted = assignment.as_ref().map(|one| Arc::clone(&one.uid));
        session.offered.extend(wanted.clone());
        let withdrawn = &mut session.withdrawn;
        let changed = session.assignments.send_if_modified(|current| {
            let Some(assigned) = current else { return false };
            if assigned.get(connector) == assignment.as_ref() {
                return false;
            }
            let before = Arc::make_mut(assigned).set(connector, assignment);
            if let Some(before) = before.filter(|before| Some(&before.uid) != wanted.as_ref()) {
                withdrawn.entry(Arc::clone(&before.uid)).or_insert_with(Instant::now);
            }
            if let Some(wanted) = wanted {
                withdrawn.remove(&wanted);
            }
            true
        });
        if changed {
            session.unanswered_since.get_or_insert_with(Instant::now);
        }
    }

    /// Version of the list that goes out next, over all streams.
    pub(crate) fn next_list(&self) -> u64 {
        self.last_list.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Notes that a list goes out on a stream.
    pub(crate) fn sending(&self, id: &str, session: u64, list: &List) {
        let mut state = self.lock();
        if let Some(agent) = state.agents.get_mut(id)
            && let Some(open) = &mut agent.session
            && open.id == session
        {
            open.unanswered_since.get_or_insert_with(Instant::now);
            open.sent = Some(list.clone());
        }
    }

    /// How long the agent's assignments have waited for an answer on its open stream; zero
    /// when none do, nothing without a stream.
    pub(crate) fn unanswered(&self, id: &str) -> Option<Duration> {
        let since = |agent: &Agent| Some(agent.session.as_ref()?.unanswered_since);
        let since = self.with(id, since).flatten()?;
        Some(since.map_or(Duration::ZERO, |since| since.elapsed()))
    }

    /// How long ago the agent was told on its open stream to run nothing of the connector
    /// `uid` any more, if it was.
    pub(crate) fn withdrawn(&self, id: &str, uid: &str) -> Option<Duration> {
        let at = |agent: &Agent| agent.session.as_ref()?.withdrawn.get(uid).copied();
        self.with(id, at).flatten().map(|at| at.elapsed())
    }

    /// The agent asks for its whole list anew.
    pub(crate) fn request(&self, id: &str, session: u64, number: u64) {
        self.on_stream(id, session, |agent| {
            if let Some(session) = &mut agent.session {
                session.requested = session.requested.max(number);
            }
        });
    }

    /// Takes the answer to a list. Returns the names of the connectors whose
    /// assignment is refused now, or was before.
    pub(crate) fn acknowledge(
        &self,
        id: &str,
        session: u64,
        ack: agent::v1::AssignmentAck,
    ) -> Vec<String> {
        let taken = self.on_stream(id, session, |agent| {
            let session = agent.session.as_mut()?;
            let answers = |sent: &List| sent.version == ack.version && sent.nonce == ack.nonce;
            if !session.sent.as_ref().is_some_and(answers) {
                return None;
            }
            // Assignments that came after that list go out after it.
            session.unanswered_since = None;
            if session.acknowledged != Some(ack.version) {
                session.acknowledged = Some(ack.version);
                session.reported_since = false;
            }
            if !ack.nacks.is_empty() {
                session.refused.send_modify(|count| *count += 1);
            }
            let new: BTreeMap<_, _> =
                ack.nacks.into_iter().map(|nack| (nack.connector.clone(), nack)).collect();
            let refused: Vec<_> = new.keys().cloned().collect();
            let old = std::mem::replace(&mut agent.nacks, new);
            Some((old.into_keys().collect::<Vec<_>>(), refused))
        });
        let Some((before, refused)) = taken.flatten() else { return Vec::new() };
        let mut state = self.lock();
        for connector in &before {
            state.note_speaker(id, connector);
        }
        for connector in &refused {
            state.note_speaker(id, connector);
        }
        before.into_iter().chain(refused).collect()
    }
}

impl State {
    /// Brings the index of who speaks of a connector in line with what the
    /// agent says now.
    pub(super) fn note_speaker(&mut self, id: &str, connector: &str) {
        let speaks = self.agents.get(id).is_some_and(|agent| {
            agent.reports.contains_key(connector) || agent.nacks.contains_key(connector)
        });
        if speaks {
            self.speak(id, connector);
        } else {
            self.silence(id, connector);
        }
    }
}
