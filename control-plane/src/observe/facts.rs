//! What is known of a connector, gathered from all parts.

use kafka2oss_proto::spec;
use kafka2oss_proto::v1;
use tokio::time::Instant;

use crate::clock;
use crate::known::{Known, deletion};
use crate::model::flowing::{Memory, Moment};
use crate::model::lifecycle::DesiredState;
use crate::model::status::{
    self, AgentNack, AgentReport, Liveness, Observation, PlacedTask, Preparation,
};
use crate::store::connectors::ConnectorRecord;

/// Gathers what is known of a connector, and sums it up, with what is to be
/// remembered for the next time.
pub(super) fn sum_up(
    known: &Known,
    record: &ConnectorRecord,
    previous: Option<&v1::ConnectorStatus>,
    memory: &Memory,
) -> (v1::ConnectorStatus, Memory) {
    let connector = record.connector();
    let desired = DesiredState::from_wire(connector.desired_state());
    let pool = record.pool();
    let placement = known.catalog.placement(record.name()).filter(|it| it.uid == record.uid());
    let seen = known.fleet.seen(record.name(), record.uid());
    let deletion_problems = match desired {
        DesiredState::Deleted => deletion::problems(known, record),
        _ => Vec::new(),
    };
    let placed: Vec<_> = placement
        .iter()
        .flat_map(|placement| &placement.tasks)
        .map(|task| {
            let unanswered = known.fleet.unanswered(&task.agent);
            PlacedTask {
                index: task.index,
                agent: &task.agent,
                liveness: match unanswered {
                    Some(_) => Liveness::Connected,
                    None => Liveness::Disconnected,
                },
                unanswered: unanswered.unwrap_or_default(),
            }
        })
        .collect();
    let reports: Vec<_> = seen
        .iter()
        .filter_map(|seen| {
            Some(AgentReport {
                agent: &seen.agent,
                received: seen.report_time,
                age: seen.report_age,
                report: seen.report.as_deref()?,
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
        pool_has_agent: known.fleet.connected(&pool) > 0,
        credentials_lost: spec::has_withheld(connector)
            && !known.secrets.has_all(record.uid(), connector.generation, connector),
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
        lease: known.lease,
        previous,
        memory,
        now: Moment { at: Instant::now().into_std(), time: clock::now() },
    })
}
