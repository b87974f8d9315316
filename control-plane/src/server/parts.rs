//! The parts of the process, each with what it needs of the others.

use std::sync::Arc;

use prost_types::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::api::Api;
use crate::catalog::Catalog;
use crate::clock;
use crate::journal::Journal;
use crate::known::Known;
use crate::model::placement::Rebalance;
use crate::observe::Observed;
use crate::reconcile::{Inbox, Means};
use crate::session::Sessions;
use crate::supervision::Supervision;
use crate::{Options, Rebalancing};

/// The parts of one control plane.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) known: Arc<Known>,
    pub(crate) observed: Arc<Observed>,
    pub(crate) api: Arc<Api>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) reconciler: Arc<Means>,
    /// Keeps connectors' logs on disk, where they are to be.
    pub(super) journal: Option<Journal>,
    /// When the process had them.
    pub(super) start_time: Timestamp,
    /// Watches every loop.
    pub(crate) supervision: Supervision,
    /// Ends every stream and every loop.
    pub(crate) stop: CancellationToken,
}

impl Parts {
    /// Over what an earlier process left in `catalog`; logs are kept in memory only.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(crate) fn new(options: &Options, catalog: Catalog) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let known = Arc::new(Known::new(catalog, options.lease));
        let observed = Arc::new(Observed::new(Arc::clone(&known)));
        let inbox = Arc::new(Inbox::new(Arc::clone(&known), Arc::clone(&observed)));
        let api = Api::new(
            Arc::clone(&known),
            Arc::clone(&observed),
            Arc::clone(&inbox),
            options.allowed_concurrency.clone(),
            (options.preflight, options.preflight_timeout),
            stop.clone(),
        )?;
        let sessions = Sessions::new(
            Arc::clone(&known),
            Arc::clone(&observed),
            Arc::clone(&inbox),
            options.heartbeat(),
            stop.clone(),
        );
        let rebalance = Rebalance {
            auto: options.rebalance == Rebalancing::Auto,
            interval: options.rebalance_interval,
        };
        let reconciler = Means {
            known: Arc::clone(&known),
            observed: Arc::clone(&observed),
            inbox,
            rebalance,
            stop: stop.clone(),
        };
        Ok(Self {
            known,
            observed,
            api: Arc::new(api),
            sessions: Arc::new(sessions),
            reconciler: Arc::new(reconciler),
            journal: None,
            start_time: clock::now(),
            supervision: Supervision::new(stop.clone()),
            stop,
        })
    }
}
