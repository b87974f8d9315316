//! What waits to be said on one stream, and in which order. Pure: time comes
//! in as a value.

use std::collections::VecDeque;
use std::time::Duration;

use kafka2oss_proto::agent;
use kafka2oss_proto::agent::v1::connect_request::Message;
use tokio::time::Instant;

/// Between two reports at least, so that changes are reported together.
const BETWEEN_REPORTS: Duration = Duration::from_millis(500);

/// Answers that wait at most; above it nothing more is read from the stream,
/// so that none is ever dropped.
const ANSWERS: usize = 64;

/// What waits to be said on one stream.
#[derive(Debug)]
pub(super) struct Outbox {
    answers: VecDeque<Message>,
    /// A request for assignments that waits.
    request: Option<u64>,
    /// The last one that was said.
    requested: u64,
    heartbeat_due: bool,
    /// When the next report is due, if one is.
    report_due: Option<Instant>,
    last_report: Option<Instant>,
    reports: u64,
    lines_wait: bool,
}

/// What is to be said next; the content of what changes all the time is taken
/// at this moment.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// Acks and results.
    Answer(Box<Message>),
    /// The request of this number for the assignments anew.
    AssignmentRequest(u64),
    /// The agent is there.
    Heartbeat,
    /// A report with this sequence number.
    Report(u64),
    /// Log lines and dead-letter events, until none waits.
    Lines,
}

impl Outbox {
    /// For a new stream: a report is due at once, and perhaps lines.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            answers: VecDeque::new(),
            request: None,
            requested: 0,
            heartbeat_due: false,
            report_due: Some(now),
            last_report: None,
            reports: 0,
            lines_wait: true,
        }
    }

    pub(super) fn answer(&mut self, message: Message) {
        self.answers.push_back(message);
    }

    /// Whether there is room for more answers.
    pub(super) fn takes_answers(&self) -> bool {
        self.answers.len() < ANSWERS
    }

    /// The assignments are asked for anew. The latest request stands for all
    /// before it.
    pub(super) fn request(&mut self, number: u64) {
        self.request = Some(number);
    }

    /// Number of the last request that was said on this stream; 0 without one.
    pub(super) fn requested(&self) -> u64 {
        self.requested
    }

    /// The time for a heartbeat has come; a full report goes with it.
    pub(super) fn beat(&mut self, now: Instant) {
        self.heartbeat_due = true;
        self.report_due = Some(now);
    }

    /// Something to report on has changed.
    pub(super) fn changed(&mut self, now: Instant) {
        let earliest = self.last_report.map_or(now, |last| (last + BETWEEN_REPORTS).max(now));
        self.report_due.get_or_insert(earliest);
    }

    /// Lines or events have been added, or there are more of them.
    pub(super) fn lines_added(&mut self) {
        self.lines_wait = true;
    }

    /// When the report is due that waits for its time.
    pub(super) fn report_due(&self) -> Option<Instant> {
        self.report_due
    }

    /// Whether [`Outbox::next`] has something.
    pub(super) fn has_next(&self, now: Instant) -> bool {
        !self.answers.is_empty()
            || self.request.is_some()
            || self.heartbeat_due
            || self.report_due.is_some_and(|due| due <= now)
            || self.lines_wait
    }

    /// What is to be said next, the most urgent first.
    pub(super) fn next(&mut self, now: Instant) -> Option<Next> {
        if let Some(answer) = self.answers.pop_front() {
            return Some(Next::Answer(Box::new(answer)));
        }
        if let Some(number) = self.request.take() {
            self.requested = number;
            return Some(Next::AssignmentRequest(number));
        }
        if std::mem::take(&mut self.heartbeat_due) {
            return Some(Next::Heartbeat);
        }
        if self.report_due.is_some_and(|due| due <= now) {
            self.report_due = None;
            self.last_report = Some(now);
            self.reports += 1;
            return Some(Next::Report(self.reports));
        }
        std::mem::take(&mut self.lines_wait).then_some(Next::Lines)
    }
}

/// The answer to a list.
pub(super) fn ack(version: u64, nonce: String, nacks: Vec<agent::v1::AssignmentNack>) -> Message {
    Message::AssignmentAck(agent::v1::AssignmentAck { version, nonce, nacks })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty(now: Instant) -> Outbox {
        let mut outbox = Outbox::new(now);
        while outbox.next(now).is_some() {}
        outbox
    }

    #[tokio::test]
    async fn a_new_stream_starts_with_report_one_and_the_lines_that_wait() {
        let now = Instant::now();
        let mut outbox = Outbox::new(now);
        assert_eq!(outbox.next(now), Some(Next::Report(1)));
        assert_eq!(outbox.next(now), Some(Next::Lines));
        assert_eq!(outbox.next(now), None);
        assert!(!outbox.has_next(now));
    }

    #[tokio::test]
    async fn answers_go_first() {
        let now = Instant::now();
        let mut outbox = empty(now);
        outbox.lines_added();
        outbox.beat(now);
        outbox.request(1);
        outbox.answer(ack(7, "n".to_owned(), Vec::new()));
        let Some(Next::Answer(answer)) = outbox.next(now) else { panic!("{outbox:?}") };
        assert!(matches!(*answer, Message::AssignmentAck(_)));
        assert_eq!(outbox.next(now), Some(Next::AssignmentRequest(1)));
        assert_eq!(outbox.next(now), Some(Next::Heartbeat));
        assert_eq!(outbox.next(now), Some(Next::Report(2)));
        assert_eq!(outbox.next(now), Some(Next::Lines));
    }

    #[tokio::test]
    async fn of_requests_that_wait_the_latest_is_said_once() {
        let now = Instant::now();
        let mut outbox = empty(now);
        outbox.request(3);
        outbox.request(4);
        assert_eq!(outbox.requested(), 0, "nothing has been said");
        assert!(outbox.has_next(now));
        assert_eq!(outbox.next(now), Some(Next::AssignmentRequest(4)));
        assert_eq!(outbox.next(now), None);
        assert_eq!(outbox.requested(), 4);
    }

    #[tokio::test]
    async fn changes_in_quick_succession_are_one_report() {
        let now = Instant::now();
        let mut outbox = empty(now);
        outbox.changed(now);
        outbox.changed(now + BETWEEN_REPORTS / 2);
        assert!(!outbox.has_next(now + BETWEEN_REPORTS / 2));
        let due = outbox.report_due().expect("a report waits");
        assert_eq!(due, now + BETWEEN_REPORTS);
        assert_eq!(outbox.next(due), Some(Next::Report(2)));
        assert_eq!(outbox.next(due), None);
    }

    #[tokio::test]
    async fn a_change_after_a_quiet_time_is_reported_at_once() {
        let now = Instant::now();
        let mut outbox = empty(now);
        let later = now + 10 * BETWEEN_REPORTS;
        outbox.changed(later);
        assert_eq!(outbox.next(later), Some(Next::Report(2)));
    }

    #[tokio::test]
    async fn nothing_is_read_while_answers_pile_up() {
        let mut outbox = empty(Instant::now());
        for version in 0..ANSWERS as u64 {
            assert!(outbox.takes_answers());
            outbox.answer(ack(version, String::new(), Vec::new()));
        }
        assert!(!outbox.takes_answers());
    }
}
