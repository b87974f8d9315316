//! One agent's stream: Hello, Welcome, then assignments and commands out, and
//! reports in.
//!
//! Two tasks a stream: one writes, one reads. Assignments are coalesced (the
//! latest list wins), commands are queued with a bound, and what an agent says
//! is taken in at once, so that neither side waits for the other.

mod authority;
mod bounds;
mod hello;
mod inbound;
pub(crate) mod lessons;
mod outbound;
mod told;

use std::sync::Arc;
use std::time::Duration;

use futures::Stream as Messages;
use kafka2oss_proto::agent;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::fleet::Stream;
use crate::known::Known;
use crate::observe::Observed;
use crate::reconcile::{Inbox, leases};
use crate::store::StoreError;
use crate::{supervision, tasks};
use authority::Authority;
use hello::Greeting;
pub(crate) use hello::PROTOCOL_VERSION;
#[cfg(feature = "pieces")]
pub(crate) use inbound::read as take_in;
use lessons::LessonQueue;
pub(crate) use told::Told;

/// Messages that wait for a stream's flow control.
const OUTBOUND: usize = 4;

/// What every agent's stream shares.
#[derive(Debug)]
pub(crate) struct Sessions {
    known: Arc<Known>,
    observed: Arc<Observed>,
    inbox: Arc<Inbox>,
    /// What reports teach, and is to be stored.
    lessons: LessonQueue,
    /// How often agents should be heard of.
    heartbeat: Duration,
    /// Ends every stream.
    stop: CancellationToken,
}

impl Sessions {
    /// None is open.
    pub(crate) fn new(
        known: Arc<Known>,
        observed: Arc<Observed>,
        inbox: Arc<Inbox>,
        heartbeat: Duration,
        stop: CancellationToken,
    ) -> Self {
        Self { known, observed, inbox, lessons: LessonQueue::default(), heartbeat, stop }
    }
}

/// Why a stream is not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The first message is not a Hello that this version understands.
    #[error("{0}")]
    Hello(String),
    /// The agent could not be remembered.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An open stream's messages to the agent.
pub(crate) type Outbound = mpsc::Receiver<Told>;

/// Opens a stream for an agent that said `hello`; `inbound` is what it says
/// next. `trusted` says whether plain secrets may travel on the connection.
pub(crate) async fn open<I, E>(
    sessions: Arc<Sessions>,
    hello: agent::v1::Hello,
    inbound: I,
    trusted: bool,
) -> Result<Outbound, Refusal>
where
    I: Messages<Item = Result<agent::v1::ConnectRequest, E>> + Send + Unpin + 'static,
    E: std::fmt::Display + Send + 'static,
{
    let greeting = Greeting::read(hello)?;
    let (sender, outbound) = mpsc::channel(OUTBOUND);
    let Some(stream) = admit(&sessions, &greeting, trusted).await? else {
        tracing::warn!(agent = greeting.id, "refused a process that is older than the agent's");
        // There is room: it is the first message.
        let _ = sender.try_send(outbound::refused(sessions.known.lease));
        return Ok(outbound);
    };
    let (id, session) = (greeting.id, stream.session);
    tracing::info!(agent = id, session, "agent connected");
    sessions.inbox.agent(&id);
    let end = CancellationToken::new();
    let reader = inbound::read(Arc::clone(&sessions), id.clone(), session, inbound, end.clone());
    let writer = outbound::write(Arc::clone(&sessions), id.clone(), stream, sender);
    tasks::spawn(async move {
        // What it left behind is the same whichever way it ended.
        let _ = supervision::contained("an agent's stream", async {
            let mut reader = std::pin::pin!(reader);
            tokio::select! {
                biased;
                () = &mut reader => {}
                () = writer => {
                    // What it takes in is finished first.
                    end.cancel();
                    reader.await;
                }
            }
        })
        .await;
        sessions.known.fleet.disconnect(&id, session);
        tracing::info!(agent = id, session, "agent disconnected");
        sessions.inbox.agent(&id);
        if let Err(error) = leases::forget_idle(&sessions.known, &sessions.inbox).await {
            tracing::error!(%error, "could not forget agents that have nothing to do here");
        }
    });
    Ok(outbound)
}

/// Remembers the agent and opens its stream; none when a newer process has
/// its id. Streams of one agent are opened one after the other.
async fn admit(
    sessions: &Arc<Sessions>,
    greeting: &Greeting,
    trusted: bool,
) -> Result<Option<Stream>, Refusal> {
    let _lock = sessions.known.catalog.lock(&format!("agents/{}", greeting.id)).await;
    if !sessions.known.fleet.admits(&greeting.id, greeting.record.boot_nonce) {
        return Ok(None);
    }
    let mut record = greeting.record.clone();
    record.drain_time = sessions.known.fleet.drain_time(&greeting.id);
    sessions.known.remember_agent(&greeting.id, record.clone()).await?;
    let held = Authority::new(&sessions.known.catalog, &greeting.id).limit_held(&greeting.held);
    Ok(Some(sessions.known.fleet.connect(&greeting.id, record, held, trusted)))
}
