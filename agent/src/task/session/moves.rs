//! How partitions move: taken up and given up as the group says, taken up again
//! at another offset.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Instant, SystemTime};

use kafka2oss_chain::{Commit, Tally};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_kafka::InternalTopics;
use rdkafka::consumer::Consumer;

use super::Session;
use super::searches::Found;
use crate::partition::{Signal, read_from};
use crate::task::beginnings::known_beginnings;
use crate::task::consumer::{self, TakeUp};
use crate::task::partitions::Start;
use crate::task::recovery::Search;
use crate::task::{Guidance, Mode, PartitionSnapshot, PartitionState, Reading, settings};

/// What gives partitions up to take them up again. It waits for the end of a
/// revocation, since librdkafka would take its `incremental_unassign` for the
/// acknowledgement.
pub(super) enum Deferred {
    /// A partition goes on elsewhere.
    Restart(Restart),
    /// Positions that were searched for are found.
    Recovered(BTreeMap<i32, TakeUp>),
    /// These partitions are tried again, if they rest.
    Resume(Vec<i32>),
}

/// A partition that goes on elsewhere.
pub(super) struct Restart {
    pub(super) partition: i32,
    /// Where the chain stands.
    pub(super) standing: Commit,
    /// The first offset that is read.
    pub(super) read_from: i64,
    /// Whether the group holds the position.
    pub(super) committed: bool,
}

impl Session {
    /// Takes up partitions where the group's offsets say; those that it holds
    /// none for when their position is found out.
    pub(super) async fn take_up(&mut self, partitions: Vec<i32>) -> Result<(), Problem> {
        let (positions, beginnings) = if partitions.is_empty() {
            (BTreeMap::new(), BTreeMap::new())
        } else {
            let positions = consumer::positions(&self.consumer, &self.spec, partitions).await?;
            let confirmed = self.incarnation.confirm(Instant::now());
            let beginnings = self.beginnings(&positions);
            let (confirmed, beginnings) = tokio::join!(confirmed, beginnings);
            confirmed?;
            (positions, beginnings)
        };
        let absent: BTreeMap<i32, Tally> = positions
            .iter()
            .filter_map(|(partition, take_up)| match take_up {
                TakeUp::Absent(before) => Some((*partition, *before)),
                TakeUp::At { .. } | TakeUp::Stopped(_) => None,
            })
            .collect();
        self.assign(positions, &beginnings).await?;
        self.search(absent);
        Ok(())
    }

    /// Starts the loops of those partitions whose positions are known, then the
    /// reading; the others are not read.
    async fn assign(
        &mut self,
        positions: BTreeMap<i32, TakeUp>,
        beginnings: &BTreeMap<i32, i64>,
    ) -> Result<(), Problem> {
        let mut offsets = BTreeMap::new();
        for (partition, take_up) in positions {
            // The group sees it taken all the same: its answer to a rebalance is
            // not what is read.
            match take_up {
                TakeUp::At { standing, committed } => {
                    let position = standing.position;
                    let seen = self.snapshot_at(&standing, committed);
                    let read_from = read_from(position, beginnings.get(&partition).copied());
                    let skip = self.decided(partition);
                    let from = Start { standing, skip, read_from };
                    let signal = self.signal();
                    self.partitions.start(&self.consumer, partition, from, seen, signal)?;
                    offsets.insert(partition, read_from);
                }
                TakeUp::Absent(tally) => {
                    let start = self.spec.start_offsets.get(&partition).copied();
                    let seen = self.snapshot(start.unwrap_or(0), None);
                    self.partitions.recover(partition, PartitionSnapshot { tally, ..seen });
                }
                TakeUp::Stopped(problem) => {
                    self.decided(partition);
                    self.partitions.rest(partition, self.snapshot(0, None), problem);
                }
            }
        }
        consumer::assign(&self.consumer, &self.spec.spec.source.topic, &offsets).await
    }

    /// Where the logs are known to begin whose position follows a record.
    async fn beginnings(&self, positions: &BTreeMap<i32, TakeUp>) -> BTreeMap<i32, i64> {
        let followed = positions.iter().filter(|(_, take_up)| take_up.follows_a_record());
        let followed: Vec<i32> = followed.map(|(partition, _)| *partition).collect();
        known_beginnings(&self.admin, &self.spec.spec.source.topic, &followed).await
    }

    /// Searches for positions that the group does not hold.
    fn search(&mut self, partitions: BTreeMap<i32, Tally>) {
        if partitions.is_empty() {
            return;
        }
        let search = Search {
            spec: self.spec.clone(),
            consumer: self.consumer.clone(),
            checkpoints: self.checkpoints.clone(),
            commits_seen: self.guidance.commits_seen.clone(),
            last_words: settings::session_timeout(&self.spec, self.membership)
                + InternalTopics::WRITE_LIMIT,
        };
        for partition in partitions.keys().filter(|partition| search.may_be_lost(**partition)) {
            let message = format!(
                "the group holds no offset for partition {partition}; its last checkpoint is \
                 searched for"
            );
            self.board.retrying(*partition, &Problem::new(ErrorCode::PositionLost, message));
        }
        self.searches.spawn(async move { Found::Positions(search.run(partitions).await) });
    }

