//! What tasks tell the control plane besides their state: log lines and
//! dead-letter events. Never waits; what does not fit is dropped and counted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::names::{AgentName, ConnectorName};
use kafka2oss_proto::{Count, agent, v1};
use tokio::sync::Notify;

/// Lines or events that wait at most; above it the oldest are dropped.
const WAITING_AT_MOST: usize = 4_096;

/// Entries in one batch at most, so that a batch stays far below the limit of
/// a gRPC message.
const BATCH_AT_MOST: usize = 256;

/// Bytes of a line's message at most: one comes from a broker, a store or a
/// record, and their words have no limit.
const MESSAGE_BYTES_AT_MOST: usize = 4_096;

/// How bad a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Something that is meant to happen.
    Info,
    /// Something that passes by itself or needs no haste.
    Warn,
    /// Something that keeps records from their objects.
    Error,
}

/// One line of a connector's log.
#[derive(Debug, Clone)]
pub struct LogLine {
    /// How bad it is.
    pub severity: Severity,
    /// Connector that it is about.
    pub connector: ConnectorName,
    /// Task that it is about.
    pub task_index: Option<u32>,
    /// Partition that it is about.
    pub partition: Option<i32>,
    /// Offset that it is about.
    pub offset: Option<i64>,
    /// Error code, if it is about an error.
    pub code: Option<ErrorCode>,
    /// Lower case, no full stop.
    pub message: String,
}

/// Takes log lines and dead-letter events to the control plane.
#[derive(Debug, Clone)]
pub struct Reporter {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    agent: AgentName,
    waiting: Mutex<Waiting>,
    added: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    logs: Lossy<v1::LogEntry>,
    dead_letters: Lossy<v1::DeadLetter>,
}

impl Reporter {
    /// One for everything of this agent.
    pub fn new(agent: AgentName) -> Self {
        let waiting = Mutex::new(Waiting::default());
        Self { shared: Arc::new(Shared { agent, waiting, added: Notify::new() }) }
    }

    /// Adds a line to the connector's log (and to this process's own, by
    /// tracing).
    pub fn log(&self, line: LogLine) {
        trace(&line);
        let entry = self.entry(line, SystemTime::now());
        self.lock().logs.push(entry);
        self.shared.added.notify_one();
    }

    /// Announces a record that an error topic has acknowledged.
    pub fn dead_letter(&self, mut letter: v1::DeadLetter) {
        truncate(&mut letter.error_message, MESSAGE_BYTES_AT_MOST);
        self.lock().dead_letters.push(letter);
        self.shared.added.notify_one();
    }

    /// Waits until something has been added since the last wait. For one
    /// waiter: the stream.
    pub async fn added(&self) {
        self.shared.added.notified().await;
    }

    /// The oldest lines that wait, and how many were dropped before them.
    pub fn take_logs(&self) -> Option<agent::v1::LogBatch> {
        let (entries, dropped) = self.lock().logs.take(BATCH_AT_MOST)?;
        Some(agent::v1::LogBatch { entries, dropped: dropped.to_wire() })
    }

    /// The oldest events that wait, and how many were dropped before them.
    pub fn take_dead_letters(&self) -> Option<agent::v1::DeadLetterBatch> {
        let (dead_letters, dropped) = self.lock().dead_letters.take(BATCH_AT_MOST)?;
        Some(agent::v1::DeadLetterBatch { dead_letters, dropped: dropped.to_wire() })
    }

