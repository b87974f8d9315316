//! What the reconciler is told by others: about which connectors and agents something
//! changed, and which pools are to be evened out.

use std::sync::Arc;

use kafka2oss_domain::spec::Pool;
use tokio::sync::oneshot;

use super::queue::Queue;
use super::rebalance::{Answer, Requests};
use crate::known::{Known, deletion};
use crate::observe::Observed;
use crate::store::connectors::ConnectorRecord;

/// The reconciler's inbox. What changed is shown to those who watch, too.
#[derive(Debug)]
pub(crate) struct Inbox {
    known: Arc<Known>,
    observed: Arc<Observed>,
    pub(super) queue: Queue,
    pub(super) rebalances: Requests,
}

impl Inbox {
    /// An empty one.
    pub(crate) fn new(known: Arc<Known>, observed: Arc<Observed>) -> Self {
        Self { known, observed, queue: Queue::default(), rebalances: Requests::default() }
    }

    /// Something about a connector changed.
    pub(crate) fn connector(&self, name: &str) {
        self.queue.connector(name);
    }

    /// A connector was written: shows it as it is now to those who watch.
    pub(crate) fn written(&self, record: &ConnectorRecord) {
        self.observed.refresh(record);
        self.queue.connector(record.name());
    }

    /// An agent wants its assignments.
    pub(crate) fn requested(&self, agent: &str) {
        self.queue.agent(agent);
    }

    /// An agent came, went or changed: so may what its connectors show, and
    /// where tasks belong.
    pub(crate) fn agent(&self, id: &str) {
        let here = self.known.catalog.connectors_on(id);
        self.observed.touch_agent(id);
        self.observed.touch_all(&here);
        self.queue.agent(id);
        // All connectors of a pool wait for its first agent, and for its last.
        for pool in self.known.fleet.take_changed_pools() {
            let all = self.known.catalog.connectors_of_pool(&pool);
            self.observed.touch_all(&all);
            self.queue.connectors(all);
        }
        self.queue.connectors(self.known.catalog.deletions_on(id));
    }

    /// An agent said something: that is shown, and deletions that go on, or are late, by
    /// what it said are looked at.
    pub(crate) fn said(&self, agent: &str) {
        self.observed.touch_agent(agent);
        let mut waiting = self.known.catalog.deletions_on(agent);
        waiting.retain(|name| {
            let record = self.known.catalog.connector(name);
            record.is_some_and(|record| deletion::may_go_on(&self.known, &record, agent))
        });
        self.queue.connectors(waiting);
    }

    /// Asks for a pool, or all, to be evened out, or for what that would mean. None when too
    /// many wait already.
    pub(crate) fn rebalance(
        &self,
        pool: Option<Pool>,
        plan_only: bool,
    ) -> Option<oneshot::Receiver<Answer>> {
        let answer = self.rebalances.ask(pool, plan_only)?;
        self.queue.wake();
        Some(answer)
    }
}
