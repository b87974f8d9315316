//! Intent and observation become actions: one loop, woken by changes and by
//! the next thing that is due.
//!
//! Each pass: agents whose lease ran out are gone; tasks are placed, those of
//! agents that are gone a few at a time; agents get their assignments; what a
//! connector needs done by an agent (prepare before it runs, remove resources
//! after it is deleted) is started, at most one a connector at a time, and
//! repeated with back-off until nothing is wrong.

mod backoff;
mod cluster;
mod place;
mod prepare;
pub(crate) mod remove;
mod work;

use std::sync::Arc;
use std::time::Duration;

use kafka2oss_proto::v1;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::catalog::Change;
use crate::core::Core;
use crate::session::assignments;
use crate::store::StoreError;
use crate::store::connectors::ConnectorRecord;
use place::Placer;
use work::{Kind, Works};

/// How often what is too old is swept out.
const SWEEP: Duration = Duration::from_secs(60 * 60);
/// An agent that has been gone this long is forgotten.
const AGENT_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Pause after the store refused a write.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// Ends of works that wait for the loop.
const ENDED: usize = 64;

/// Reconciles until the process stops.
pub(crate) async fn run(core: Arc<Core>) {
    let (ended, mut ends) = mpsc::channel(ENDED);
    let mut works = Works::new(ended);
    let mut placer = Placer::default();
    let mut sweep_at = Instant::now();
    loop {
        if sweep_at <= Instant::now() {
            sweep(&core).await;
            sweep_at = Instant::now() + SWEEP;
        }
        let pass = pass(&core, &mut works, &mut placer).await;
        let wake_at = match pass {
            Ok(moves_at) => [core.fleet.next_expiry(), works.next_due(), moves_at, Some(sweep_at)]
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(sweep_at),
            Err(error) => {
                tracing::error!(%error, "could not store what was decided");
                Instant::now() + STORE_PAUSE
            }
        };
        tokio::select! {
            () = core.stop.cancelled() => return,
            () = core.reconcile_wanted() => {}
            Some(end) = ends.recv() => works.end(end),
            () = tokio::time::sleep_until(wake_at) => {
                if Instant::now() > wake_at + core.settings.lease / 2 {
                    tracing::warn!("the control plane did not run for a while: leases count anew");
                    core.fleet.count_anew();
                }
            }
        }
    }
}

/// Does what can be done now. Returns when tasks move on that wait for their
/// turn.
async fn pass(
    core: &Arc<Core>,
    works: &mut Works,
    placer: &mut Placer,
) -> Result<Option<Instant>, StoreError> {
    for (id, record) in core.fleet.expire() {
        tracing::warn!(agent = id, "the agent's lease ran out");
        core.remember_agent(&id, record).await?;
        core.agent_changed(&id);
    }
    let connectors = core.catalog.connectors();
    let deleted: Vec<_> = connectors
        .iter()
        .filter(|record| record.connector().desired_state() == v1::DesiredState::Deleted)
        .collect();
    // Before it is looked at what agents said, so that nothing they say after
    // that is missed.
    core.set_deletions_wait(!deleted.is_empty());
    for record in deleted {
        remove::stop_tasks(core, record).await?;
    }
    let moves_at = placer.place(core).await?;
    assignments::publish(core);

    works.keep(&connectors);
    for record in &connectors {
        match needed(record) {
            Some(Kind::Prepare) => prepare::start(core, works, record),
            // A preparation under way may still make topics.
            Some(Kind::Remove) if works.is_running(record.name()) => {}
            Some(Kind::Remove) => remove::go_on(core, works, record).await?,
            None => {}
        }
    }
    Ok(moves_at)
}

/// What an agent has to do for a connector, if anything.
fn needed(record: &ConnectorRecord) -> Option<Kind> {
    match record.connector().desired_state() {
        // Also while paused: its start is to be fixed as soon as it can be.
        v1::DesiredState::Running | v1::DesiredState::Paused => {
            (!record.is_prepared()).then_some(Kind::Prepare)
        }
        v1::DesiredState::Deleted => Some(Kind::Remove),
        v1::DesiredState::Created | v1::DesiredState::Unspecified => None,
    }
}

async fn sweep(core: &Core) {
    let mut changes = core.catalog.expired_request_ids();
    let forgotten = core.fleet.forget(AGENT_KEPT);
    changes.extend(forgotten.into_iter().map(|id| Change::Agent(id, None)));
    if let Err(error) = core.catalog.apply(changes).await {
        tracing::error!(%error, "could not remove what is too old");
    }
}

/// The IDs of connected agents of a connector's pool, in their order.
fn connected(core: &Core, record: &ConnectorRecord) -> Vec<String> {
    let pool = record.spec().runtime.clone().unwrap_or_default();
    core.fleet
        .views()
        .into_iter()
        .filter(|agent| {
            agent.state == v1::AgentState::Connected
                && agent.record.vpc_id == pool.vpc_id
                && agent.record.vswitch_id == pool.vswitch_id
        })
        .map(|agent| agent.id)
        .collect()
}

/// The connector's spec as one agent may see it.
fn spec_for(core: &Core, record: &ConnectorRecord, agent: &str) -> v1::ConnectorSpec {
    let mut spec = record.spec().clone();
    if core.fleet.view(agent).is_some_and(|agent| agent.plain_secrets) {
        core.secrets.restore(record.uid(), &mut spec);
    }
    spec
}
