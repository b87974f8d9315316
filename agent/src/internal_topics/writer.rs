//! Follows one task and writes what is seen of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::names::AgentName;
use kafka2oss_kafka::{InternalTopics, Shared};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::ledger::Ledger;
use super::records::{Record, Records, Topic};
use crate::task::{Snapshot, TaskSpec};

/// From one writing to the next: each key is written at most as often.
const PACE: Duration = Duration::from_secs(1);

/// What the last writing may take, when the task has ended.
const FAREWELL: Duration = Duration::from_secs(2);

/// Writes the status of a task, and with task 0 what is the connector's, until
/// the task has ended; at the end, as far as that is quick, that it runs no
/// more. What stood there before is not read: everything is written once by
/// each new task, then what changes.
pub(crate) async fn follow(
    task: TaskSpec,
    topics: Arc<Shared<InternalTopics>>,
    agent: AgentName,
    snapshot: watch::Receiver<Snapshot>,
) {
    let records = Records::new(&task, agent);
    let mut writer = Writer { task, topics, ledger: Ledger::default(), warned: BTreeSet::new() };
    // The last task of this key may have written its end until now.
    sleep(FAREWELL).await;
    tokio::select! {
        // Nothing is begun for a task that has ended.
        biased;
        () = ended(snapshot.clone()) => {}
        () = writer.keep_up(&records, snapshot.clone()) => {}
    }
    if records.at(&snapshot.borrow()).is_some() {
        // Without an answer in time it is left as it is.
        let _ = timeout(FAREWELL, writer.take_leave(&records)).await;
    }
}

/// Returns when the task has ended.
async fn ended(mut snapshot: watch::Receiver<Snapshot>) {
    while snapshot.changed().await.is_ok() {}
}

struct Writer {
    task: TaskSpec,
    topics: Arc<Shared<InternalTopics>>,
    ledger: Ledger,
    /// What was said once.
    warned: BTreeSet<(Topic, ErrorCode)>,
}

impl Writer {
    /// Writes what changes, until the task has ended. May be given up at any
    /// time.
    async fn keep_up(&mut self, records: &Records, mut snapshot: watch::Receiver<Snapshot>) {
        loop {
            let wanted = records.at(&snapshot.borrow_and_update());
            match &wanted {
                Some(wanted) => self.write_due(wanted).await,
                None => self.ledger.forget_written(),
            }
            sleep(PACE).await;

            let retry = self.ledger.next_due(wanted.as_deref().unwrap_or_default());
            tokio::select! {
                changed = snapshot.changed() => if changed.is_err() { return },
                () = at(retry) => {}
            }
        }
    }

    async fn write_due(&mut self, wanted: &[Record]) {
        for record in wanted {
            if !self.ledger.is_due(record, Instant::now()) {
                continue;
            }
            self.write(record).await;
        }
    }

    /// Nothing is said under keys that this task never wrote.
    async fn take_leave(&mut self, records: &Records) {
        for record in records.at_end() {
            if self.ledger.holds(&record) {
                self.write(&record).await;
            }
        }
    }

    async fn write(&mut self, record: &Record) {
        self.ledger.attempted(record);
        match self.send(record).await {
            Ok(()) => self.ledger.written(record),
            Err(problem) => {
                self.ledger.failed(record.topic, Instant::now());
                self.log(record.topic, &problem);
            }
        }
    }

    async fn send(&mut self, record: &Record) -> Result<(), Problem> {
        let topics = &self.task.spec.resources;
        let topic = match record.topic {
            Topic::Configuration => &topics.config_topic.name,
            Topic::Status => &topics.status_topic.name,
        };
        let value = record.value.to_string();
        let (key, value) = (record.key.as_bytes(), Some(value.as_bytes()));
        let write = |topics: Arc<InternalTopics>| async move {
            topics.write(topic, key, value, InternalTopics::WRITE_LIMIT).await
        };
        self.topics.with(write).await.map(drop)
    }

    fn log(&mut self, topic: Topic, problem: &Problem) {
        let TaskSpec { connector, index, .. } = &self.task;
        if self.warned.insert((topic, problem.code)) {
            tracing::warn!(%connector, index, %problem, "internal topic not written, tried again");
        } else {
            tracing::debug!(%connector, index, %problem, "internal topic not written yet");
        }
    }
}

/// Returns at this moment; never without one.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
