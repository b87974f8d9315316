//! Commands on their way to agents, and who waits for their results.

use std::time::{Duration, Instant};

use kafka2oss_domain::hearing::HEARD_FOR;
use kafka2oss_domain::spec::Pool;
use kafka2oss_proto::agent;
use tokio::sync::{mpsc, oneshot};

use super::agent::Session;
use super::{Fleet, State, now};
use crate::store::agents::AgentRecord;

/// A removal of a connector's resources that went out.
#[derive(Debug)]
pub(super) struct Removal {
    agent: String,
    session: u64,
    command: String,
    /// When its stream was first seen to have ended, if it has.
    ended: Option<Instant>,
}

/// An agent goes on with a removal for so long at most after the end of its stream: until
/// it has to hear the control plane again, with a request to the brokers under way then.
const AFTER_STREAM: Duration = HEARD_FOR.saturating_add(Duration::from_secs(10));

/// Commands that wait for a stream; more are refused.
pub(super) const COMMANDS: usize = 64;

/// Steps of a command that wait for who follows it; more are lost.
const PROGRESS: usize = 256;

impl Fleet {
    /// A connected agent of a pool with few commands under way, fewer than
    /// `window`: the first idle one, else the least busy; one that drains only
    /// where no other has room. Each call begins at another agent, so that
    /// another try meets another one: the cause may be on one host.
    pub(crate) fn least_busy(&self, pool: &Pool, window: usize) -> Option<String> {
        self.least_busy_of(pool, window, |_| true)
    }

    /// The same of the agents that have a feature.
    pub(crate) fn least_busy_with(
        &self,
        pool: &Pool,
        window: usize,
        feature: &str,
    ) -> Option<String> {
        self.least_busy_of(pool, window, |record| record.features.iter().any(|one| one == feature))
    }

    fn least_busy_of(
        &self,
        pool: &Pool,
        window: usize,
        is_able: impl Fn(&AgentRecord) -> bool,
    ) -> Option<String> {
        let mut state = self.lock();
        state.turn = state.turn.wrapping_add(1);
        let State { agents, connected, turn, .. } = &mut *state;
        let ids = connected.get(pool)?;
        let mut least: Option<((bool, usize), &String)> = None;
        for step in 0..ids.len() {
            let id = &ids[turn.wrapping_add(step) % ids.len()];
            let Some(agent) = agents.get_mut(id) else { continue };
            if !is_able(&agent.record) {
                continue;
            }
            let drains = agent.record.drains();
            let Some(under_way) = agent.session.as_mut().map(Session::under_way) else { continue };
            let one = (drains, under_way);
            if under_way < window && least.is_none_or(|(best, _)| one < best) {
                least = Some((one, id));
            }
            if one == (false, 0) {
                break;
            }
        }
        least.map(|(_, id)| id.clone())
    }

    /// Queues a command on the agent's stream and says where its result comes.
    /// None when there is no stream, or it has too many commands waiting. The
    /// receiver fails when the stream ends first.
    pub(crate) fn command(
        &self,
        id: &str,
        command: agent::v1::Command,
    ) -> Option<oneshot::Receiver<agent::v1::CommandResult>> {
        let mut state = self.lock();
        let session = state.agents.get_mut(id)?.session.as_mut()?;
        session.under_way();
        let command_id = command.id.clone();
        session.commands.try_send(command).ok()?;
        let (done, result) = oneshot::channel();
        session.waiting.entry(command_id).or_default().push(done);
        Some(result)
    }

    /// A command goes out on a stream, unless nobody waits for it any more: what it was to
    /// do may be wrong by now. `removes` is the uid of a connector whose resources it removes.
    pub(crate) fn goes_out(&self, id: &str, session: u64, command: &str, removes: &str) -> bool {
        let mut state = self.lock();
        let State { agents, removals, .. } = &mut *state;
        let open = agents.get_mut(id).and_then(|agent| agent.session.as_mut());
        let Some(open) = open.filter(|open| open.id == session) else { return false };
        open.under_way();
        let is_awaited = open.waiting.contains_key(command);
        if is_awaited && !removes.is_empty() {
            open.removals.insert(command.to_owned(), removes.to_owned());
            let (agent, command) = (id.to_owned(), command.to_owned());
            let removal = Removal { agent, session, command, ended: None };
            removals.entry(removes.to_owned()).or_default().push(removal);
        }
        is_awaited
    }

