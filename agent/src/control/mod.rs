//! The stream to the control plane: held for as long as the agent lives, and
//! opened again whenever it ends. Tasks do not notice.

mod handshake;
mod message;
mod outbox;
mod session;

use std::time::Duration;

use anyhow::Context;
use kafka2oss_proto::agent;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tonic::transport::Endpoint;

use crate::Superseded;
use crate::backoff::Backoff;
use crate::commands::Commands;
use crate::load::LoadMeter;
use crate::options::Identity;
use crate::report::Reporter;
use crate::supervisor::{Board, Supervisor};
use crate::task::ConfirmationDesk;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A peer that answers no ping for this long is gone, however quiet TCP is.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// The first pause between two attempts to connect; the jitter at most doubles
/// each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The agent's end of the stream.
pub(crate) struct Control {
    pub(crate) endpoint: Endpoint,
    pub(crate) identity: Identity,
    pub(crate) boot_nonce: u64,
    pub(crate) supervisor: Supervisor,
    pub(crate) board: Board,
    pub(crate) reporter: Reporter,
    pub(crate) load: LoadMeter,
    pub(crate) commands: Commands,
    pub(crate) answers: mpsc::Receiver<agent::v1::connect_request::Message>,
    /// Where tasks ask for assignments anew.
    pub(crate) desk: ConfirmationDesk,
    pub(crate) intent: watch::Receiver<Intent>,
}

/// What the agent as a whole is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// Goes on.
    Run,
    /// Says goodbye and ends; the tasks have stopped.
    Goodbye(agent::v1::GoodbyeReason),
}

/// How the control part ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// As intended, and whether the control plane has been told.
    Goodbye {
        /// Whether it has ended the stream in answer to the Goodbye.
        told: bool,
    },
    /// A newer process has taken this agent's id over.
    Superseded(Superseded),
}

/// How a stream ended.
#[derive(Debug)]
enum End {
    Superseded(Superseded),
    SaidGoodbye,
    Lost { welcomed: bool, reason: String },
}

/// How the control plane is reached.
///
/// # Errors
/// The URL is none.
pub(crate) fn endpoint(url: &str) -> anyhow::Result<Endpoint> {
    let endpoint = Endpoint::from_shared(url.to_owned())
        .with_context(|| format!("control plane `{url}` is not a URL such as http://host:7250"))?;
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true))
}

impl Control {
    /// Holds the stream until the agent ends.
    pub(crate) async fn run(mut self) -> Ended {
        let mut pauses = pauses();
        let mut told = None;
        loop {
            if let Intent::Goodbye(_) = *self.intent.borrow() {
                return Ended::Goodbye { told: false };
            }
            let opened = Instant::now();
            match session::run(&mut self).await {
                End::Superseded(superseded) => return Ended::Superseded(superseded),
                End::SaidGoodbye => return Ended::Goodbye { told: true },
                End::Lost { welcomed: true, reason } => {
                    // Not after a stream that ends as soon as it is there.
                    if opened.elapsed() > LONGEST_PAUSE {
                        pauses = self::pauses();
                    }
                    tracing::warn!(reason, "the stream to the control plane has ended");
                    told = None;
                }
                // Once for each reason, so that an outage does not fill the log.
                End::Lost { welcomed: false, reason } if told.as_ref() != Some(&reason) => {
                    let url = self.endpoint.uri();
                    tracing::warn!(reason, %url, "cannot reach the control plane, tasks go on");
                    told = Some(reason);
                }
                End::Lost { .. } => {}
            }
            let pause = pauses.next().unwrap_or(LONGEST_PAUSE);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.intent.wait_for(|intent| *intent != Intent::Run) => {}
            }
        }
    }
}

/// Pauses between attempts, without end.
fn pauses() -> impl Iterator<Item = Duration> + Send {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    std::iter::repeat_with(move || backoff.next_delay())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_never_end() {
        let all: Vec<_> = pauses().take(1_000).collect();
        assert_eq!(all.len(), 1_000);
        assert!(all[0] >= FIRST_PAUSE && all[0] <= 2 * FIRST_PAUSE, "{:?}", all[0]);
        assert!(all.iter().all(|pause| *pause <= 2 * LONGEST_PAUSE));
        assert!(all[10..].iter().all(|pause| *pause >= LONGEST_PAUSE));
    }

    #[test]
    fn agents_do_not_come_back_in_step() {
        let differ = (0..20).any(|_| pauses().nth(3) != pauses().nth(3));
        assert!(differ);
    }

    #[test]
    fn a_url_without_a_scheme_is_told() {
        let error = endpoint("not a url").expect_err("no URL");
        assert!(error.to_string().contains("not a url"), "{error}");
    }
}
