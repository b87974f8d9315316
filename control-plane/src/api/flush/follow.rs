//! Follows a flush to its end.

use std::sync::Arc;
use std::time::Duration;

use kafka2oss_domain::names::ConnectorName;
use tokio::time::{Instant, sleep_until};

use super::rounds::Rounds;
use super::told::Told;
use super::{act, ends, request};
use crate::api::context::Api;
use crate::api::error::{ApiError, Unflushed};
use crate::budget::Seat;
use crate::model::flush::{Barrier, Standing};
use crate::model::lifecycle::Action;
use crate::store::connectors::ConnectorRecord;

/// Between two looks at what is shown of the connector: of 10,000 partitions each is work.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Where nothing seems to happen.
const LOOK_ANYHOW: Duration = Duration::from_secs(1);
/// What is said of objects may come after the report that shows their end.
const FOR_OBJECTS: Duration = Duration::from_secs(2);
/// A partition that has stopped may have gone on, and not be shown so yet.
const FOR_STOPPED: Duration = Duration::from_secs(3);
/// After this long without a word the caller is told that the stream is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Partitions that an error names.
const NAMED: usize = 50;

/// A flush that is under way.
pub(super) struct Following {
    api: Arc<Api>,
    name: ConnectorName,
    uid: String,
    epoch: i64,
    time: Duration,
    seat: Arc<Seat<String>>,
}

impl Following {
    pub(super) fn new(
        api: Arc<Api>,
        name: ConnectorName,
        record: &ConnectorRecord,
        time: Duration,
        seat: Arc<Seat<String>>,
    ) -> Self {
        let (uid, epoch) = (record.uid().to_owned(), record.epoch_number());
        Self { api, name, uid, epoch, time, seat }
    }

    /// Ends with a summary, or an error.
    pub(super) async fn run(self, mut told: Told<'_>) -> Result<(), ApiError> {
        let begun = Instant::now();
        let deadline = begun + self.time;
        let targets = ends::read(&self.api, &self.name, &*self.record()?, self.time).await?;
        let mut barrier = Barrier::new(targets);
        let (mut rounds, mut said) = Rounds::new(Arc::clone(&self.api), Arc::clone(&self.seat));
        let mut touches = self.api.observed.board.follow_touches(&self.name.to_string());
        let mut reached_at = None;
        loop {
            touches.borrow_and_update();
            let record = self.record()?;
            barrier.report(&self.api.observed.current(&record).partitions);
            let looked = Instant::now();
            rounds.send(&record, &barrier, looked);
            let mut is_touched = false;
            // Until the next look, what agents say.
            loop {
                told.progress(&mut barrier).await;
                let now = Instant::now();
                match barrier.standing() {
                    Standing::Reached => {
                        let since = *reached_at.get_or_insert(now);
                        if barrier.has_all_objects() || now >= since + FOR_OBJECTS {
                            return told.finish(&barrier).await;
                        }
                    }
                    Standing::Stuck if now >= begun + FOR_STOPPED => {
                        return told.finish(&barrier).await;
                    }
                    Standing::Stuck | Standing::Under if now >= deadline => {
                        return Err(self.late(&barrier));
                    }
                    Standing::Stuck | Standing::Under => {}
                }
                let look = looked + if is_touched { LOOK_EVERY } else { LOOK_ANYHOW };
                if now >= look {
                    break;
                }
                if now >= told.last() + HEARTBEAT {
                    told.heartbeat().await;
                }
                tokio::select! {
                    biased;
                    Some((agent, report)) = said.recv() => barrier.told(&agent, report),
                    changed = touches.changed(), if !is_touched => {
                        changed.map_err(|_| ApiError::Internal)?;
                        is_touched = true;
                    }
                    () = sleep_until(look.min(deadline)) => {}
                }
            }
        }
    }

    /// The connector, as long as it is the one that is flushed.
    fn record(&self) -> Result<Arc<ConnectorRecord>, ApiError> {
        let record = request::connector(&self.api, &self.name)?;
        if record.uid() != self.uid {
            return Err(ApiError::NotFound(self.name.to_string()));
        }
        act::check_state(&record, Action::Flush)?;
        if record.epoch_number() != self.epoch {
            let why = format!("the offsets of {} were reset meanwhile", self.name);
            return Err(ApiError::wrong_state(record.name(), why));
        }
        Ok(record)
    }

    fn late(&self, barrier: &Barrier) -> ApiError {
        let (total, reached) = barrier.counts();
        ApiError::FlushIncomplete(Unflushed {
            name: self.name.to_string(),
            timeout: self.time,
            total,
            count: total - reached,
            partitions: barrier.unreached().take(NAMED).collect(),
        })
    }
}