    /// Positions were found.
    async fn recovered(&mut self, found: BTreeMap<i32, TakeUp>) -> Result<(), Problem> {
        let found: BTreeMap<_, _> = found
            .into_iter()
            // Given up, or taken up again, while it was searched for.
            .filter(|(partition, _)| self.partitions.is_recovering(*partition))
            .collect();
        if found.is_empty() {
            return Ok(());
        }
        let partitions: Vec<i32> = found.keys().copied().collect();
        let beginnings = self.beginnings(&found).await;
        self.give_up(&partitions).await?;
        self.assign(found, &beginnings).await
    }

    /// Takes a partition up again elsewhere, with nothing left of what was read
    /// before.
    async fn restart(&mut self, restart: Restart) -> Result<(), Problem> {
        let Restart { partition, standing, read_from, committed } = restart;
        self.give_up(&[partition]).await?;
        let seen = self.snapshot_at(&standing, committed);
        let from = Start { standing, skip: self.decided(partition), read_from };
        self.partitions.start(&self.consumer, partition, from, seen, self.signal())?;
        let offsets = BTreeMap::from([(partition, read_from)]);
        consumer::assign(&self.consumer, &self.spec.spec.source.topic, &offsets).await
    }

    /// Tries partitions that rest again.
    async fn resume(&mut self, mut partitions: Vec<i32>) -> Result<(), Problem> {
        partitions.retain(|partition| {
            // Where a commit may be under way, the position is not known yet.
            self.partitions.is_resting(*partition) && !self.abandoned.contains(partition)
        });
        if partitions.is_empty() {
            return Ok(());
        }
        self.give_up(&partitions).await?;
        self.take_up(partitions).await
    }

    /// The partition is taken up under the decision that there is: the record to
    /// leave out.
    fn decided(&mut self, partition: i32) -> Option<i64> {
        let resume = self.guidance.resumes.get(&partition)?;
        self.resumed.insert(partition, resume.number);
        resume.skip
    }

    /// Gives partitions up, to take them up again.
    async fn give_up(&mut self, partitions: &[i32]) -> Result<(), Problem> {
        consumer::unassign(&self.consumer, &self.spec.spec.source.topic, partitions).await?;
        self.hear()?;
        if self.consumer.context().has_revocation() {
            // It came between the last look and the call, which may have
            // acknowledged it without its loops having ended.
            let message = "the group rebalanced while a partition was taken up again";
            return Err(Problem::new(ErrorCode::KafkaRequestFailed, message));
        }
        Ok(())
    }

    pub(super) async fn carry_out(&mut self, work: Deferred) -> Result<(), Problem> {
        self.hear()?;
        if self.revocation.is_some() || self.consumer.context().has_revocation() {
            self.deferred.push(work);
            return Ok(());
        }
        match work {
            // Whoever is stopping reads no further.
            _ if self.stopping.is_some() => Ok(()),
            // Given up, or taken up again, while it waited.
            Deferred::Restart(restart) if !self.partitions.is_resting(restart.partition) => Ok(()),
            Deferred::Restart(restart) => self.restart(restart).await,
            Deferred::Recovered(positions) => self.recovered(positions).await,
            Deferred::Resume(partitions) => self.resume(partitions).await,
        }
    }

    /// The task is told something else.
    pub(super) async fn guide(&mut self, guidance: Guidance) -> Result<(), Problem> {
        let before = std::mem::replace(&mut self.guidance, guidance);
        if self.guidance.mode != before.mode {
            // Those that are being given up have been told to close.
            self.partitions.signal(|partition| !self.is_revoked(partition), self.signal());
            if self.guidance.mode == Mode::Pause {
                self.paused_at = Instant::now();
                // Nothing of these is open.
                for partition in self.partitions.recovering() {
                    self.board.paused(partition);
                }
            }
            if self.guidance.mode == Mode::Run {
                self.carry_out(Deferred::Resume(self.partitions.resting())).await?;
            }
        }
        let decided = self.guidance.resumes.keys().copied();
        let partitions = decided.filter(|partition| self.is_decided(*partition)).collect();
        self.carry_out(Deferred::Resume(partitions)).await
    }

    /// Whether there is a decision about the partition that it was not taken up
    /// under yet.
    pub(super) fn is_decided(&self, partition: i32) -> bool {
        let number = self.guidance.resumes.get(&partition).map(|resume| resume.number);
        number > self.resumed.get(&partition).copied()
    }

    /// What a loop that starts now should do.
    fn signal(&self) -> Signal {
        match self.guidance.mode {
            _ if self.stopping.is_some() => Signal::Close,
            Mode::Pause => Signal::Pause,
            Mode::Run => Signal::Run,
        }
    }

    /// What is seen of a partition that is taken up where its chain stands.
    fn snapshot_at(&self, standing: &Commit, committed: bool) -> PartitionSnapshot {
        let offset = standing.position.offset;
        let seen = self.snapshot(offset, committed.then_some(offset));
        PartitionSnapshot { tally: standing.tally, ..seen }
    }

    /// What is seen of a partition that is taken up.
    fn snapshot(&self, position: i64, committed: Option<i64>) -> PartitionSnapshot {
        PartitionSnapshot {
            state: match self.guidance.mode {
                Mode::Run => PartitionState::Running,
                // Nothing of it is open.
                Mode::Pause => PartitionState::Paused,
            },
            problem: None,
            end_offset: None,
            committed_offset: committed,
            unsettled: false,
            position,
            last_object: None,
            last_extent: None,
            test_messages: Vec::new(),
            tally: Tally::default(),
            unwritten: VecDeque::new(),
            last_consumed: None,
            observed: SystemTime::now(),
            reading: Reading::default(),
        }
    }
}
