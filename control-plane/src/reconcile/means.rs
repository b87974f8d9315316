//! What the reconciler works with.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::inbox::Inbox;
use crate::known::Known;
use crate::model::placement::Rebalance;
use crate::observe::Observed;

/// What the reconciler reads, writes and tells.
#[derive(Debug)]
pub(crate) struct Means {
    pub(crate) known: Arc<Known>,
    pub(crate) observed: Arc<Observed>,
    pub(crate) inbox: Arc<Inbox>,
    /// How pools are evened out.
    pub(crate) rebalance: Rebalance,
    /// Ends its loops.
    pub(crate) stop: CancellationToken,
}
