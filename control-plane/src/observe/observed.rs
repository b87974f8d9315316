//! What is shown of what is known.

use std::io;
use std::path::Path;
use std::sync::Arc;

use kafka2oss_domain::ErrorCode;
use kafka2oss_proto::v1;

use super::agents::{self, AgentRow};
use super::board::Board;
use super::shown::ConnectorRow;
use super::tapes::Tapes;
use crate::clock;
use crate::journal::{Journal, Line};
use crate::known::Known;
use crate::store::connectors::ConnectorRecord;

/// What is shown of every connector: its status, its last log lines, its dead letters; and
/// of every agent.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(super) known: Arc<Known>,
    pub(crate) board: Arc<Board<ConnectorRow>>,
    pub(crate) agents: Arc<Board<AgentRow>>,
    pub(crate) logs: Tapes<Arc<v1::LogEntry>>,
    pub(crate) dead_letters: Tapes<Arc<v1::DeadLetter>>,
}

impl Observed {
    /// Nothing is shown yet of what is known.
    pub(crate) fn new(known: Arc<Known>) -> Self {
        Self {
            known,
            board: Arc::default(),
            agents: Arc::default(),
            logs: Tapes::default(),
            dead_letters: Tapes::default(),
        }
    }

    /// Takes back the lines of connectors that are still there, and has new ones kept, in
    /// `folder` up to `most` bytes, by the journal that it returns. Without it they are in
    /// memory only. Blocks.
    pub(crate) fn keep_logs(&self, folder: &Path, most: u64) -> io::Result<Journal> {
        let journal = Journal::open(folder, most, |line| {
            let Line { uid, lost, log, dead_letter } = line;
            if self.known.catalog.connector_of_uid(&uid).is_none() {
                return;
            }
            if let Some(entry) = log {
                self.logs.of(&uid).push(Arc::new(entry), lost);
            }
            if let Some(letter) = dead_letter {
                self.dead_letters.of(&uid).push(Arc::new(letter), lost);
            }
        })?;
        self.logs.keep_by(Arc::new(journal.clone()));
        self.dead_letters.keep_by(Arc::new(journal.clone()));
        Ok(journal)
    }

    /// Something about the status of these connectors may have changed.
    pub(crate) fn touch_all(&self, names: &[String]) {
        for name in names {
            self.board.touch(name);
        }
    }

    /// Something about this agent, of which `id` is the bare ID, may have changed.
    pub(crate) fn touch_agent(&self, id: &str) {
        self.agents.touch(&agents::name(id));
    }

    /// The connector as the API shows it, with its status as it is now.
    pub(crate) fn shown(&self, record: &ConnectorRecord, partitions: bool) -> v1::Connector {
        let mut status = self.current(record);
        if !partitions {
            status.partitions.clear();
        }
        v1::Connector { status: Some(status), ..record.shown() }
    }

    /// Adds a line to a connector's log, by the control plane.
    pub(crate) fn log(
        &self,
        record: &ConnectorRecord,
        severity: v1::LogSeverity,
        code: Option<ErrorCode>,
        message: impl Into<String>,
    ) {
        let entry = v1::LogEntry {
            time: Some(clock::now()),
            severity: severity.into(),
            connector: record.name().to_owned(),
            error_code: code.map(|code| code.as_str().to_owned()).unwrap_or_default(),
            message: message.into(),
            ..v1::LogEntry::default()
        };
        self.logs.of(record.uid()).push(Arc::new(entry), 0);
    }

    /// A connector is gone: nothing is shown of it any more.
    pub(crate) fn forget(&self, record: &ConnectorRecord) {
        self.logs.forget(record.uid());
        self.dead_letters.forget(record.uid());
        self.board.remove(record.name(), record.uid());
    }
}
