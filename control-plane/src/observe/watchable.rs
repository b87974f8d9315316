//! What a board shows and watches tell, of whatever kind it is.

use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use kafka2oss_filter::Resource;
use kafka2oss_proto::v1;

use super::changes::Life;

/// A resource as it is shown.
pub(crate) trait Watchable: Resource<Self::Field> + Debug + Send + Sync + 'static {
    /// By what watches filter it.
    type Field: Copy + Debug + Send + Sync + 'static;
    /// How much of it a watch shows.
    type View: Copy + Debug + Default + Send + Sync;

    /// Its name and uid.
    fn life(&self) -> &Arc<Life>;

    /// The message that shows it, without a token.
    fn upsert(&self, view: Self::View) -> Bytes;

    /// The message that tells anything else, without a token.
    fn encode(event: Event<'_>) -> Bytes;
}

/// What a watch tells beside what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// A resource is to be dropped.
    Dropped(&'a Life, v1::DropReason),
    /// The snapshot is complete.
    Synced,
    /// A snapshot follows.
    Reset,
    /// Nothing happened for a while.
    Heartbeat,
}

/// What a board keeps of a resource.
pub(crate) trait Row: Clone + Debug + Send + Sync + 'static {
    /// What is shown of it.
    type Shown: Watchable;

    /// What is shown.
    fn shown(&self) -> &Arc<Self::Shown>;
}
