//! Whether every partition flows: who has those of the topic, and whether those of this
//! task get what there is to be read.

use std::collections::BTreeSet;
use std::time::Instant;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;

use super::Session;
use super::searches::Found;
use crate::report::Severity;
use crate::task::consumer::LogRange;
use crate::task::group_look::{self, GroupLook, Holder};
use crate::task::renewal::Remedy;
use crate::task::starving::Verdict;
use crate::task::{Membership, StopMode, native};

impl Session {
    /// Looks at the group, if that is due.
    pub(super) fn look_at_group(&mut self) {
        if !self.group_looks.is_due(Instant::now()) {
            return;
        }
        let (admin, spec) = (self.admin.clone(), self.spec.clone());
        let (membership, owned) = (self.membership, self.partitions.all());
        self.searches.spawn(async move {
            Found::Group(group_look::look(&admin, &spec, membership, owned).await)
        });
    }

    pub(super) fn looked_at_group(&mut self, found: Result<GroupLook, Problem>) {
        let look = match found {
            Ok(look) => look,
            Err(problem) => {
                tracing::debug!(%problem, "the group was not described");
                return self.group_looks.soon(Instant::now());
            }
        };
        let nobodys = self.group_looks.looked(&look, Instant::now());
        self.looked_ends.clone_from(&look.ends);
        if !self.joined {
            self.kept_out(&look);
        }
        self.board.looked(look);
        if self.joined && self.stopping.is_none() {
            self.leave_for(&nobodys);
        }
    }

    /// Names whoever keeps the task out of its group.
    fn kept_out(&self, look: &GroupLook) {
        let holders = look.unowned.iter().flatten().filter_map(|(_, one)| one.holder.as_ref());
        let Some(Holder { client_id, host }) = holders.into_iter().next() else { return };
        let group = &self.spec.spec.resources.task_consumer_group;
        let message = format!(
            "client `{client_id}` at {host} is a member of group `{group}`, and none of this \
             connector's tasks"
        );
        self.board.troubled(&Problem::new(ErrorCode::KafkaGroupInUse, message));
    }

    /// Partitions that belong to nobody stay so until a member leaves: this one does,
    /// and joins again. Not again where that did not help.
    fn leave_for(&mut self, nobodys: &BTreeSet<i32>) {
        let stays = self.membership != Membership::Static || nobodys.is_empty();
        if stays || !self.renewals.take(Remedy::Leave, Instant::now()) {
            return;
        }
        let message = format!("the group has given partitions {nobodys:?} to nobody; joining anew");
        self.board.log(Severity::Warn, None, None, None, message);
        self.rejoin(StopMode::Leave, self.wait_choice.wait());
    }

    /// Notes where the partitions end, and has the brokers asked about those that get
    /// nothing.
    pub(super) fn look_at_ends(&mut self) {
        for partition in self.partitions.all() {
            let known = native::known_end(&self.consumer, &self.topic, partition);
            let looked = self.looked_ends.get(&partition).copied();
            let Some(end) = known.max(looked) else { continue };
            self.board.end_offset(partition, end);
            let Some(read_to) = self.board.reads_from(partition) else { continue };
            let behind = self.board.asks(partition) && end > read_to;
            if self.starving.look(partition, read_to, behind, Instant::now()) {
                self.ask_for_end(partition);
            }
        }
    }

    fn ask_for_end(&mut self, partition: i32) {
        let topic = &self.spec.spec.source.topic;
        let Some(range) = LogRange::new(&self.consumer, topic, partition) else { return };
        self.searches.spawn(async move { Found::End(partition, range.ask().await) });
    }

    /// The brokers have said where a partition begins and what can be read of it ends.
    pub(super) fn found_end(
        &mut self,
        partition: i32,
        range: Result<(i64, i64), Problem>,
    ) -> Result<(), Problem> {
        let readable = range.as_ref().ok().map(|(_, readable)| *readable);
        match self.starving.asked(partition, readable, Instant::now()) {
            Verdict::Patience => {
                if let Err(problem) = range
                    && self.board.asks(partition)
                {
                    self.board.retrying(partition, &problem);
                }
            }
            Verdict::Transaction { begins, overdue } => {
                self.board.transaction_open(partition, begins);
                if overdue {
                    let message = format!(
                        "a transaction has been open at offset {begins} for longer than \
                         brokers allow by default (transaction.max.timeout.ms)"
                    );
                    let problem = Problem::new(ErrorCode::KafkaTransactionOpen, message);
                    self.board.retrying(partition, &problem);
                }
            }
            Verdict::Stalled(waits) => {
                let cause = range.err().map_or(String::new(), |problem| format!(": {problem}"));
                let message = format!(
                    "no record has come for {} s, although the partition's log goes on{cause}",
                    waits.as_secs()
                );
                let problem = Problem::new(ErrorCode::PartitionStalled, message);
                self.board.retrying(partition, &problem);
                if self.stopping.is_none() && self.renewals.take(Remedy::Renew, Instant::now()) {
                    // The next consumer makes its connections anew.
                    return Err(problem);
                }
            }
        }
        Ok(())
    }
}
