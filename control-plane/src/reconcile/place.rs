//! Which agent runs which task: what the board says, made durable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka2oss_proto::v1;

use super::means::Means;
use crate::catalog::Change;
use crate::fleet::AgentView;
use crate::known::Known;
use crate::model::placement::{AgentOffer, Board, ConnectorDemand, Rebalance};
use crate::observe::Observed;
use crate::store::StoreError;
use crate::store::connectors::ConnectorRecord;
use crate::store::placements::{PlacedTask, PlacementRecord};

/// Agents of earlier placements that are remembered of a connector.
const MAX_FORMER: usize = 64;

/// The board as it is durable.
pub(super) fn restored(known: &Known, rebalance: Rebalance) -> Board {
    let mut board = Board::new(rebalance);
    for (name, placement) in known.catalog.placements() {
        if known.catalog.connector(&name).is_none_or(|record| record.uid() != placement.uid) {
            continue;
        }
        board.restore(&name, placement.tasks.iter().map(|task| (task.index, task.agent.clone())));
    }
    for agent in known.fleet.views("", usize::MAX) {
        if agent.state != v1::AgentState::Gone {
            board.set_agent(offer(agent));
        }
    }
    for record in known.catalog.connectors() {
        take_connector(&mut board, record.name(), Some(&record));
    }
    board
}

/// Takes in what a connector asks for now.
pub(super) fn take_connector(board: &mut Board, name: &str, record: Option<&ConnectorRecord>) {
    match record.filter(|record| may_run(record)) {
        Some(record) => board.set_connector(demand(record)),
        None => board.remove_connector(name),
    }
}

/// Takes in what an agent offers now.
pub(super) fn take_agent(known: &Known, board: &mut Board, id: &str) {
    match known.fleet.view(id) {
        Some(agent) if agent.state != v1::AgentState::Gone => board.set_agent(offer(agent)),
        Some(agent) => board.remove_agent(id, agent.gave_back),
        None => board.remove_agent(id, false),
    }
}

/// Makes the tasks of these connectors durable, as they are placed now: agents
/// get them once their connector is prepared. A connector's placement version
/// rises with its placement, and is durable before an agent sees it. Returns
/// the connectors that are placed anew, with the agents that had their tasks.
pub(super) async fn store(
    Means { known, observed, .. }: &Means,
    changed: BTreeMap<String, Vec<(i32, String)>>,
) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
    let mut changes = Vec::new();
    let mut agents = BTreeSet::new();
    let mut names = BTreeMap::new();
    for (name, tasks) in changed {
        let Some(record) = known.catalog.connector(&name) else { continue };
        let before = known.catalog.placement(&name).filter(|before| before.uid == record.uid());
        let tasks: Vec<_> =
            tasks.into_iter().map(|(index, agent)| PlacedTask { index, agent }).collect();
        let same = before.as_ref().map_or(&[][..], |before| &before.tasks) == tasks.as_slice();
        if same || !may_run(&record) {
            continue;
        }
        let version = before.as_ref().map_or(0, |before| before.version) + 1;
        tell(observed, &record, version, &tasks);
        let had: Vec<_> =
            before.iter().flat_map(|before| before.agents()).map(str::to_owned).collect();
        agents.extend(had.iter().cloned().chain(tasks.iter().map(|task| task.agent.clone())));
        names.insert(name.clone(), had);
        let former = before.map_or_else(Vec::new, |before| former(known, &before, &tasks));
        let uid = record.uid().to_owned();
        let placement = PlacementRecord { form: 0, uid, version, tasks, former };
        changes.push(Change::Placement(name, Some(Arc::new(placement))));
    }
    known.catalog.apply(changes).await?;
    for name in names.keys() {
        observed.board.touch(name);
    }
    for agent in &agents {
        observed.touch_agent(agent);
    }
    Ok(names)
}

/// Agents that had tasks before, have none now, and have not shown that they
/// stopped them.
fn former(known: &Known, before: &PlacementRecord, tasks: &[PlacedTask]) -> Vec<String> {
    let without = before.may_run_on().filter(|agent| tasks.iter().all(|task| task.agent != *agent));
    let without: BTreeSet<_> = without.map(str::to_owned).collect();
    let without: Vec<_> = without.into_iter().collect();
    let mut former = known.fleet.holders(&before.uid, &without);
    former.truncate(MAX_FORMER);
    former
}

fn may_run(record: &ConnectorRecord) -> bool {
    let desired = record.connector().desired_state();
    matches!(desired, v1::DesiredState::Running | v1::DesiredState::Paused)
}

fn demand(record: &ConnectorRecord) -> ConnectorDemand {
    ConnectorDemand {
        name: record.name().to_owned(),
        pool: record.pool(),
        tasks: record.spec().source.as_ref().and_then(|source| source.spread).unwrap_or(1),
        // Nothing in this version asks for more than every agent can do.
        features: BTreeSet::new(),
    }
}

fn offer(agent: AgentView) -> AgentOffer {
    let AgentView { id, record, state, .. } = agent;
    AgentOffer {
        id,
        pool: record.pool(),
        capacity: record.capacity,
        placeable: state == v1::AgentState::Connected,
        draining: record.drains(),
        features: record.features.into_iter().collect(),
    }
}

fn tell(observed: &Observed, record: &ConnectorRecord, version: u64, tasks: &[PlacedTask]) {
    let places: Vec<_> =
        tasks.iter().map(|task| format!("{}=agents/{}", task.index, task.agent)).collect();
    let places = if places.is_empty() { "none".to_owned() } else { places.join(" ") };
    tracing::info!(connector = record.name(), version, tasks = places, "placed");
    let message = format!("tasks placed, version={version}, {places}");
    observed.log(record, v1::LogSeverity::Info, None, message);
}
