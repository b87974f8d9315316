//! What is done with a closed object before its turn in the chain has come, while
//! the one before it is on its way: what goes aside is acknowledged, its content is
//! compressed and summed up, and the topic is seen to be the chain's own.

use std::time::Instant;

use bytes::Bytes;
use kafka2oss_chain::{ObjectMetadata, Pin};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_format::{Compression, compress};
use kafka2oss_memory::InFlight;
use kafka2oss_sink::{Content, Sums};
use tokio_util::task::AbortOnDropHandle;

use super::aside::Aside;
use super::attempts::Attempts;
use super::deliver::{Delivery, Undelivered};
use super::object::ClosedObject;

/// An object that may be put as soon as it is its turn.
pub(super) struct Prepared {
    /// The key that it gets unless another one has been announced.
    pub pin: Pin,
    /// What it holds.
    pub content: Content,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// What it says about itself.
    pub metadata: ObjectMetadata,
    /// Records of its extent that went to an error topic.
    pub dead_letters: u64,
    /// The part of its content in the budget.
    pub memory: InFlight,
}

/// An object that is being prepared; given up when this is dropped.
pub(super) struct Preparation(AbortOnDropHandle<Result<Prepared, Undelivered>>);

impl Preparation {
    /// Begins on the current runtime.
    pub(super) fn begin(
        delivery: Delivery,
        object: ClosedObject,
        aside: Aside,
        memory: InFlight,
    ) -> Self {
        Self(AbortOnDropHandle::new(tokio::spawn(async move {
            delivery.prepare(object, aside, memory).await
        })))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// See [`Undelivered`].
    pub(super) async fn ended(self) -> Result<Prepared, Undelivered> {
        self.0.await.unwrap_or_else(|error| {
            let message = format!("the preparation of an object ended without a result: {error}");
            Err(Undelivered::broken(Problem::new(ErrorCode::Internal, message)))
        })
    }
}

impl Delivery {
    async fn prepare(
        &self,
        object: ClosedObject,
        aside: Aside,
        mut memory: InFlight,
    ) -> Result<Prepared, Undelivered> {
        let ClosedObject { first_offset, end, form, pin, records, body, sums, last_at } = object;
        let encoding = form.encoding;
        let content = match sums {
            Some(sums) => plain(body, sums, &mut memory),
            None => self.compressed(encoding.compression, body, &mut memory).await?,
        };
        let dead_letters = aside.dead_letters();
        aside.acknowledged().await.map_err(Undelivered::Stop)?;
        self.confirm_topic(last_at).await?;
        let metadata = ObjectMetadata {
            uid: self.uid.clone(),
            chain_id: self.chain,
            partition: self.partition,
            first_offset,
            next_offset: end.offset,
            records,
            crc64: content.crc64(),
            leader_epoch: end.leader_epoch,
        };
        let content_type = encoding.content_type();
        Ok(Prepared { pin, content, content_type, metadata, dead_letters, memory })
    }

    async fn compressed(
        &self,
        compression: Compression,
        body: Vec<u8>,
        memory: &mut InFlight,
    ) -> Result<Content, Undelivered> {
        let store = self.store.borrow().clone();
        // Many milliseconds for many megabytes: not on a loop's thread.
        let compressed = tokio::task::spawn_blocking(move || {
            compress(compression, body).map(|body| store.content(Bytes::from(body)))
        });
        let compressed = compressed.await.map_err(std::io::Error::other).flatten();
        let content = compressed.map_err(|error| {
            let message = format!("an object could not be compressed: {error}");
            Undelivered::broken(Problem::new(ErrorCode::Internal, message))
        })?;
        // Only what is left is accounted from here on.
        memory.resize(content.len() as u64);
        Ok(content)
    }

    /// Waits until the topic is seen to be the chain's own after the object's
    /// last record was taken in.
    async fn confirm_topic(&self, last_at: Instant) -> Result<(), Undelivered> {
        let mut attempts = Attempts::new(&self.board, self.patience);
        loop {
            let Err(problem) = self.incarnation.confirm(last_at).await else {
                return Ok(());
            };
            if matches!(
                problem.code,
                ErrorCode::KafkaTopicRecreated | ErrorCode::KafkaTopicNotFound
            ) {
                return Err(Undelivered::broken(problem));
            }
            attempts.blocked(&problem).await;
        }
    }
}

/// The body as it is, with its checksums.
fn plain(mut body: Vec<u8>, sums: Sums, memory: &mut InFlight) -> Content {
    // The memory of a large one is used again as it is.
    if body.capacity() - body.len() > body.len() / 2 {
        body.shrink_to_fit();
    }
    memory.resize(body.capacity() as u64);
    sums.content(Bytes::from(body))
}
