//! The control plane's pieces of work, one by one, for those who count what each costs. No
//! part of the product.

mod memory;
mod records;

use std::sync::Arc;
use std::time::Duration;

use futures::stream;
use kafka2oss_proto::{agent, v1};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::catalog::{Catalog, Change};
use crate::fleet::Stream;
use crate::reconcile::Reconciler;
use crate::server::Parts;
use crate::store::connectors::ConnectorRecord;
use crate::store::{Batch, Store, agents, connectors, instances, placements};
use crate::{Options, Rebalancing, session};
use memory::Memory;
use records::{CONNECTORS_OF_AGENT, agent_id, connector_name};

/// Longer than anything takes here.
const LEASE: Duration = Duration::from_secs(24 * 60 * 60);
/// The connector that changes, and the agent that reports.
const ONE: usize = 3;

/// A control plane whose connectors all run: each has two tasks on two agents, and each agent
/// has tasks of ten connectors. Nothing happens but what is called.
#[derive(Debug)]
pub struct Plane {
    runtime: Runtime,
    parts: Parts,
    reconciler: Reconciler,
    /// To the agents, in their order.
    streams: Vec<Stream>,
    /// What the agent says next.
    report: agent::v1::StatusReport,
}

impl Plane {
    /// One with so many connectors.
    ///
    /// # Panics
    /// The system gives no random bytes or no thread.
    pub fn new(connectors: usize) -> Self {
        let agents = connectors / (CONNECTORS_OF_AGENT / 2);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.expect("the system gives what a runtime needs");
        let options = Options {
            lease: LEASE,
            rebalance: Rebalancing::Off,
            ..Options::at("nothing-is-on-disk")
        };
        let catalog = runtime.block_on(stored(connectors, agents));
        let parts = Parts::new(&options, catalog).expect("random bytes");
        let reconciler = Reconciler::without_works(Arc::clone(&parts.reconciler));
        let mut plane =
            Self { runtime, parts, reconciler, streams: Vec::new(), report: Default::default() };
        plane.begin(agents);
        plane
    }

    /// Lets all agents come, and gives them what they are to run.
    fn begin(&mut self, agents: usize) {
        let Self { runtime, parts, reconciler, streams, report } = self;
        let _inside = runtime.enter();
        parts.observed.fill();
        let known = &parts.known;
        for number in 0..agents {
            let (id, record) = (agent_id(number), records::agent());
            streams.push(known.fleet.connect(&id, record, Vec::new(), false));
            parts.reconciler.inbox.agent(&id);
        }
        runtime.block_on(reconciler.run_dry());
        parts.observed.tell_touched();
        let here = known.catalog.connectors_on(&agent_id(ONE));
        let reports = here.iter().filter_map(|name| known.catalog.connector(name));
        report.connectors = reports.map(|record| records::report(&record, ONE)).collect();
        report.sequence = 1;
    }

    /// A user pauses a connector: that is durable, and its agents are not told yet.
    pub fn pause_one(&mut self) {
        let catalog = &self.parts.known.catalog;
        let name = connector_name(ONE);
        let mut record =
            catalog.connector(&name).map_or_else(ConnectorRecord::default, Arc::unwrap_or_clone);
        let connector = record.connector.get_or_insert_default();
        connector.generation += 1;
        connector.set_desired_state(v1::DesiredState::Paused);
        let written = catalog.apply(vec![Change::connector(record)]);
        self.runtime.block_on(written).expect("memory takes it");
        self.parts.reconciler.inbox.connector(&name);
    }

    /// One step of the reconciler: what it was told of is looked at, and the agents concerned
    /// get what they are to run.
    pub fn reconcile(&mut self) {
        self.runtime.block_on(self.reconciler.turn());
    }

    /// How many agents have been told something since this was last called.
    pub fn told(&mut self) -> usize {
        let is_told = |stream: &mut Stream| {
            let assignments = &mut stream.assignments;
            let is_told = assignments.has_changed().unwrap_or(false);
            assignments.mark_unchanged();
            is_told
        };
        self.streams.iter_mut().map(is_told).filter(|is_told| *is_told).count()
    }

    /// The first report of an agent is taken in, and what follows from it is shown: its tasks
    /// run.
    pub fn take_report(&mut self) {
        let said = agent::v1::connect_request::Message::StatusReport(self.report.clone());
        let request = agent::v1::ConnectRequest { message: Some(said) };
        let said = stream::iter([Ok::<_, std::convert::Infallible>(request)]);
        let Some(session) = self.streams.get(ONE).map(|stream| stream.session) else { return };
        let (sessions, end) = (Arc::clone(&self.parts.sessions), CancellationToken::new());
        self.runtime.block_on(session::take_in(sessions, agent_id(ONE), session, said, end));
        let _inside = self.runtime.enter();
        self.parts.observed.tell_touched();
    }

    /// Tasks that are shown to run, of all connectors.
    pub fn ready_tasks(&self) -> i32 {
        let all = self.parts.observed.board.list(None, "", usize::MAX);
        all.iter().map(|shown| shown.status().tasks_ready).sum()
    }
}

/// The catalog of an earlier process.
async fn stored(connectors: usize, agents: usize) -> Catalog {
    let store = Store::over(Arc::new(Memory::new())).expect("memory keeps what it has");
    let mut batch = Batch::new();
    batch.put::<instances::Instances>(records::INSTANCE, &records::instance());
    for number in 0..connectors {
        let name = connector_name(number);
        batch.put::<connectors::Connectors>(&name, &records::connector(number));
        batch.put::<placements::Placements>(&name, &records::placement(number, agents));
    }
    for number in 0..agents {
        batch.put::<agents::Agents>(&agent_id(number), &records::agent());
    }
    store.apply(batch, Box::new(|| {})).await.expect("memory takes it");
    Catalog::load(store).expect("memory keeps what it has")
}
