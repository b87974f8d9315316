//! What the methods of the API work with.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::flush;
use super::repeats::Repeats;
use crate::budget::Seats;
use crate::known::Known;
use crate::observe::Observed;
use crate::options::Preflight;
use crate::reconcile::Inbox;
use crate::secrets::Digests;

/// What the methods of the API read, write and tell.
#[derive(Debug)]
pub(crate) struct Api {
    pub(super) known: Arc<Known>,
    pub(super) observed: Arc<Observed>,
    pub(super) inbox: Arc<Inbox>,
    /// Of the secrets in requests that may be repeated.
    pub(super) digests: Digests,
    /// What test messages were that may be repeated.
    pub(super) test_messages: Repeats,
    /// For flushes, by connector.
    pub(super) flushes: Arc<Seats<String>>,
    /// Values that thread_concurrency may have.
    pub(super) allowed_concurrency: Vec<u32>,
    /// Whether Deploy makes one where a request does not say.
    pub(super) preflight: Preflight,
    /// Time that an agent has for a preflight.
    pub(super) preflight_timeout: Duration,
    /// Ends every stream.
    pub(super) stop: CancellationToken,
}

impl Api {
    /// Nothing was asked yet.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(crate) fn new(
        known: Arc<Known>,
        observed: Arc<Observed>,
        inbox: Arc<Inbox>,
        allowed_concurrency: Vec<u32>,
        (preflight, preflight_timeout): (Preflight, Duration),
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let (digests, test_messages) = (Digests::draw()?, Repeats::default());
        let flushes = Arc::new(Seats::new(flush::MOST, flush::MOST_OF_CONNECTOR));
        Ok(Self {
            known,
            observed,
            inbox,
            digests,
            test_messages,
            flushes,
            allowed_concurrency,
            preflight,
            preflight_timeout,
            stop,
        })
    }
}
