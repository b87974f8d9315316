//! Makes a prepared object the next link of the chain, as the chain's owner
//! decides: the key is announced, a checkpoint of that written, the object put, its
//! end committed. Nothing is skipped: what fails and may pass is tried again.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use kafka2oss_chain::{
    ChainId, Commit, Conflict, Link, ObjectMetadata, Owner, Pin, Step, Tally, resolve,
};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_memory::InFlight;
use kafka2oss_sink::{NewObject, ObjectStore, PutOutcome, StoreError};
use tokio::sync::watch;

use super::attempts::{Attempts, Patience};
use super::commit::{CommitError, Commits};
use super::prepare::{Preparation, Prepared};
use crate::clock;
use crate::task::{Attempt, Checkpoints, Incarnation, PartitionBoard};

/// What all links of a partition have in common.
#[derive(Clone)]
pub(crate) struct Delivery {
    /// The connector's uid.
    pub uid: String,
    /// The chain.
    pub chain: ChainId,
    /// The partition.
    pub partition: i32,
    /// The store, with the credentials of the moment.
    pub store: watch::Receiver<ObjectStore>,
    /// To the group.
    pub commits: Commits,
    /// To the offset topic.
    pub checkpoints: Checkpoints,
    /// Whether the topic is still the chain's.
    pub incarnation: Arc<Incarnation>,
    /// Offsets that retention has removed where reading began: the link from there on
    /// stands for them, too.
    pub lost: Range<i64>,
    /// How long the store is tried.
    pub patience: Patience,
    /// What is seen of the partition.
    pub board: Arc<PartitionBoard>,
    /// Key of the object that is being filled meanwhile.
    pub following: Following,
}

/// Offset and key of the link after the one that is delivered, as soon as its
/// first record is there: the loop writes it, a delivery reads it when it
/// commits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Following(Arc<Mutex<Option<(i64, Pin)>>>);

impl Following {
    /// Replaces what is known.
    pub(super) fn set(&self, following: Option<(i64, Pin)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = following;
    }

    fn get(&self) -> Option<(i64, Pin)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Why a closed object did not become a link.
#[derive(Debug, Clone)]
pub(crate) enum Undelivered {
    /// The store overwrites, and its key is one that others share: it is made again
    /// under a key of its own.
    Rewind(Commit),
    /// The partition cannot go on without a decision.
    Stop(Problem),
    /// Its commit was not acknowledged.
    Commit(CommitError),
}

impl Undelivered {
    /// The consumer is of no more use.
    pub(super) fn broken(problem: Problem) -> Self {
        Self::Commit(CommitError::Failed(problem))
    }
}

/// What is there after an object has become a link.
pub(super) struct Delivered {
    /// The chain's owner.
    pub owner: Owner,
    /// The memory of the object.
    pub spare: Option<Spare>,
}

/// The memory of an object that has been delivered.
pub(super) struct Spare {
    /// Of the object's length at least.
    pub body: Vec<u8>,
    /// Its part in the budget.
    pub memory: InFlight,
    /// When it was delivered.
    pub since: Instant,
}

impl Spare {
    /// `None` while anybody else still has the body.
    fn of(body: Bytes, memory: InFlight) -> Option<Self> {
        let mut body = Vec::from(body.try_into_mut().ok()?);
        body.clear();
        Some(Self { body, memory, since: Instant::now() })
    }
}

/// An object as it is put.
struct Ready {
    pin: Pin,
    object: NewObject,
    /// Records of its extent that went to an error topic.
    dead_letters: u64,
    /// Set once the store has said that it holds other bytes than were sent:
    /// what stands there by then is not to be taken for the object.
    damaged: Option<Problem>,
}

/// What the store says of the object under a pin.
enum Answer {
    Link {
        metadata: ObjectMetadata,
        size: u64,
    },
    Absent,
    /// Another object may take the place of what stands there.
    Passing,
    /// It may be there or not: S3 does not tell those who may not list the bucket.
    NotTold(StoreError),
}

impl Delivery {
    /// Finds out what became of a link that an earlier owner has announced.
    /// Afterwards the owner's position says where to go on.
    ///
    /// # Errors
    /// See [`Undelivered`].
    pub(super) async fn settle(&self, mut owner: Owner) -> Result<Owner, Undelivered> {
        self.carry_on(&mut owner, None).await?;
        Ok(owner)
    }

