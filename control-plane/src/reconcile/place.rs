//! Which agent runs which task: what the pure function says, made durable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka2oss_proto::spec::Pool;
use kafka2oss_proto::v1;
use tokio::time::Instant;

use crate::catalog::Change;
use crate::core::Core;
use crate::model::pace::{Pace, Step};
use crate::model::placement::{self, AgentOffer, ConnectorDemand, Placement, TaskKey};
use crate::session::fleet::AgentView;
use crate::store::StoreError;
use crate::store::connectors::ConnectorRecord;
use crate::store::placements::{PlacedTask, PlacementRecord};

/// Places the tasks of every connector that was deployed; agents get them once
/// it is prepared. A connector's placement version rises with its placement,
/// and is durable before an agent sees it. Returns when the tasks move on that
/// `pace` holds back.
pub(super) async fn place(core: &Core, pace: &mut Pace) -> Result<Option<Instant>, StoreError> {
    let connectors = core.catalog.connectors();
    let may_run: Vec<_> = connectors.iter().filter(|record| may_run(record)).collect();
    let demands: Vec<_> = may_run.iter().map(|record| demand(record)).collect();
    let agents = core.fleet.views();
    let stored: BTreeMap<_, _> = core.catalog.placements().into_iter().collect();
    let current = current(&stored);
    let gone = gone(&agents, &current);
    let offers: Vec<_> = agents.into_iter().filter_map(offer).collect();
    let wanted = placement::place(&demands, &offers, &current);
    let Step { placement: placed, next } =
        pace.limit(&current, wanted, &gone, Instant::now().into_std());

    let mut changes = Vec::new();
    for record in may_run {
        let tasks = tasks_of(&placed, record.name());
        let before = stored.get(record.name()).filter(|before| before.uid == record.uid());
        if before.is_some_and(|before| before.tasks == tasks)
            || before.is_none() && tasks.is_empty()
        {
            continue;
        }
        let version = before.map_or(0, |before| before.version) + 1;
        tell(core, record, version, &tasks);
        let uid = record.uid().to_owned();
        let placement = PlacementRecord { form: 0, uid, version, tasks };
        changes.push(Change::Placement(record.name().to_owned(), Some(Arc::new(placement))));
    }
    let names: Vec<_> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Placement(name, _) => Some(name.clone()),
            _ => None,
        })
        .collect();
    core.catalog.apply(changes).await?;
    core.touch_all(&names);
    Ok(next.map(Instant::from_std))
}

/// Agents that have tasks and are gone without having given them back.
fn gone(agents: &[AgentView], current: &Placement) -> BTreeSet<String> {
    let is_left_alone = |id: &str| {
        let agent = agents.iter().find(|agent| agent.id == id);
        agent.is_some_and(|agent| agent.gave_back || agent.state != v1::AgentState::Gone)
    };
    let placed: BTreeSet<_> = current.values().collect();
    placed.into_iter().filter(|id| !is_left_alone(id)).cloned().collect()
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

fn offer(agent: AgentView) -> Option<AgentOffer> {
    let AgentView { id, record, state, .. } = agent;
    (state != v1::AgentState::Gone).then(|| AgentOffer {
        id,
        pool: Pool::new(record.vpc_id, record.vswitch_id),
        capacity: record.capacity,
        features: record.features.into_iter().collect(),
        placeable: state == v1::AgentState::Connected,
    })
}

fn current(stored: &BTreeMap<String, Arc<PlacementRecord>>) -> Placement {
    let tasks = stored.iter().flat_map(|(connector, placement)| {
        placement.tasks.iter().map(|task| {
            let key = TaskKey { connector: connector.clone(), index: task.index };
            (key, task.agent.clone())
        })
    });
    tasks.collect()
}

fn tasks_of(placed: &Placement, connector: &str) -> Vec<PlacedTask> {
    let first = TaskKey { connector: connector.to_owned(), index: 0 };
    placed
        .range(first..)
        .take_while(|(task, _)| task.connector == connector)
        .map(|(task, agent)| PlacedTask { index: task.index, agent: agent.clone() })
        .collect()
}

fn tell(core: &Core, record: &ConnectorRecord, version: u64, tasks: &[PlacedTask]) {
    let places: Vec<_> =
        tasks.iter().map(|task| format!("{}=agents/{}", task.index, task.agent)).collect();
    let places = if places.is_empty() { "none".to_owned() } else { places.join(" ") };
    tracing::info!(connector = record.name(), version, tasks = places, "placed");
    let message = format!("tasks placed, version={version}, {places}");
    core.log(record, v1::LogSeverity::Info, None, message);
}
