//! What is shown of each connector: worked out from all that is known of it,
//! told to those who watch at once when its state changes, and otherwise once
//! a second at most.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka2oss_proto::spec::{self, Pool};
use kafka2oss_proto::v1;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::clock;
use crate::core::Core;
use crate::model::flowing::{Memory, Moment};
use crate::model::lifecycle::DesiredState;
use crate::model::status::{
    self, AgentNack, AgentReport, Liveness, Observation, PlacedTask, Preparation,
};
use crate::observe::events::Event;
use crate::reconcile::remove;
use crate::store::connectors::ConnectorRecord;

/// Changes that are not of the state are told this often at most.
const COALESCED: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Told {
    uid: String,
    status: v1::ConnectorStatus,
    /// What is to be remembered with the last status that was looked at, told or not.
    memory: Memory,
    at: Instant,
}

/// What was last told of each connector, and which may have changed since.
#[derive(Debug, Default)]
pub(crate) struct StatusBoard {
    told: Mutex<HashMap<String, Told>>,
    touched: Mutex<BTreeSet<String>>,
    wake: Notify,
}

impl StatusBoard {
    /// Something that the status of connector `name` depends on may have
    /// changed.
    pub(crate) fn touch(&self, name: &str) {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        self.wake.notify_one();
    }

    /// The status as it is now.
    pub(crate) fn current(&self, core: &Core, record: &ConnectorRecord) -> v1::ConnectorStatus {
        self.look(core, record).0
    }

    /// The same, with what is to be remembered.
    fn look(&self, core: &Core, record: &ConnectorRecord) -> (v1::ConnectorStatus, Memory) {
        let (status, memory) = self.previous(record).unzip();
        observe(core, record, status.as_ref(), &memory.unwrap_or_default())
    }

    /// Takes the status as it is now for told: the caller tells it.
    pub(crate) fn refresh(&self, core: &Core, record: &ConnectorRecord) {
        let (status, memory) = self.look(core, record);
        self.set_told(record, status, memory);
    }

    /// Forgets a connector that is gone.
    pub(crate) fn forget(&self, name: &str) {
        self.lock().remove(name);
    }

    fn previous(&self, record: &ConnectorRecord) -> Option<(v1::ConnectorStatus, Memory)> {
        let told = self.lock();
        told.get(record.name())
            .filter(|told| told.uid == record.uid())
            .map(|told| (told.status.clone(), told.memory.clone()))
    }

