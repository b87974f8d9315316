//! The thread that writes lines.

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::frame;
use super::segments::Segments;
use super::{Lost, Message};

/// Bytes of one write at least, where so much waits.
const WRITE: usize = 64 << 10;
/// After a failed write before the next try.
const PAUSE: Duration = Duration::from_secs(5);

/// Writes lines.
pub(super) struct Writer {
    segments: Segments,
    lost: Lost,
    /// What is to be written, and how many lines that is.
    bytes: Vec<u8>,
    lines: u64,
    /// No try before this, and why.
    pause: Option<(Instant, String)>,
}

impl Writer {
    pub(super) fn new(segments: Segments, lost: Lost) -> Self {
        Self { segments, lost, bytes: Vec::new(), lines: 0, pause: None }
    }

    /// Writes what comes until it is told to end, or nobody is there any more.
    pub(super) fn run(mut self, messages: &Receiver<Message>) {
        while let Ok(first) = messages.recv() {
            let waiting = std::iter::from_fn(|| messages.try_recv().ok());
            for message in std::iter::once(first).chain(waiting) {
                match message {
                    Message::Line(entry) => self.take(&entry.line()),
                    Message::Close(done) => {
                        self.write();
                        // Who waited too long is not there any more.
                        let _ = done.send(());
                        return;
                    }
                }
            }
            self.write();
        }
    }

    fn take(&mut self, line: &frame::Line) {
        if frame::append(line, &mut self.bytes) {
            self.lines += 1;
        }
        if self.bytes.len() >= WRITE {
            self.write();
        }
    }

    fn write(&mut self) {
        let (lines, bytes) = (std::mem::take(&mut self.lines), std::mem::take(&mut self.bytes));
        if lines == 0 {
            return;
        }
        if let Some((until, cause)) = &self.pause
            && Instant::now() < *until
        {
            return self.lost.report(lines, cause);
        }
        self.pause = self.segments.append(&bytes).err().map(|error| {
            let cause = error.to_string();
            self.lost.report(lines, &cause);
            (Instant::now() + PAUSE, cause)
        });
    }
}
