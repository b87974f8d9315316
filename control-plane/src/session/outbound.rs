//! What an agent is told.

use std::sync::Arc;
use std::time::Duration;

use kafka2oss_proto::agent;
use kafka2oss_proto::agent::v1::command::Command as Kind;
use kafka2oss_proto::agent::v1::connect_response::Message;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::Sessions;
use super::told::Told;
use crate::chance;
use crate::fleet::{Assignments, Ending, List, Stream};

/// An assignment that was refused is sent again after this time, then after
/// twice as long, and so on.
const FIRST_REPEAT: Duration = Duration::from_secs(2);
const LAST_REPEAT: Duration = Duration::from_secs(60);

/// Sends until the stream is to end, or nobody takes it any more.
pub(super) async fn write(
    sessions: Arc<Sessions>,
    agent: String,
    stream: Stream,
    sender: mpsc::Sender<Told>,
) {
    let Stream { session, assignments, commands, mut ending, refused } = stream;
    let mut turn = Turn { sessions: &sessions, agent: &agent, session, sender: &sender };
    let why = tokio::select! {
        biased;
        why = ended(&mut ending) => Some(why),
        () = sessions.stop.cancelled() => None,
        () = turn.send_all(assignments, commands, refused) => None,
    };
    if why == Some(Ending::Superseded) {
        // When it does not take even this, its next Hello tells it.
        let _ = sender.try_send(superseded());
    }
}

/// Tells a process that a newer one has its id.
fn superseded() -> Told {
    Told::from(Message::Superseded(agent::v1::Superseded {
        message: "a newer process with this agent id has connected: this one is to stop; if both \
                  are meant to run, give one another id"
            .to_owned(),
    }))
}

/// Tells a process that is not let in, instead of Welcome.
pub(super) fn refused(lease: Duration) -> Told {
    Told::from(Message::Superseded(agent::v1::Superseded {
        message: format!(
            "a process with this agent id and a higher boot number is connected, or was within \
             {lease:?}: this one is let in when that one has not been heard of for so long; if \
             both are meant to run, give one another id"
        ),
    }))
}

async fn ended(ending: &mut watch::Receiver<Option<Ending>>) -> Ending {
    match ending.wait_for(Option::is_some).await {
        Ok(why) => why.unwrap_or(Ending::Replaced),
        // The session was dropped.
        Err(_) => Ending::Replaced,
    }
}

struct Turn<'a> {
    sessions: &'a Sessions,
    agent: &'a str,
    session: u64,
    sender: &'a mpsc::Sender<Told>,
}

impl Turn<'_> {
    async fn send_all(
        &mut self,
        mut assignments: watch::Receiver<Assignments>,
        mut commands: mpsc::Receiver<agent::v1::Command>,
        mut refused: watch::Receiver<u64>,
    ) {
        if self.send(Told::from(Message::Welcome(self.welcome()))).await.is_err() {
            return;
        }
        let mut pause = FIRST_REPEAT;
        let mut repeat_at: Option<Instant> = None;
        loop {
            let sent = tokio::select! {
                biased;
                // First: each is answered before another one follows, while lists may
                // change again and again.
                command = commands.recv() => match command {
                    Some(command) => self.send_command(command).await,
                    None => return,
                },
                changed = assignments.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    (repeat_at, pause) = (None, FIRST_REPEAT);
                    let latest = assignments.borrow_and_update().clone();
                    self.send_assignments(latest).await
                }
                changed = refused.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    repeat_at = Some(Instant::now() + pause);
                    pause = (pause * 2).min(LAST_REPEAT);
                    Ok(())
                }
                () = sleep_until(repeat_at) => {
                    repeat_at = None;
                    let latest = assignments.borrow().clone();
                    self.send_assignments(latest).await
                }
            };
            if sent.is_err() {
                return;
            }
        }
    }

    async fn send_command(&self, command: agent::v1::Command) -> Result<(), Closed> {
        let removes = match &command.command {
            Some(Kind::RemoveResources(removal)) => removal.uid.as_str(),
            _ => "",
        };
        if self.sessions.known.fleet.goes_out(self.agent, self.session, &command.id, removes) {
            self.send(Told::from(Message::Command(command))).await?;
        }
        Ok(())
    }

    async fn send_assignments(&self, assignments: Assignments) -> Result<(), Closed> {
        let Some(assigned) = assignments else { return Ok(()) };
        let (version, nonce) = (self.sessions.known.fleet.next_list(), chance::ulid().to_string());
        let list = List::new(version, nonce, assigned);
        self.sessions.known.fleet.sending(self.agent, self.session, &list);
        self.send(Told::Assignments(list)).await
    }

    async fn send(&self, told: Told) -> Result<(), Closed> {
        self.sender.send(told).await.map_err(|_| Closed)
    }

    fn welcome(&self) -> agent::v1::Welcome {
        let meta = self.sessions.known.catalog.meta();
        agent::v1::Welcome {
            session_id: self.session.to_string(),
            lease: prost_types::Duration::try_from(self.sessions.known.lease).ok(),
            heartbeat_interval: prost_types::Duration::try_from(self.sessions.heartbeat).ok(),
            store_id: meta.store_id.clone(),
            store_epoch: meta.store_epoch,
        }
    }
}

/// The transport takes no more.
struct Closed;

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
