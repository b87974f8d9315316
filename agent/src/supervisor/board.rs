//! What can be seen of this agent's tasks, for whoever reports it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use kafka2oss_domain::names::ConnectorName;
use tokio::sync::{Notify, watch};

use crate::task::Snapshot;

/// What can be seen of this agent's tasks: the supervisor writes it, the stream
/// reads it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Board {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    view: Mutex<View>,
    changed: Notify,
}

/// What this agent holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    /// Id of the store that the assignments come from; empty without any.
    pub(crate) store_id: String,
    pub(crate) connectors: BTreeMap<ConnectorName, ConnectorView>,
}

/// The tasks of one connector, with what they run.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConnectorView {
    pub(crate) uid: String,
    pub(crate) generation: u64,
    pub(crate) placement_version: u64,
    /// `None` for a task that waits for its predecessor to end.
    pub(crate) tasks: BTreeMap<u32, Option<watch::Receiver<Snapshot>>>,
}

impl Board {
    /// Shows this from now on.
    pub(super) fn publish(&self, view: View) {
        *self.shared.view.lock().unwrap_or_else(PoisonError::into_inner) = view;
        self.shared.changed.notify_one();
    }

    /// Counts each change of this task as one of the board; returns when the
    /// task is no more.
    pub(super) async fn follow(self, mut snapshot: watch::Receiver<Snapshot>) {
        while snapshot.changed().await.is_ok() {
            self.shared.changed.notify_one();
        }
    }

    /// What is held now.
    pub(crate) fn view(&self) -> View {
        self.shared.view.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until something has changed since the last wait. For one waiter:
    /// the stream.
    pub(crate) async fn changed(&self) {
        self.shared.changed.notified().await;
    }
}
