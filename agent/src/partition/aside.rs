//! What goes elsewhere than into the object of its extent, and has to be there
//! before that object is put: dead letters and spilled values.

use std::future::Future;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use tokio::task::JoinSet;

/// Of one extent, after which its object is closed.
const MAX_COUNT: usize = 1_000;

/// Bytes of one extent, after which its object is closed: they are copies of
/// their records, held until then.
const MAX_BYTES: usize = 8 << 20;

/// What of one extent is on its way elsewhere.
#[derive(Default)]
pub(super) struct Aside {
    pending: JoinSet<Result<(), Problem>>,
    bytes: usize,
    dead_letters: u64,
}

impl Aside {
    /// Bytes that it holds, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Dead letters of the extent.
    pub(super) fn dead_letters(&self) -> u64 {
        self.dead_letters
    }

    /// Sends a dead letter on its way, like anything else.
    pub(super) fn send_dead_letter(
        &mut self,
        bytes: usize,
        delivery: impl Future<Output = Result<(), Problem>> + Send + 'static,
    ) {
        self.dead_letters += 1;
        self.send(bytes, delivery);
    }

    /// Sends something on its way, which holds about `bytes`. How many are under way
    /// at a time is for the delivery itself to keep to.
    pub(super) fn send(
        &mut self,
        bytes: usize,
        delivery: impl Future<Output = Result<(), Problem>> + Send + 'static,
    ) {
        self.bytes += bytes;
        self.pending.spawn(delivery);
    }

    /// Whether no more should join.
    pub(super) fn is_full(&self) -> bool {
        self.pending.len() >= MAX_COUNT || self.bytes >= MAX_BYTES
    }

    /// Waits until everything is acknowledged.
    ///
    /// # Errors
    /// Why something cannot be: the extent must not be committed then.
    pub(super) async fn acknowledged(mut self) -> Result<(), Problem> {
        while let Some(ended) = self.pending.join_next().await {
            ended.map_err(|error| {
                let message = format!("what goes aside ended without an answer: {error}");
                Problem::new(ErrorCode::Internal, message)
            })??;
        }
        Ok(())
    }
}
