//! Makes a closed object the next link of the chain: dead letters of its
//! extent acknowledged, then the object put, then its end committed. Nothing
//! is skipped: what fails and may pass is tried again for as long as it takes.

use std::sync::Arc;

use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::error_code::Problem;
use kafka2oss_sink::{ChainId, NewObject, ObjectMetadata, ObjectStore, PutOutcome, crc64};
use tokio::sync::{mpsc, oneshot, watch};

use super::backoff::Backoff;
use super::chain::{self, Conflict};
use super::dead_letter::PendingLetters;
use super::encode::JsonArray;
use super::object::ClosedObject;
use crate::task::{Incarnation, PartitionBoard};

/// Why a commit was not acknowledged. Its outcome at the broker is unknown.
#[derive(Debug, Clone)]
pub(crate) enum CommitError {
    /// The partition belongs to this task no more, or not by this assignment.
    Revoked,
    /// The broker refused it or did not answer.
    Failed(Problem),
}

/// A commit for the consumer's actor.
#[derive(Debug)]
pub(crate) struct CommitRequest {
    /// The partition.
    pub partition: i32,
    /// The assignment that it belongs to: one of an earlier assignment is
    /// dropped.
    pub assignment: u64,
    /// The chain's new position.
    pub offset: i64,
    /// Takes the broker's answer.
    pub answer: oneshot::Sender<Result<(), CommitError>>,
}

/// Takes one partition's commits to the consumer's actor.
#[derive(Debug, Clone)]
pub(crate) struct Commits {
    /// The partition.
    pub partition: i32,
    /// The assignment.
    pub assignment: u64,
    /// To the actor.
    pub requests: mpsc::Sender<CommitRequest>,
}

impl Commits {
    /// Commits `offset` and waits for the broker's answer.
    async fn commit(&self, offset: i64) -> Result<(), CommitError> {
        let (answer, outcome) = oneshot::channel();
        let Self { partition, assignment, .. } = *self;
        let request = CommitRequest { partition, assignment, offset, answer };
        self.requests.send(request).await.map_err(|_| CommitError::Revoked)?;
        outcome.await.map_err(|_| CommitError::Revoked)?
    }
}

/// What all links of a partition have in common.
#[derive(Clone)]
pub(crate) struct Delivery {
    /// The connector's uid.
    pub uid: String,
    /// The chain.
    pub chain: ChainId,
    /// The source topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// In front of every key.
    pub prefix: String,
    /// The store, with the credentials of the moment.
    pub store: watch::Receiver<ObjectStore>,
    /// To the group.
    pub commits: Commits,
    /// Whether the topic is still the chain's.
    pub incarnation: Arc<Incarnation>,
    /// What is seen of the partition.
    pub board: Arc<PartitionBoard>,
}

/// A link of the chain: what its extent turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// First offset after it: the chain's committed position.
    pub next_offset: i64,
}

/// Why a closed object did not become a link.
#[derive(Debug, Clone)]
pub(crate) enum Undelivered {
    /// The partition cannot go on without a decision.
    Stop(Problem),
    /// Its commit was not acknowledged.
    Commit(CommitError),
}

impl Delivery {
    /// Makes `object` the next link. The link can end elsewhere than the
    /// object when an earlier attempt had already put another extent there.
    pub(crate) async fn deliver(
        &self,
        object: ClosedObject,
        letters: PendingLetters,
    ) -> Result<Link, Undelivered> {
        letters.acknowledged().await.map_err(|error| {
            let message = format!("a dead letter ended without an acknowledgement: {error}");
            let problem = Problem::new(ErrorCode::Internal, message);
            Undelivered::Commit(CommitError::Failed(problem))
        })?;

        self.confirm_topic(&object).await?;
        let key = chain::object_key(
            &self.prefix,
            &self.topic,
            self.partition,
            object.first_offset,
            &self.chain,
            JsonArray::EXTENSION,
        );
        let bytes = object.body.len() as u64;
        let metadata = self.put(key.clone(), object).await.map_err(Undelivered::Stop)?;
        self.commits.commit(metadata.next_offset).await.map_err(Undelivered::Commit)?;
        self.board.linked(&key, &metadata, bytes);
        Ok(Link { next_offset: metadata.next_offset })
    }

    /// Waits until the topic is seen to be the chain's own after the object's
    /// records were fetched.
    async fn confirm_topic(&self, object: &ClosedObject) -> Result<(), Undelivered> {
        let mut backoff = Backoff::new();
        loop {
            let Err(problem) = self.incarnation.confirm(object.last_at).await else {
                return Ok(());
            };
            if matches!(
                problem.code,
                ErrorCode::KafkaTopicRecreated | ErrorCode::KafkaTopicNotFound
            ) {
                return Err(Undelivered::Commit(CommitError::Failed(problem)));
            }
            self.board.retrying(&problem);
            tokio::time::sleep(backoff.next_delay()).await;
        }
    }

    /// Puts the object, or finds the one that an earlier attempt has put, and
    /// returns what stands there.
    async fn put(&self, key: String, object: ClosedObject) -> Result<ObjectMetadata, Problem> {
        let first = object.first_offset;
        let new = NewObject {
            key,
            content_type: JsonArray::CONTENT_TYPE,
            metadata: ObjectMetadata {
                uid: self.uid.clone(),
                chain_id: self.chain,
                partition: self.partition,
                first_offset: first,
                next_offset: object.next_offset,
                records: object.records,
                crc64: crc64(&object.body),
            },
            body: object.body,
        };
        let mut backoff = Backoff::new();
        loop {
            let store = self.store.borrow().clone();
            let attempt = match store.put(&new).await {
                Ok(PutOutcome::Created { version_id }) => {
                    if let Some(version_id) = version_id {
                        self.board.downgrade(&versioned(&new.key, &version_id));
                    }
                    self.board.recovered();
                    return Ok(new.metadata);
                }
                Ok(PutOutcome::Exists) => store.head(&new.key).await,
                Err(error) => Err(error),
            };
            match attempt {
                Ok(Some(found)) => {
                    self.board.recovered();
                    let Self { chain, partition, .. } = self;
                    return match chain::resolve(&new.key, found.metadata, chain, *partition, first)
                    {
                        Conflict::Adopt(metadata) => Ok(metadata),
                        Conflict::Stop(problem) => Err(problem),
                    };
                }
                // It existed and is gone, or is not visible yet: put again.
                Ok(None) => tokio::time::sleep(backoff.next_delay()).await,
                Err(error) => {
                    // The store's own hint when it is longer.
                    let delay = backoff.next_delay().max(error.delay.unwrap_or_default());
                    self.board.retrying(&error.into());
                    tokio::time::sleep(delay).await;
                }
            }
        }
    }
}

fn versioned(key: &str, version_id: &str) -> Problem {
    Problem::new(
        ErrorCode::StoreVersioningOn,
        format!("the store answered the put of `{key}` with version `{version_id}`"),
    )
}
