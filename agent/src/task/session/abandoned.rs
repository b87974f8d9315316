//! Partitions of which a pause has given up what was open: they are taken up again, at
//! the position that the group holds, once no commit of theirs is under way.

use std::time::Duration;

use kafka2oss_domain::error_code::Problem;

use super::Session;
use super::moves::Deferred;
use crate::partition::{Abandoned, PAUSE_LIMIT};
use crate::report::Severity;
use crate::task::Mode;
use crate::task::commits::ANSWER_TIMEOUT;

/// What a commit has for its answer where a pause waits for nothing else.
const PAUSED_ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

impl Session {
    /// A loop has given up what it could not deliver while it was to pause.
    pub(super) fn abandoned(&mut self, partition: i32, Abandoned { from, to }: Abandoned) {
        let from = self.board.committed(partition).unwrap_or(from);
        if from < to {
            let message = format!(
                "what was open could not be delivered within {} s of the pause, and is given up: \
                 offsets {from} to {to} (excluded) are read again after Resume, but for what \
                 turns out to stand in an object",
                PAUSE_LIMIT.as_secs()
            );
            let why = self.board.problem(partition);
            self.board.log(Severity::Warn, Some(partition), Some(from), why.as_ref(), message);
        }
        self.abandoned.insert(partition);
    }

    /// Takes up again those that have no commit under way.
    pub(super) async fn take_up_abandoned(&mut self) -> Result<(), Problem> {
        let Self { abandoned, commits, .. } = self;
        let settled = |partition: &i32| !commits.is_under_way(*partition);
        let settled: Vec<i32> = abandoned.extract_if(.., settled).collect();
        if settled.is_empty() {
            return Ok(());
        }
        self.carry_out(Deferred::Resume(settled)).await
    }

    /// What a commit has for its answer. Afterwards another consumer is made, which fences
    /// whatever is still on its way.
    pub(super) fn answer_timeout(&self) -> Duration {
        match self.guidance.mode {
            Mode::Pause if self.paused_at.elapsed() >= PAUSE_LIMIT => PAUSED_ANSWER_TIMEOUT,
            Mode::Pause | Mode::Run => ANSWER_TIMEOUT,
        }
    }
}