    /// An agent that may still remove what the connector `uid` had: it was sent that, has
    /// not answered, and has its stream or had it until a while ago.
    pub(crate) fn removing(&self, uid: &str) -> Option<String> {
        let mut state = self.lock();
        let State { agents, removals, .. } = &mut *state;
        let sent = removals.get_mut(uid)?;
        let now = now();
        sent.retain_mut(|removal| {
            let session = agents.get(&removal.agent).and_then(|agent| agent.session.as_ref());
            if session.is_some_and(|session| session.id == removal.session) {
                return true;
            }
            now.duration_since(*removal.ended.get_or_insert(now)) < AFTER_STREAM
        });
        let late = sent.first().map(|removal| removal.agent.clone());
        if late.is_none() {
            removals.remove(uid);
        }
        late
    }

    /// Nothing more is to be known of removals of what the connector `uid` had.
    pub(crate) fn forget_removals(&self, uid: &str) {
        self.lock().removals.remove(uid);
    }

    /// What will become known of a command before its result, as long as the receiver is
    /// there; what it does not take in time is lost.
    pub(crate) fn follow(
        &self,
        id: &str,
        command: &str,
    ) -> mpsc::Receiver<agent::v1::CommandProgress> {
        let (follower, progress) = mpsc::channel(PROGRESS);
        let mut state = self.lock();
        if let Some(session) = state.agents.get_mut(id).and_then(|agent| agent.session.as_mut()) {
            session.following.insert(command.to_owned(), follower);
        }
        progress
    }

    /// Hands what is known of a command to whoever follows it.
    pub(crate) fn progress(&self, id: &str, session: u64, progress: agent::v1::CommandProgress) {
        self.on_stream(id, session, |agent| {
            let session = agent.session.as_ref()?;
            // An agent that floods loses what is too much; one that nobody follows, all.
            session.following.get(&progress.id)?.try_send(progress).ok()
        });
    }

    /// Hands a command's result to whoever waits for it.
    pub(crate) fn answer(&self, id: &str, session: u64, result: &agent::v1::CommandResult) {
        let removed = self.on_stream(id, session, |agent| {
            let session = agent.session.as_mut()?;
            session.following.remove(&result.id);
            for waiting in session.waiting.remove(&result.id).unwrap_or_default() {
                // One that gave up waiting needs no answer.
                let _ = waiting.send(result.clone());
            }
            session.removals.remove(&result.id)
        });
        if let Some(uid) = removed.flatten()
            && let Some(sent) = self.lock().removals.get_mut(&uid)
        {
            sent.retain(|removal| removal.command != result.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::error::TryRecvError;

    use super::*;

    const LEASE: Duration = Duration::from_secs(30);

    fn able(features: &[&str]) -> AgentRecord {
        let features = features.iter().map(|one| (*one).to_owned()).collect();
        AgentRecord { boot_nonce: 1, features, ..AgentRecord::default() }
    }

    #[tokio::test]
    async fn what_is_known_of_a_command_reaches_who_follows_it_and_a_flood_is_lost() {
        let fleet = Fleet::new(LEASE, Vec::new());
        let session = fleet.connect("a", able(&[]), Vec::new(), false).session;
        let mut progress = fleet.follow("a", "c-1");
        let told = |id: &str| agent::v1::CommandProgress { id: id.to_owned(), progress: None };
        fleet.progress("a", session, told("another"));
        fleet.progress("a", session + 1, told("c-1"));
        assert_eq!(progress.try_recv(), Err(TryRecvError::Empty));
        for _ in 0..10 * PROGRESS {
            fleet.progress("a", session, told("c-1"));
        }
        let taken = std::iter::from_fn(|| progress.try_recv().ok()).count();
        assert_eq!(taken, PROGRESS);
        let result = agent::v1::CommandResult { id: "c-1".to_owned(), result: None };
        fleet.answer("a", session, &result);
        assert_eq!(progress.try_recv(), Err(TryRecvError::Disconnected));
    }

    #[tokio::test]
    async fn only_an_agent_that_has_the_feature_is_found_with_it() {
        let fleet = Fleet::new(LEASE, Vec::new());
        let pool = Pool::default();
        fleet.connect("old", able(&[]), Vec::new(), false);
        assert_eq!(fleet.least_busy_with(&pool, 1, "new"), None);
        fleet.connect("young", able(&["new"]), Vec::new(), false);
        for _ in 0..4 {
            assert_eq!(fleet.least_busy_with(&pool, 1, "new").as_deref(), Some("young"));
        }
        assert!(fleet.least_busy(&pool, 1).is_some());
    }
}
