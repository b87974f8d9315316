//! Commands on their way to agents, and who waits for their results.

use kafka2oss_domain::spec::Pool;
use kafka2oss_proto::agent;
use tokio::sync::oneshot;

use super::agent::Session;
use super::{Fleet, State};

/// Commands that wait for a stream; more are refused.
pub(super) const COMMANDS: usize = 64;

impl Fleet {
    /// A connected agent of a pool with few commands under way, fewer than
    /// `window`: the first idle one, else the least busy. Each call begins at
    /// another agent, so that another try meets another one: the cause may be
    /// on one host.
    pub(crate) fn least_busy(&self, pool: &Pool, window: usize) -> Option<String> {
        let mut state = self.lock();
        state.turn = state.turn.wrapping_add(1);
        let State { agents, connected, turn, .. } = &mut *state;
        let ids = connected.get(pool)?;
        let mut least: Option<(usize, &String)> = None;
        for step in 0..ids.len() {
            let id = &ids[turn.wrapping_add(step) % ids.len()];
            let session = agents.get_mut(id).and_then(|agent| agent.session.as_mut());
            let Some(under_way) = session.map(Session::under_way) else { continue };
            if under_way < window && least.is_none_or(|(busy, _)| under_way < busy) {
                least = Some((under_way, id));
            }
            if under_way == 0 {
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

    /// Hands a command's result to whoever waits for it.
    pub(crate) fn answer(&self, id: &str, session: u64, result: &agent::v1::CommandResult) {
        self.on_stream(id, session, |agent| {
            let Some(session) = &mut agent.session else { return };
            for waiting in session.waiting.remove(&result.id).unwrap_or_default() {
                // One that gave up waiting needs no answer.
                let _ = waiting.send(result.clone());
            }
        });
    }
}
