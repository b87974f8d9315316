//! The network between an agent and the control plane: late, cut for a while, or broken so
//! that one side learns of it before the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kafka2oss_proto::agent;
use prost::Message;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::world::{Life, World};
use crate::encoded::Encoded;
use crate::session::Told;
use crate::{session, tasks};

/// Messages under way to the control plane, and to the agent.
const SAID: usize = 32;
const TOLD: usize = 1;
/// A peer that is silent for so long is given up, as HTTP/2's pings do.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// A message as an agent reads it.
fn decoded(told: &Told) -> agent::v1::ConnectResponse {
    let mut bytes = Vec::new();
    told.put(&mut bytes);
    agent::v1::ConnectResponse::decode(&bytes[..]).expect("what is told is a message of the stream")
}

/// The cable of an agent's host.
#[derive(Debug, Default)]
pub(super) struct Cable {
    is_cut: AtomicBool,
    mended: Notify,
}

impl Cable {
    /// Lets nothing through until [`Cable::mend`].
    pub(super) fn cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
    }

    /// Lets everything through that waits.
    pub(super) fn mend(&self) {
        self.is_cut.store(false, Ordering::Relaxed);
        self.mended.notify_waiters();
    }

    fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed)
    }

    async fn whole(&self) {
        while self.is_cut() {
            self.mended.notified().await;
        }
    }
}

/// An agent's stream, as the agent has it.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) say: mpsc::Sender<agent::v1::ConnectRequest>,
    pub(super) told: mpsc::Receiver<agent::v1::ConnectResponse>,
}

/// Opens a stream; none where the control plane cannot be reached or refuses.
pub(super) async fn connect(
    world: &Arc<World>,
    hello: agent::v1::Hello,
    cable: &Arc<Cable>,
) -> Option<Link> {
    let life = world.life()?;
    sleep(world.within(0, 50)).await;
    if cable.is_cut() || life.process.is_killed() {
        return None;
    }
    let (say, said) = mpsc::channel(SAID);
    let (hear, heard) = mpsc::channel::<Result<agent::v1::ConnectRequest, String>>(SAID);
    let (tell, told) = mpsc::channel(TOLD);
    let (opened, outbound) = oneshot::channel();
    let sessions = Arc::clone(&life.parts.sessions);
    life.process.enter(|| {
        tasks::spawn(async move {
            let opening = session::open(sessions, hello, ReceiverStream::new(heard), false);
            // Whoever asked may be gone.
            let _ = opened.send(opening.await);
        })
    });
    let outbound = tokio::select! {
        biased;
        () = life.process.killed() => return None,
        outbound = outbound => outbound.ok()?.ok()?,
    };
    let wire = Wire {
        world: Arc::clone(world),
        life,
        cable: Arc::clone(cable),
        broken: CancellationToken::new(),
    };
    tokio::spawn(wire.clone().carry(said, hear, Ok));
    tokio::spawn(wire.carry(outbound, tell, |told| decoded(&told)));
    Some(Link { say, told })
}

#[derive(Clone)]
struct Wire {
    world: Arc<World>,
    life: Life,
    cable: Arc<Cable>,
    broken: CancellationToken,
}

impl Wire {
    /// Carries messages in their order until the wire breaks.
    async fn carry<T, U>(
        self,
        mut from: mpsc::Receiver<T>,
        to: mpsc::Sender<U>,
        as_sent: impl Fn(T) -> U,
    ) {
        loop {
            let message = tokio::select! {
                biased;
                () = self.life.process.killed() => break,
                () = self.broken.cancelled() => break,
                message = from.recv() => message,
            };
            let Some(message) = message else { break };
            sleep(self.world.within(0, 50)).await;
            if timeout(KEEPALIVE, self.cable.whole()).await.is_err() {
                break;
            }
            if self.life.process.is_killed() || to.send(as_sent(message)).await.is_err() {
                break;
            }
        }
        // Each side learns of it in its own time.
        sleep(self.world.within(0, 2_000)).await;
        self.broken.cancel();
    }
}