    /// Makes `object` the next link. Afterwards the owner's position is the
    /// link's end, which can be another than the object's when an earlier
    /// attempt had already put another extent there.
    ///
    /// # Errors
    /// See [`Undelivered`].
    pub(super) async fn deliver(
        &self,
        mut owner: Owner,
        object: Preparation,
    ) -> Result<Delivered, Undelivered> {
        let prepared = object.ended().await?;
        let Prepared { pin, content, content_type, metadata, dead_letters, memory } = prepared;
        // What was announced is what is put.
        let pin = owner.pin().cloned().unwrap_or(pin);
        let key = pin.key().to_owned();
        let object = NewObject { key, body: content, content_type, metadata };
        let mut ready = Ready { pin, object, dead_letters, damaged: None };
        self.carry_on(&mut owner, Some(&mut ready)).await?;
        Ok(Delivered { owner, spare: Spare::of(ready.object.body.into_bytes(), memory) })
    }

    /// Takes the owner's steps until its position has moved on and nothing more is to
    /// be done there, or there is nothing to do.
    async fn carry_on(
        &self,
        owner: &mut Owner,
        mut ready: Option<&mut Ready>,
    ) -> Result<(), Undelivered> {
        let mut attempts = Attempts::new(&self.board, self.patience);
        let first = owner.position();
        let mut link: Option<(Pin, ObjectMetadata, u64)> = None;
        loop {
            let following = self.following.get();
            let following = following.as_ref().map(|(first, pin)| (*first, pin));
            let ready = ready.as_deref_mut().filter(|_| owner.position() == first);
            let proposal = ready.as_ref().map(|ready| &ready.pin);
            match owner.step(clock::now(), proposal, following) {
                Step::Rest => return Ok(()),
                Step::Commit(commit) => {
                    let sent = clock::now();
                    let committed = self.commits.commit(commit.clone()).await;
                    committed.map_err(Undelivered::Commit)?;
                    owner.committed(commit, sent);
                    if let Some((pin, metadata, size)) = link.take() {
                        self.board.linked(pin.key(), &metadata, size, owner.standing().tally);
                    } else if ready.is_none() {
                        // No announcement, but the end that stands.
                        self.board.committed(owner.position().offset);
                    }
                }
                Step::Checkpoint { commit, before } => {
                    match self.checkpoints.write(&commit, before).await {
                        Attempt::Written => {
                            attempts.worked();
                            owner.checkpointed();
                        }
                        // It has to be committed again.
                        Attempt::Late => {}
                        Attempt::Failed(problem) => attempts.blocked(&problem).await,
                        Attempt::Refused(problem) => {
                            self.board.downgrade(&problem);
                            owner.without_checkpoints();
                        }
                    }
                }
                Step::Ask(pin) => {
                    match self.ask(&pin, first.offset, ready.as_deref(), &mut attempts).await? {
                        Answer::Link { metadata, size } => {
                            let tally = self.tally(&metadata, size, ready.as_deref());
                            owner.asked(Some(Link { end: metadata.end(), tally }));
                            link = Some((pin, metadata, size));
                        }
                        Answer::Absent => {
                            if ready.is_some() {
                                // It existed and is gone, or is not visible yet.
                                attempts.pause().await;
                            } else {
                                self.board.settled();
                            }
                            owner.asked(None);
                            link = None;
                        }
                        Answer::Passing => {
                            return Err(Undelivered::Rewind(owner.standing().clone()));
                        }
                        Answer::NotTold(error) => {
                            if owner.not_told() {
                                let failed = attempts.store_failed(error).await;
                                failed.map_err(Undelivered::Stop)?;
                            }
                        }
                    }
                }
                Step::Put { pin, before } => {
                    let Some(ready) = ready else { return Ok(()) };
                    let store = self.store.borrow().clone();
                    let in_time = Arc::new(move || clock::now() < before);
                    self.board.unsettled();
                    match store.put_while(&ready.object, in_time).await {
                        // Signed too late: it has to be announced again.
                        Ok(None) => {}
                        Ok(Some(PutOutcome::Created { version_id })) => {
                            attempts.worked();
                            if self.is_passing(&store, &pin, version_id.as_deref()) {
                                return Err(Undelivered::Rewind(owner.standing().clone()));
                            }
                            let metadata = ready.object.metadata.clone();
                            let size = ready.object.body.len() as u64;
                            let tally = self.tally(&metadata, size, Some(&*ready));
                            owner.created(Link { end: metadata.end(), tally });
                            link = Some((pin, metadata, size));
                        }
                        Ok(Some(PutOutcome::Exists)) => owner.exists(),
                        Err(error) => {
                            if error.code == ErrorCode::StoreIntegrityMismatch {
                                ready.damaged = Some(error.clone().into());
                            }
                            attempts.store_failed(error).await.map_err(Undelivered::Stop)?;
                        }
                    }
                }
            }
        }
    }

