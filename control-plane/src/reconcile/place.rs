//! Which agent runs which task: what the board says, made durable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka2oss_proto::spec::Pool;
use kafka2oss_proto::v1;
use tokio::time::Instant;

use crate::catalog::Change;
use crate::core::Core;
use crate::model::placement::{AgentOffer, Board, ConnectorDemand, Rebalance};
use crate::session::fleet::AgentView;
use crate::store::StoreError;
use crate::store::connectors::ConnectorRecord;
use crate::store::placements::{PlacedTask, PlacementRecord};

/// Places tasks.
#[derive(Debug, Default)]
pub(super) struct Placer {
    /// Absent until it was set up from what is durable.
    board: Option<Board>,
    /// The connectors on it, name -> uid.
    known: BTreeMap<String, String>,
}

impl Placer {
    /// Places the tasks of every connector that was deployed; agents get them
    /// once it is prepared. A connector's placement version rises with its
    /// placement, and is durable before an agent sees it. Returns when the
    /// tasks move on that wait for their turn.
    pub(super) async fn place(&mut self, core: &Core) -> Result<Option<Instant>, StoreError> {
        let connectors = core.catalog.connectors();
        let may_run: BTreeMap<_, _> = connectors
            .iter()
            .filter(|record| may_run(record))
            .map(|record| (record.name(), record))
            .collect();
        // What could not be stored is not known to it.
        let mut board = self.board.take().unwrap_or_else(|| {
            self.known.clear();
            restored(core, may_run.values().copied())
        });
        self.known.retain(|name, uid| {
            let is_same = may_run.get(name.as_str()).is_some_and(|record| record.uid() == uid);
            if !is_same {
                board.remove_connector(name);
            }
            is_same
        });
        for record in may_run.values() {
            board.set_connector(demand(record));
            self.known.insert(record.name().to_owned(), record.uid().to_owned());
        }
        for agent in core.fleet.views() {
            match agent.state {
                v1::AgentState::Gone => board.remove_agent(&agent.id, agent.gave_back),
                _ => board.set_agent(offer(agent)),
            }
        }
        let settled = board.settle(Instant::now().into_std());

        let mut changes = Vec::new();
        let mut names = Vec::new();
        for (name, tasks) in settled.changed {
            let Some(record) = may_run.get(name.as_str()) else { continue };
            let placed = |(index, agent)| PlacedTask { index, agent };
            let tasks: Vec<_> = tasks.into_iter().map(placed).collect();
            let before = core.catalog.placement(&name);
            let before = before.filter(|before| before.uid == record.uid());
            let version = before.map_or(0, |before| before.version) + 1;
            tell(core, record, version, &tasks);
            let uid = record.uid().to_owned();
            let placement = PlacementRecord { form: 0, uid, version, tasks };
            changes.push(Change::Placement(name.clone(), Some(Arc::new(placement))));
            names.push(name);
        }
        core.catalog.apply(changes).await?;
        self.board = Some(board);
        core.touch_all(&names);
        Ok(settled.next.map(Instant::from_std))
    }
}

/// A board that knows where the tasks are by what is durable.
fn restored<'a>(core: &Core, connectors: impl Iterator<Item = &'a Arc<ConnectorRecord>>) -> Board {
    let mut board = Board::new(Rebalance::default());
    for record in connectors {
        let placement = core.catalog.placement(record.name());
        if let Some(placement) = placement.filter(|one| one.uid == record.uid()) {
            let tasks = placement.tasks.iter().map(|task| (task.index, task.agent.clone()));
            board.restore(record.name(), tasks);
        }
    }
    board
}

fn may_run(record: &ConnectorRecord) -> bool {
    let desired = record.connector().desired_state();
    matches!(desired, v1::DesiredState::Running | v1::DesiredState::Paused)
}

fn demand(record: &ConnectorRecord) -> ConnectorDemand {
    let spec = record.spec();
    let runtime = spec.runtime.clone().unwrap_or_default();
    ConnectorDemand {
        name: record.name().to_owned(),
        pool: Pool::new(runtime.vpc_id, runtime.vswitch_id),
        tasks: spec.source.as_ref().and_then(|source| source.spread).unwrap_or(1),
        // Nothing in this version asks for more than every agent can do.
        features: BTreeSet::new(),
    }
}

fn offer(agent: AgentView) -> AgentOffer {
    let AgentView { id, record, state, .. } = agent;
    AgentOffer {
        id,
        pool: Pool::new(record.vpc_id, record.vswitch_id),
        capacity: record.capacity,
        features: record.features.into_iter().collect(),
        placeable: state == v1::AgentState::Connected,
    }
}

fn tell(core: &Core, record: &ConnectorRecord, version: u64, tasks: &[PlacedTask]) {
    let places: Vec<_> =
        tasks.iter().map(|task| format!("{}=agents/{}", task.index, task.agent)).collect();
    let places = if places.is_empty() { "none".to_owned() } else { places.join(" ") };
    tracing::info!(connector = record.name(), version, tasks = places, "placed");
    let message = format!("tasks placed, version={version}, {places}");
    core.log(record, v1::LogSeverity::Info, None, message);
}
