//! An agent as the API shows it.

use std::cmp::Ordering;

use kafka2oss_domain::spec::Pool;
use kafka2oss_proto::{Count, v1};

use super::Known;
use crate::fleet::AgentView;
use crate::model::drain::{self, Facts, Others, Presence, Progress};
use crate::model::version;

/// What is known of an agent.
pub(crate) fn shown(known: &Known, view: AgentView) -> v1::Agent {
    let mut tasks = 0;
    let mut connectors = Vec::new();
    for (name, here) in known.catalog.tasks_of(&view.id) {
        tasks += i32::try_from(here).unwrap_or(i32::MAX);
        connectors.push(name);
    }
    let drain = drain(known, &view, tasks);
    let AgentView { id, record, state, heard_time, gave_back: _, partitions, load } = view;
    let version_skew = skew(&record.version);
    v1::Agent {
        name: format!("agents/{id}"),
        state: state.into(),
        vpc_id: record.vpc_id,
        vswitch_id: record.vswitch_id,
        region_id: record.region_id,
        version: record.version,
        capacity: record.capacity,
        tasks,
        connect_time: record.connect_time,
        last_seen_time: heard_time,
        connectors,
        features: record.features,
        version_skew: version_skew.into(),
        partitions: partitions.map(Count::to_wire),
        drain,
        load,
    }
}

/// How far it has drained, if it is to.
fn drain(known: &Known, view: &AgentView, tasks: i32) -> Option<v1::AgentDrain> {
    let start_time = Some(view.record.drain_time?);
    let progress = drain::progress(Facts {
        presence: match view.state {
            v1::AgentState::Connected => Presence::Connected,
            v1::AgentState::Gone => Presence::Gone,
            v1::AgentState::Disconnected | v1::AgentState::Unspecified => Presence::Away,
        },
        tasks,
        may_run: known.fleet.may_run_any(&view.id),
        others: others(known, &view.record.pool()),
    });
    let state = match progress {
        Progress::Drained => v1::AgentDrainState::Drained,
        _ => v1::AgentDrainState::Draining,
    };
    Some(v1::AgentDrain {
        state: state.into(),
        start_time,
        tasks_left: tasks,
        reason: progress.code().map(|code| code.as_str().to_owned()).unwrap_or_default(),
        message: progress.message(tasks),
    })
}

/// Agents of the pool that take tasks; none of those that drain is one.
fn others(known: &Known, pool: &Pool) -> Others {
    let takers = known.fleet.takers(pool);
    let loads = known.catalog.loads(takers.iter().map(|(id, _)| id.as_str()));
    let room = takers
        .iter()
        .zip(loads)
        .map(|((_, most), load)| u64::try_from(most.saturating_sub(load)).unwrap_or_default());
    Others { agents: takers.len(), room: room.sum() }
}

fn skew(theirs: &str) -> v1::AgentVersionSkew {
    match version::compare(theirs, env!("CARGO_PKG_VERSION")) {
        None => v1::AgentVersionSkew::Unspecified,
        Some(Ordering::Equal) => v1::AgentVersionSkew::Same,
        Some(Ordering::Less) => v1::AgentVersionSkew::Older,
        Some(Ordering::Greater) => v1::AgentVersionSkew::Newer,
    }
}
