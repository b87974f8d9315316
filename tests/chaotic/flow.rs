//! Records that keep coming while a run goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use kafka2oss_tests::produce::{Producer, Record};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::shape::MAX_VALUE_BYTES;

/// Partitions of the topic.
pub(crate) const PARTITIONS: i32 = 6;
/// Some thousand records a second, in batches that a broker's restart holds up.
const BATCH: u64 = 250;
const EVERY: Duration = Duration::from_millis(100);

/// Produces until it is told to stop. Dropped, it ends at once.
#[derive(Debug)]
pub(crate) struct Flow {
    stop: Arc<AtomicBool>,
    producing: JoinHandle<Result<BTreeMap<i32, u64>>>,
}

impl Flow {
    /// Starts producing to `topic`.
    pub(crate) fn start(producer: Producer, topic: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let producing = tokio::spawn(produce(producer, topic.to_owned(), stop.clone()));
        Self { stop, producing }
    }

    /// Fails if producing has: records are acknowledged, however the broker is
    /// treated.
    pub(crate) async fn check(&mut self) -> Result<()> {
        if self.producing.is_finished() {
            self.stop().await?;
            bail!("producing has ended");
        }
        Ok(())
    }

    /// Ends it when all that was sent is acknowledged. Returns how many records
    /// are, by partition.
    pub(crate) async fn stop(&mut self) -> Result<BTreeMap<i32, u64>> {
        self.stop.store(true, Ordering::Relaxed);
        (&mut self.producing).await.context("producing was ended")?
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.producing.abort();
    }
}

async fn produce(
    producer: Producer,
    topic: String,
    stop: Arc<AtomicBool>,
) -> Result<BTreeMap<i32, u64>> {
    let mut acknowledged = BTreeMap::new();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut next = 0;
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        let batch = (next..next + BATCH).map(record);
        next += BATCH;
        for produced in producer.send_all(&topic, batch).await? {
            *acknowledged.entry(produced.partition).or_insert(0) += 1;
        }
    }
    Ok(acknowledged)
}

/// Record `number`: no other is like it. Now and then one is spilled, is a
/// tombstone or becomes a dead letter.
fn record(number: u64) -> Record {
    let partition = i32::try_from(number % u64::from(PARTITIONS.unsigned_abs()))
        .expect("less than the number of partitions");
    let text = format!("{number:x}-{}", fastrand::Rng::with_seed(number).u64(..));
    let value = match number {
        _ if number % 997 == 3 => {
            Some(text.repeat(1 + MAX_VALUE_BYTES as usize / text.len()).into_bytes())
        }
        _ if number % 1_009 == 1 => None,
        _ if number % 2_003 == 2 => Some([text.as_bytes(), &[0xff]].concat()),
        _ => Some(text.repeat(4).into_bytes()),
    };
    Record { value, ..Record::tombstone() }
        .key(number.to_string())
        .partition(partition)
        .header("number", number.to_string())
}