    /// What a link of `size` bytes adds: what is only known of the own object where it is
    /// that one, or one of the same extent.
    fn tally(&self, metadata: &ObjectMetadata, size: u64, ready: Option<&Ready>) -> Tally {
        let extent = |of: &ObjectMetadata| of.first_offset..of.next_offset;
        let own = ready.filter(|ready| extent(&ready.object.metadata) == extent(metadata));
        let lost = own.map_or(0, |_| match self.lost.start == metadata.first_offset {
            true => self.lost.end.saturating_sub(self.lost.start).max(0).unsigned_abs(),
            false => 0,
        });
        Tally {
            records: metadata.records,
            objects: 1,
            bytes: size,
            dead_letters: own.map_or(0, |ready| ready.dead_letters),
            lost_offsets: lost,
        }
    }

    /// Whether another object may take the place of the one that stands under the pin:
    /// the store overwrites, as the version shows that it names, and others may put
    /// something there, too.
    fn is_passing(&self, store: &ObjectStore, pin: &Pin, version_id: Option<&str>) -> bool {
        let Some(doubt) = store.doubt(pin.key(), version_id) else { return false };
        self.board.overwrites(&doubt);
        !pin.is_own()
    }

    /// Asks for the object under the pin.
    async fn ask(
        &self,
        pin: &Pin,
        first: i64,
        ready: Option<&Ready>,
        attempts: &mut Attempts<'_>,
    ) -> Result<Answer, Undelivered> {
        loop {
            let store = self.store.borrow().clone();
            let found = match store.head(pin.key()).await {
                Ok(found) => found,
                // What stands there is not what was sent: never taken for it.
                Err(error) if error.code == ErrorCode::StoreIntegrityMismatch => {
                    return Err(Undelivered::Stop(error.into()));
                }
                Err(error) if error.code == ErrorCode::StoreAccessDenied => {
                    return Ok(Answer::NotTold(error));
                }
                Err(error) => {
                    attempts.store_failed(error).await.map_err(Undelivered::Stop)?;
                    continue;
                }
            };
            attempts.worked();
            let Some(found) = found else { return Ok(Answer::Absent) };
            if self.is_passing(&store, pin, found.version_id.as_deref()) {
                return Ok(Answer::Passing);
            }
            if let Some(damaged) = ready.and_then(|ready| ready.damaged.clone()) {
                return Err(Undelivered::Stop(damaged));
            }
            return match resolve(pin.key(), found.metadata, &self.chain, self.partition, first) {
                Conflict::Adopt(metadata) => Ok(Answer::Link { metadata, size: found.size }),
                Conflict::Stop(problem) => Err(Undelivered::Stop(problem)),
            };
        }
    }
}
