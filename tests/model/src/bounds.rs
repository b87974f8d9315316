//! How much of everything a search may use, and which rule it leaves out.

/// A rule of the object chain that a model can leave out, and what happens then.
/// The product's own code stays as it is: what carries out its decisions does
/// not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The metadata of a committed offset is taken for one's own.
    WhoseOffset,
    /// Commits go out without the pin.
    Pin,
    /// The store overwrites.
    CreateOnly,
    /// An object that exists is taken for the one that was to be put.
    Conflict,
    /// A link's end is committed as soon as its put is sent.
    Order,
    /// The broker takes commits from members that it has fenced.
    FencedCommits,
    /// A revocation is acknowledged before the loop has stopped.
    Revocation,
    /// After a commit without an answer the same member goes on.
    NoLateCommits,
    /// A pause that gives up reads the position while a commit is under way.
    SettledCommits,
    /// The clock of the put window stands still.
    PutWindow,
    /// Of checkpoints of one offset the one counts that wrong clocks say.
    OwnersCount,
    /// After an attempt of unknown outcome a checkpoint keeps its key.
    FreshKey,
    /// No checkpoint of a bare end is written, and objects are moved away all the same.
    BareEnd,
    /// Checkpoints are neither written nor read.
    NoOffset,
    /// Where the store overwrites, all who add a link share one key all the same.
    OwnKeys,
    /// A put that is tried again under an own key may have another body.
    OneBody,
    /// What stands under a shared key is adopted where the store overwrites.
    SharedKeysLeft,
    /// Who does not know that the store overwrites puts under the own key of another
    /// attempt, if that was announced.
    OthersKeys,
    /// An answer that shows that the store overwrites is taken for any other.
    Answers,
}

/// What the store does with a put whose key is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It refuses it.
    Refused,
    /// It overwrites, and every assignment knows.
    Overwritten,
    /// It overwrites, which some assignments learn from its answers only.
    OverwrittenUnknown,
}

impl Taken {
    /// Whether the store overwrites.
    pub fn is_overwritten(self) -> bool {
        self != Self::Refused
    }
}

/// Bounds of a search.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Records of a log: offsets `0..records`.
    pub records: i64,
    /// Layouts among which each assignment has one: 1 or 2.
    pub layouts: u8,
    /// Assignments of the partition in all. Each one's loop goes on for ever.
    pub assignments: u8,
    /// Partition moves by a revocation that is acknowledged.
    pub moves: u8,
    /// Times that a pause gives up what is open, and its member reads the position again.
    pub give_ups: u8,
    /// Times that the clock goes on by one put window.
    pub ticks: u8,
    /// Puts of which the sender hears nothing more.
    pub lost_put_answers: u8,
    /// Commits of which the sender hears nothing more.
    pub lost_commit_answers: u8,
    /// Attempts to write a checkpoint of which the sender hears nothing more.
    pub lost_checkpoint_answers: u8,
    /// Whether such an attempt may arrive however late: its process or broker was
    /// frozen.
    pub frozen_checkpoints: bool,
    /// Objects that a lifecycle rule moves away.
    pub lifecycle: u8,
    /// Records that retention removes.
    pub retention: u8,
    /// Times that the group's offset expires.
    pub expiries: u8,
    /// Times that another tool deletes the group's offset.
    pub deletions: u8,
    /// Epochs that are opened after the first.
    pub resets: u8,
    /// Times that the topic is deleted and created again.
    pub recreations: u8,
    /// Whether the partition stands in the first epoch's start vector.
    pub in_start_vector: bool,
    /// Whether owners delete lower checkpoints.
    pub purges: bool,
    /// What becomes of a put whose key is taken.
    pub taken: Taken,
    /// The rule that is left out, if any.
    pub without: Option<Rule>,
}

impl Bounds {
    /// Two assignments with two layouts and nothing that goes wrong, but that
    /// the first one's loop never stops.
    pub const ZOMBIE: Self = Self {
        records: 2,
        layouts: 2,
        assignments: 2,
        moves: 0,
        give_ups: 0,
        ticks: 0,
        lost_put_answers: 0,
        lost_commit_answers: 0,
        lost_checkpoint_answers: 0,
        frozen_checkpoints: false,
        lifecycle: 0,
        retention: 0,
        expiries: 0,
        deletions: 0,
        resets: 0,
        recreations: 0,
        in_start_vector: true,
        purges: false,
        taken: Taken::Refused,
        without: None,
    };
}
