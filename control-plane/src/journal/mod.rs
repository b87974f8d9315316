//! Connectors' logs and previews of dead letters on disk, so that a restart keeps them.
//!
//! Segments in a folder beside the store, to which lines are appended by a thread of their
//! own; the oldest goes when there are too many. Nobody waits for it: lines that come faster
//! than the disk takes them, or that it refuses, are lost and counted, and nothing else is.
//! Nothing is synced: what was written survives the process, and most of it the machine.
//!
//! - [`frame`]: a line as bytes (pure).
//! - [`segments`]: the folder.
//! - [`writer`]: the thread.

mod frame;
mod segments;
mod writer;

use std::io;
use std::path::Path;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_proto::v1;
use tokio::sync::oneshot;

use crate::notice::Notice;
use crate::observe::Keeper;
pub(crate) use frame::Line;
use segments::Segments;
use writer::Writer;

/// Lines that wait for the disk.
const WAITING: usize = 4_096;
/// What the last lines may take when the process ends.
const LAST: Duration = Duration::from_secs(2);

/// Appends lines.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    lines: SyncSender<Message>,
    lost: Lost,
}

/// Counts lines that are lost, and says so.
#[derive(Debug, Clone, Default)]
struct Lost(Arc<Mutex<Notice>>);

enum Message {
    Line(Entry),
    /// The process ends.
    Close(oneshot::Sender<()>),
}

/// A line as it is said; made into bytes by the writer.
struct Entry {
    uid: String,
    lost: u64,
    kind: Kind,
}

enum Kind {
    Log(Arc<v1::LogEntry>),
    DeadLetter(Arc<v1::DeadLetter>),
}

impl Journal {
    /// Opens the folder of at most `most` bytes, and hands the lines that are there to `take`,
    /// the oldest first. Blocks.
    ///
    /// # Errors
    /// The folder cannot be made or listed, or there is no thread.
    pub(crate) fn open(folder: &Path, most: u64, mut take: impl FnMut(Line)) -> io::Result<Self> {
        let segments = Segments::open(folder, most)?;
        segments.read(&mut take);
        let (lines, to_write) = mpsc::sync_channel(WAITING);
        let lost = Lost::default();
        let writer = Writer::new(segments, lost.clone());
        std::thread::Builder::new()
            .name("connector-logs".to_owned())
            .spawn(move || writer.run(&to_write))?;
        Ok(Self { lines, lost })
    }

    /// Writes what waits, as far as that is possible soon.
    pub(crate) async fn close(&self) {
        let (done, is_done) = oneshot::channel();
        if self.lines.try_send(Message::Close(done)).is_ok() {
            let _ = tokio::time::timeout(LAST, is_done).await;
        }
    }

    fn append(&self, uid: &str, lost: u64, kind: Kind) {
        let entry = Entry { uid: uid.to_owned(), lost, kind };
        let cause = match self.lines.try_send(Message::Line(entry)) {
            Ok(()) => return,
            Err(TrySendError::Full(_)) => "the disk does not keep up",
            Err(TrySendError::Disconnected(_)) => "their writer has ended",
        };
        self.lost.report(1, cause);
    }
}

impl Lost {
    fn report(&self, lines: u64, cause: &str) {
        let mut notice = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lines) = notice.happened(lines) {
            let code = ErrorCode::LogsNotKept;
            let remedy = code.remedy();
            tracing::warn!(%code, lines, cause, "lines of connectors' logs are not kept: {remedy}");
        }
    }
}

impl Keeper<Arc<v1::LogEntry>> for Journal {
    fn keep(&self, uid: &str, entry: &Arc<v1::LogEntry>, lost: u64) {
        self.append(uid, lost, Kind::Log(Arc::clone(entry)));
    }
}

impl Keeper<Arc<v1::DeadLetter>> for Journal {
    fn keep(&self, uid: &str, letter: &Arc<v1::DeadLetter>, lost: u64) {
        self.append(uid, lost, Kind::DeadLetter(Arc::clone(letter)));
    }
}

impl Entry {
    fn line(self) -> Line {
        let Self { uid, lost, kind } = self;
        let (log, dead_letter) = match kind {
            Kind::Log(entry) => (Some(v1::LogEntry::clone(&entry)), None),
            Kind::DeadLetter(letter) => (None, Some(v1::DeadLetter::clone(&letter))),
        };
        Line { uid, lost, log, dead_letter }
    }
}

#[cfg(test)]
mod tests;
