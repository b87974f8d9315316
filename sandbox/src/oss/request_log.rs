//! What an emulator was asked, and what it answered.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::operation::Operation;

/// How many of the newest requests are kept.
const KEPT: usize = 10_000;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// The `x-oss-request-id` of the reply.
    pub request_id: String,
    /// What was asked for.
    pub operation: Operation,
    /// The bucket, if the request named one.
    pub bucket: Option<String>,
    /// The key, if the request named one.
    pub key: Option<String>,
    /// It carried `x-oss-forbid-overwrite: true`.
    pub create_only: bool,
    /// Length of its body in bytes.
    pub body_len: usize,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// OSS's error code of a refusal.
        error_code: Option<String>,
    },
    /// It was carried out with this result, which the client was never told.
    AnswerLost {
        /// The HTTP status that the answer would have had.
        status: u16,
    },
    /// It was not carried out, and the connection was reset.
    Reset,
    /// It was held when the emulator stopped.
    Abandoned,
}

/// How many requests of a kind there were since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// All requests.
    pub requests: u64,
    /// PutObject, whatever became of it.
    pub puts: u64,
    /// PutObject that stored an object, answered or not.
    pub puts_stored: u64,
    /// `FileAlreadyExists`.
    pub conflicts: u64,
    /// HeadObject.
    pub heads: u64,
    /// GetObject.
    pub gets: u64,
    /// ListObjects.
    pub lists: u64,
    /// DeleteObject and DeleteObjects.
    pub deletes: u64,
    /// Answers with 503.
    pub throttled: u64,
    /// Answers with any other status from 400 on.
    pub refused: u64,
    /// Requests that were carried out without an answer.
    pub answers_lost: u64,
    /// Connections that were reset.
    pub resets: u64,
}

impl Counters {
    fn count(&mut self, record: &RequestRecord) {
        self.requests += 1;
        match record.operation {
            Operation::PutObject => self.puts += 1,
            Operation::HeadObject => self.heads += 1,
            Operation::GetObject => self.gets += 1,
            Operation::ListObjects => self.lists += 1,
            Operation::DeleteObject | Operation::DeleteObjects => self.deletes += 1,
            _ => {}
        }
        let status = match &record.outcome {
            Outcome::Answered { status, error_code } => {
                match *status {
                    503 => self.throttled += 1,
                    400.. => self.refused += 1,
                    _ => {}
                }
                if error_code.as_deref() == Some("FileAlreadyExists") {
                    self.conflicts += 1;
                }
                Some(*status)
            }
            Outcome::AnswerLost { status } => {
                self.answers_lost += 1;
                Some(*status)
            }
            Outcome::Reset => {
                self.resets += 1;
                None
            }
            Outcome::Abandoned => None,
        };
        if record.operation == Operation::PutObject && status == Some(200) {
            self.puts_stored += 1;
        }
    }
}

/// The log of one emulator: the newest requests, and counters of all.
#[derive(Debug)]
pub(crate) struct RequestLog {
    newest: Mutex<VecDeque<RequestRecord>>,
    counters: watch::Sender<Counters>,
}

impl RequestLog {
    pub(crate) fn new() -> Self {
        Self {
            newest: Mutex::new(VecDeque::new()),
            counters: watch::Sender::new(Counters::default()),
        }
    }

    pub(crate) fn push(&self, record: RequestRecord) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.len() == KEPT {
            newest.pop_front();
        }
        // Both are to be seen before the answer is sent; the lock lets no other
        // record come between them.
        self.counters.send_modify(|counters| counters.count(&record));
        newest.push_back(record);
    }

    pub(crate) fn newest(&self) -> Vec<RequestRecord> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.iter().cloned().collect()
    }

    pub(crate) fn counters(&self) -> watch::Receiver<Counters> {
        self.counters.subscribe()
    }
}