    fn set_told(&self, record: &ConnectorRecord, status: v1::ConnectorStatus, memory: Memory) {
        let told = Told { uid: record.uid().to_owned(), status, memory, at: Instant::now() };
        self.lock().insert(record.name().to_owned(), told);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_touched(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.touched.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells the status of a connector if it has changed. Returns when it may
    /// be told if that is not yet.
    fn tell(&self, core: &Core, record: &ConnectorRecord) -> Option<Instant> {
        let (status, memory) = self.look(core, record);
        let mut told = self.lock();
        if let Some(before) = told.get_mut(record.name()).filter(|told| told.uid == record.uid()) {
            before.memory = memory.clone();
            let next = before.at + COALESCED;
            if before.status == status {
                return None;
            }
            if verdict(&before.status) == verdict(&status) && Instant::now() < next {
                return Some(next);
            }
        }
        drop(told);
        self.set_told(record, status, memory);
        let (name, uid) = (record.name().to_owned(), record.uid().to_owned());
        core.events.push(Event::Changed { name, uid });
        None
    }
}

/// What is told at once.
fn verdict(status: &v1::ConnectorStatus) -> (i32, u64, u32, Vec<(i32, &str)>) {
    let conditions =
        status.conditions.iter().map(|one| (one.status, one.reason.as_str())).collect();
    (status.state, status.observed_generation, status.tasks_ready, conditions)
}

/// Tells statuses until the process stops.
pub(crate) async fn publish(core: Arc<Core>) {
    let mut pending: BTreeMap<String, Instant> = BTreeMap::new();
    let mut look_at_all = Instant::now();
    loop {
        let now = Instant::now();
        let mut touched = core.statuses.take_touched();
        if look_at_all <= now {
            // A report can grow too old without anything happening.
            look_at_all = now + core.settings.lease;
            touched.extend(core.catalog.connectors().iter().map(|record| record.name().to_owned()));
        }
        // A change of state does not wait for an earlier change's second.
        for name in touched {
            pending.insert(name, now);
        }
        let due: Vec<_> =
            pending.iter().filter(|(_, at)| **at <= now).map(|(name, _)| name.clone()).collect();
        for name in due {
            pending.remove(&name);
            let Some(record) = core.catalog.connector(&name) else { continue };
            if let Some(at) = core.statuses.tell(&core, &record) {
                pending.insert(name, at);
            }
        }
        let next = pending.values().min().copied().unwrap_or(look_at_all).min(look_at_all);
        tokio::select! {
            () = core.stop.cancelled() => return,
            () = core.statuses.wake.notified() => {}
            () = tokio::time::sleep_until(next) => {}
        }
    }
}

/// Gathers what is known of a connector, and sums it up.
fn observe(
    core: &Core,
    record: &ConnectorRecord,
    previous: Option<&v1::ConnectorStatus>,
    memory: &Memory,
) -> (v1::ConnectorStatus, Memory) {
    let connector = record.connector();
    let desired = DesiredState::from_wire(connector.desired_state());
    let runtime = record.spec().runtime.clone().unwrap_or_default();
    let pool = Pool::new(runtime.vpc_id, runtime.vswitch_id);
    let placement = core.catalog.placement(record.name()).filter(|it| it.uid == record.uid());
    let seen = core.fleet.seen(record.name(), record.uid());
    let deletion_problems = match desired {
        DesiredState::Deleted => remove::problems(core, record),
        _ => Vec::new(),
    };
    let placed: Vec<_> = placement
        .iter()
        .flat_map(|placement| &placement.tasks)
        .map(|task| PlacedTask {
            index: task.index,
            agent: &task.agent,
            liveness: match core.fleet.view(&task.agent).map(|agent| agent.state) {
                Some(v1::AgentState::Connected) => Liveness::Connected,
                _ => Liveness::Disconnected,
            },
        })
        .collect();
    let reports: Vec<_> = seen
        .iter()
        .filter_map(|seen| {
            Some(AgentReport {
                agent: &seen.agent,
                received: seen.report_time,
                age: seen.report_age,
                report: seen.report.as_ref()?,
            })
        })
        .collect();
    let nacks: Vec<_> = seen
        .iter()
        .filter_map(|seen| Some(AgentNack { agent: &seen.agent, nack: seen.nack.as_ref()? }))
        .collect();
    status::summarize(&Observation {
        uid: record.uid(),
        desired,
        generation: connector.generation,
        spread: record.spec().source.as_ref().and_then(|source| source.spread).unwrap_or(1),
        pool: &pool,
        pool_has_agent: core.fleet.views().iter().any(|agent| {
            agent.state == v1::AgentState::Connected
                && agent.record.vpc_id == pool.vpc_id
                && agent.record.vswitch_id == pool.vswitch_id
        }),
        credentials_lost: spec::has_withheld(connector)
            && !core.secrets.has_all(record.uid(), connector),
        epoch: record.epoch.as_ref(),
        preparation: record.preparation.as_ref().map(|known| Preparation {
            ready: known.ready,
            problems: &known.problems,
            warnings: &known.warnings,
            missing_resources: &known.missing_resources,
            delivery_guarantee: known.delivery_guarantee(),
            delivery_guarantee_reason: &known.delivery_guarantee_reason,
        }),
        deletion_problems: &deletion_problems,
        placement_version: placement.as_ref().map_or(0, |placement| placement.version),
        placed: &placed,
        reports: &reports,
        nacks: &nacks,
        lease: core.settings.lease,
        previous,
        memory,
        now: Moment { at: Instant::now().into_std(), time: clock::now() },
    })
}
