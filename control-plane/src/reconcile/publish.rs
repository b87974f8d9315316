//! Agents get what they are to run, as it is durable now.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use kafka2oss_domain::names::ConnectorName;
use kafka2oss_proto::v1;

use super::assignment::{self, Whole};
use crate::fleet::Assignment;
use crate::known::Known;
use crate::store::connectors::ConnectorRecord;
use crate::store::instances::InstanceRecord;
use crate::store::placements::PlacementRecord;

/// What goes out of each connector that may run: encoded once, as long as what it is made of
/// stays the same, and shared by its agents.
#[derive(Debug, Default)]
pub(super) struct Wholes(HashMap<String, Kept>);

#[derive(Debug)]
struct Kept {
    made_of: MadeOf,
    whole: Arc<Whole>,
}

/// Records, as they are at one moment.
#[derive(Debug, Clone)]
struct MadeOf {
    record: Arc<ConnectorRecord>,
    placement: Arc<PlacementRecord>,
    instance: Arc<InstanceRecord>,
}

/// What goes out of one connector.
struct Outgoing<'a> {
    known: &'a Known,
    made_of: MadeOf,
    whole: Arc<Whole>,
    /// With plain secrets, of a connector that has some.
    with_secrets: OnceCell<Option<Whole>>,
}

/// Gives an agent everything that it is to run.
pub(super) fn agent(known: &Known, wholes: &mut Wholes, id: &str) {
    // Before anything is read: what is worked out now answers it.
    let requested = known.fleet.requested(id);
    let names = known.catalog.tasks_of(id).into_iter().map(|(name, _)| name);
    let all = names.filter_map(|name| Outgoing::of(known, wholes, &name)?.part(id)).collect();
    known.fleet.assign_all(id, all, requested);
}

/// Gives the agents of a connector what they are to run of it, and takes it
/// from those that had it: `had` did before the last placement.
pub(super) fn connector(known: &Known, wholes: &mut Wholes, name: &str, had: &[String]) {
    let record = known.catalog.connector(name);
    let placement = known.catalog.placement(name);
    let mut agents: BTreeSet<&str> = had.iter().map(String::as_str).collect();
    if let Some(placement) = &placement {
        agents.extend(placement.may_run_on());
    }
    if let Some(deletion) = record.as_ref().and_then(|record| record.deletion.as_ref()) {
        agents.extend(deletion.agents.iter().map(String::as_str));
    }
    let outgoing = Outgoing::of(known, wholes, name);
    for agent in agents {
        let part = outgoing.as_ref().and_then(|outgoing| outgoing.part(agent));
        known.fleet.assign_one(agent, name, part);
    }
}

impl<'a> Outgoing<'a> {
    /// None while no task of the connector may run.
    fn of(known: &'a Known, wholes: &mut Wholes, name: &str) -> Option<Self> {
        let made = MadeOf::now(known, name).and_then(|made_of| {
            let whole = wholes.whole(name, &made_of)?;
            Some(Self { known, made_of, whole, with_secrets: OnceCell::new() })
        });
        if made.is_none() {
            wholes.0.remove(name);
        }
        made
    }

    /// What one agent is to run; none if that is nothing.
    fn part(&self, agent: &str) -> Option<Arc<Assignment>> {
        let with_secrets = match self.known.fleet.takes_plain_secrets(agent) {
            true => self.with_secrets.get_or_init(|| self.with_secrets()).as_ref(),
            false => None,
        };
        let whole = with_secrets.unwrap_or(&self.whole);
        assignment::part(whole, &self.made_of.placement, agent)
    }

    fn with_secrets(&self) -> Option<Whole> {
        let Self { known, made_of, .. } = self;
        let uid = made_of.record.uid();
        if !known.secrets.holds_some(uid) {
            return None;
        }
        let mut spec = made_of.record.spec().clone();
        known.secrets.restore(uid, made_of.record.connector().generation, &mut spec);
        made_of.whole(spec)
    }
}

impl Wholes {
    fn whole(&mut self, name: &str, made_of: &MadeOf) -> Option<Arc<Whole>> {
        let kept = self.0.get(name).filter(|kept| kept.made_of.is(made_of));
        if let Some(kept) = kept {
            return Some(Arc::clone(&kept.whole));
        }
        let whole = Arc::new(made_of.whole(made_of.record.spec().clone())?);
        let kept = Kept { made_of: made_of.clone(), whole: Arc::clone(&whole) };
        self.0.insert(name.to_owned(), kept);
        Some(whole)
    }
}

impl MadeOf {
    fn now(known: &Known, name: &str) -> Option<Self> {
        let (record, placement) = known.catalog.connector_and_placement(name)?;
        let instance = name.parse::<ConnectorName>().ok()?;
        let instance = known.catalog.instance(instance.instance())?;
        Some(Self { record, placement: placement?, instance })
    }

    fn is(&self, other: &Self) -> bool {
        let Self { record, placement, instance } = self;
        Arc::ptr_eq(record, &other.record)
            && Arc::ptr_eq(placement, &other.placement)
            && Arc::ptr_eq(instance, &other.instance)
    }

    fn whole(&self, spec: v1::ConnectorSpec) -> Option<Whole> {
        let instance = self.instance.instance.clone()?;
        assignment::whole(&self.record, &self.placement, instance, spec)
    }
}
