//! What can be seen of a task at one moment.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::time::SystemTime;

use kafka2oss_chain::Tally;
use kafka2oss_domain::error_code::Problem;

use super::GroupLook;
use super::board::Reading;

/// What can be seen of a task at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The epoch that the task runs.
    pub epoch: u64,
    /// What the task does.
    pub state: TaskState,
    /// What is wrong with the task as a whole.
    pub problem: Option<Problem>,
    /// The partitions that it owns.
    pub partitions: BTreeMap<i32, PartitionSnapshot>,
    /// Sums since the task's start, over all partitions that it had.
    pub totals: Totals,
    /// What was taken in since the task's start.
    pub taken: TakenIn,
    /// Set when a reply of the store showed that records may stand in two
    /// objects.
    pub downgrade: Option<Problem>,
    /// What the last look at the topic and its group showed.
    pub group: Option<GroupLook>,
    /// Rises each second while the task lives.
    pub pulse: u64,
    /// A reply of the store showed that it overwrites: each attempt to add a link has a
    /// key of its own from then on.
    pub store_overwrites: bool,
}

/// Records that were taken in; those that were read again count again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TakenIn {
    /// How many.
    pub records: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

impl TakenIn {
    /// One more, of so many bytes.
    pub(crate) fn add_one(&mut self, bytes: usize) {
        *self += Self { records: 1, bytes: bytes as u64 };
    }
}

impl std::ops::AddAssign for TakenIn {
    fn add_assign(&mut self, more: Self) {
        self.records = self.records.saturating_add(more.records);
        self.bytes = self.bytes.saturating_add(more.bytes);
    }
}

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TaskState {
    /// Not a member of the group yet.
    #[default]
    Starting,
    /// A member of the group; takes records.
    Running,
    /// Takes no record; what was taken is committed or given up. A member of the group,
    /// or about to become one.
    Paused,
    /// Not a member of the group; retried.
    Failed,
}

/// What can be seen of a partition at one moment.
#[derive(Debug, Clone)]
pub struct PartitionSnapshot {
    /// What the partition does.
    pub state: PartitionState,
    /// What is wrong, if anything is.
    pub problem: Option<Problem>,
    /// Offset after the partition's last record, when known.
    pub end_offset: Option<i64>,
    /// Position of the chain, as committed to the group; `None` before the
    /// first commit of this epoch.
    pub committed_offset: Option<i64>,
    /// An object may stand at the committed offset: its key was announced, and the store
    /// has not told.
    pub unsettled: bool,
    /// Offset of the next record to be taken in.
    pub position: i64,
    /// Key of the last object written or adopted by this task.
    pub last_object: Option<String>,
    /// The offsets that it stands for.
    pub last_extent: Option<Range<i64>>,
    /// Test messages that stand in objects, the last few of those that this task has read:
    /// offset and key.
    pub test_messages: Vec<(i64, String)>,
    /// What the connector's chains of the partition have come to, up to the committed offset.
    pub tally: Tally,
    /// The first record of each object that is open or on its way, in their order: its
    /// offset, and its timestamp in milliseconds since 1970, -1 where it has none.
    pub unwritten: VecDeque<(i64, i64)>,
    /// When the last record was taken in.
    pub last_consumed: Option<SystemTime>,
    /// When this was seen.
    pub observed: SystemTime,
    /// How far the loop has read, which is not shown.
    pub(crate) reading: Reading,
}

/// What a partition does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionState {
    /// Takes records.
    Running,
    /// Takes none; what was taken is committed or given up.
    Paused,
    /// Waits for a decision.
    Stopped,
    /// Waits for the store or the broker; goes on by itself.
    Retrying,
}

/// Sums since a task's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Records in objects written or adopted.
    pub records: u64,
    /// Bytes of objects written.
    pub bytes: u64,
    /// Objects written or adopted.
    pub objects: u64,
    /// Records acknowledged by an error topic.
    pub dead_letters: u64,
    /// Offsets that retention removed before they were read. Not each held a record:
    /// aborted ones, markers of transactions and compacted ones count, too.
    pub lost_offsets: u64,
}
