//! Agents get what they are to run, as it is durable now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka2oss_proto::agent;

use super::assignment;
use crate::core::Core;
use crate::store::connectors::ConnectorRecord;
use crate::store::placements::PlacementRecord;

/// Gives an agent everything that it is to run.
pub(super) fn agent(core: &Core, id: &str) {
    // Before anything is read: what is worked out now answers it.
    let requested = core.fleet.requested(id);
    let mut all = BTreeMap::new();
    for (name, _) in core.catalog.tasks_of(id) {
        let Some((record, Some(placement))) = core.catalog.connector_and_placement(&name) else {
            continue;
        };
        let Some(whole) = whole(core, &record, &placement) else { continue };
        if let Some(assignment) = part(core, &record, &placement, &whole, id) {
            all.insert(name, Arc::new(assignment));
        }
    }
    core.fleet.assign_all(id, all, requested);
}

/// Gives the agents of a connector what they are to run of it, and takes it
/// from those that had it: `had` did before the last placement.
pub(super) fn connector(core: &Core, name: &str, had: &[String]) {
    let record = core.catalog.connector(name);
    let placement = core.catalog.placement(name);
    let mut agents: BTreeSet<String> = had.iter().cloned().collect();
    if let Some(placement) = &placement {
        agents.extend(placement.may_run_on().map(str::to_owned));
    }
    if let Some(deletion) = record.as_ref().and_then(|record| record.deletion.as_ref()) {
        agents.extend(deletion.agents.iter().cloned());
    }
    let all = record.as_deref().zip(placement.as_deref());
    let whole = all.and_then(|(record, placement)| whole(core, record, placement));
    for agent in agents {
        let part = all
            .zip(whole.as_ref())
            .and_then(|((record, placement), whole)| part(core, record, placement, whole, &agent));
        core.fleet.assign_one(&agent, name, part.map(Arc::new));
    }
}

/// The part that is the same for each agent; none while no task may run.
fn whole(
    core: &Core,
    record: &ConnectorRecord,
    placement: &PlacementRecord,
) -> Option<agent::v1::ConnectorAssignment> {
    let name: kafka2oss_domain::names::ConnectorName = record.name().parse().ok()?;
    let instance = core.catalog.instance(name.instance())?.instance.clone()?;
    assignment::whole(record, placement, instance)
}

/// What one agent is to run; none if that is nothing.
fn part(
    core: &Core,
    record: &ConnectorRecord,
    placement: &PlacementRecord,
    whole: &agent::v1::ConnectorAssignment,
    agent: &str,
) -> Option<agent::v1::ConnectorAssignment> {
    let mut part = assignment::part(whole, placement, agent)?;
    if core.fleet.takes_plain_secrets(agent)
        && let Some(spec) = &mut part.spec
    {
        core.secrets.restore(record.uid(), spec);
    }
    Some(part)
}