    fn entry(&self, line: LogLine, time: SystemTime) -> v1::LogEntry {
        let LogLine { severity, connector, task_index, partition, offset, code, mut message } =
            line;
        truncate(&mut message, MESSAGE_BYTES_AT_MOST);
        let severity = match severity {
            Severity::Info => v1::LogSeverity::Info,
            Severity::Warn => v1::LogSeverity::Warn,
            Severity::Error => v1::LogSeverity::Error,
        };
        v1::LogEntry {
            time: Some(time.into()),
            severity: severity.into(),
            connector: connector.to_string(),
            agent: self.shared.agent.to_string(),
            task_index: task_index.map(Count::to_wire),
            partition,
            offset,
            error_code: code.map_or_else(String::new, |code| code.to_string()),
            message,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A queue of finished entries is whole at any moment.
        self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A queue that drops its oldest entries when it is full, and counts them.
#[derive(Debug)]
struct Lossy<T> {
    entries: VecDeque<T>,
    dropped: u64,
}

impl<T> Default for Lossy<T> {
    fn default() -> Self {
        Self { entries: VecDeque::new(), dropped: 0 }
    }
}

impl<T> Lossy<T> {
    fn push(&mut self, entry: T) {
        if self.entries.len() >= WAITING_AT_MOST {
            self.entries.pop_front();
            self.dropped += 1;
        }
        self.entries.push_back(entry);
    }

    /// `None` when nothing waits; a drop is always followed by an entry.
    fn take(&mut self, at_most: usize) -> Option<(Vec<T>, u64)> {
        if self.entries.is_empty() {
            return None;
        }
        let count = self.entries.len().min(at_most);
        Some((self.entries.drain(..count).collect(), std::mem::take(&mut self.dropped)))
    }
}

fn truncate(text: &mut String, bytes: usize) {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes));
        text.push('…');
    }
}

fn trace(line: &LogLine) {
    let LogLine { severity, connector, task_index, partition, offset, code, message } = line;
    let code = code.map(ErrorCode::as_str);
    // The level of an event is part of its static description, so that it
    // cannot be a value.
    macro_rules! event {
        ($level:ident) => {
            tracing::$level!(
                target: "kafka2oss_agent::connector",
                %connector, task_index, partition, offset, code, "{message}"
            )
        };
    }
    match severity {
        Severity::Info => event!(info),
        Severity::Warn => event!(warn),
        Severity::Error => event!(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reporter() -> Reporter {
        Reporter::new(AgentName::from_id("a").expect("a legal id"))
    }

    fn line(message: String) -> LogLine {
        LogLine {
            severity: Severity::Warn,
            connector: "instances/i/connectors/c".parse().expect("a legal name"),
            task_index: Some(1),
            partition: Some(2),
            offset: None,
            code: Some(ErrorCode::RecordNotUtf8),
            message,
        }
    }

    #[test]
    fn a_line_carries_agent_time_and_code() {
        let reporter = reporter();
        reporter.log(line("x".to_owned()));
        let batch = reporter.take_logs().expect("a line waits");
        let [entry] = batch.entries.as_slice() else { panic!("{batch:?}") };
        assert_eq!(entry.agent, "agents/a");
        assert_eq!(entry.error_code, "RECORD_NOT_UTF8");
        assert_eq!(entry.severity(), v1::LogSeverity::Warn);
        assert_eq!((entry.task_index, entry.partition, entry.offset), (Some(1), Some(2), None));
        assert!(entry.time.is_some());
    }

    #[test]
    fn the_oldest_lines_are_dropped_and_counted_once() {
        let reporter = reporter();
        for number in 0..WAITING_AT_MOST + 3 {
            reporter.log(line(number.to_string()));
        }
        let first = reporter.take_logs().expect("lines wait");
        assert_eq!(first.dropped, 3);
        assert_eq!(first.entries.len(), BATCH_AT_MOST);
        assert_eq!(first.entries[0].message, "3");

        let mut rest = 0;
        while let Some(batch) = reporter.take_logs() {
            assert_eq!(batch.dropped, 0);
            rest += batch.entries.len();
        }
        assert_eq!(rest, WAITING_AT_MOST - BATCH_AT_MOST);
    }

    #[test]
    fn a_message_is_cut_between_characters() {
        let reporter = reporter();
        reporter.log(line("ü".repeat(MESSAGE_BYTES_AT_MOST)));
        let batch = reporter.take_logs().expect("a line waits");
        assert!(batch.entries[0].message.len() <= MESSAGE_BYTES_AT_MOST + '…'.len_utf8());
    }
}
