//! Where the partitions of a topic end, read after the call by an agent of the pool.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::names::ConnectorName;
use kafka2oss_domain::{ErrorCode, feature};
use kafka2oss_proto::agent;
use kafka2oss_proto::agent::v1::command::Command;
use kafka2oss_proto::agent::v1::command_result::Result as Outcome;

use crate::api::context::Api;
use crate::api::error::ApiError;
use crate::api::request;
use crate::chance;
use crate::fleet::asking::{self, Unfound};
use crate::model::positions::is_partition;
use crate::store::connectors::ConnectorRecord;

/// Time that an agent has for it, within that of the flush.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Agents that an error names.
const NAMED: usize = 5;

/// Reads the ends of all partitions.
pub(super) async fn read(
    api: &Api,
    name: &ConnectorName,
    record: &ConnectorRecord,
    time: Duration,
) -> Result<BTreeMap<i32, i64>, ApiError> {
    let agent = choose(api, record)?;
    let instance = request::instance(api, name.instance())?.instance.clone();
    let topic = record.spec().source.clone().unwrap_or_default().topic;
    let command = Command::ReadEndOffsets(agent::v1::ReadEndOffsets {
        connector: record.name().to_owned(),
        instance,
        topic,
    });
    let id = format!("ends-{}", chance::ulid());
    let asked = asking::send(&api.known.fleet, &agent, id, command, time.min(TIMEOUT));
    match asked.await {
        Ok(Outcome::ReadEndOffsets(ends)) => {
            let shown = api.observed.current(record).topic_partitions.unwrap_or_default();
            checked(ends.end_offsets, shown).ok_or_else(|| ApiError::Agent(half_told(&agent)))
        }
        Ok(_) => Err(ApiError::Agent(asking::unexpected(&agent))),
        Err(unanswered) => Err(ApiError::Agent(unanswered.into())),
    }
}

/// An agent that reads the ends: one that has tasks of the connector, where one is there.
fn choose(api: &Api, record: &ConnectorRecord) -> Result<String, ApiError> {
    let (fleet, pool) = (&api.known.fleet, record.pool());
    let abilities = fleet.abilities(&pool);
    let placement = api.known.catalog.placement(record.name());
    let placed: Vec<_> = placement.iter().flat_map(|placement| placement.agents()).collect();
    let is_able = |features: &[String]| features.iter().any(|one| one == feature::FLUSH);
    let has_tasks = |id: &str| placed.contains(&id);
    let unable = abilities.iter().filter(|(id, features)| has_tasks(id) && !is_able(features));
    let unable: Vec<_> = unable.take(NAMED).map(|(id, _)| format!("agents/{id}")).collect();
    if !unable.is_empty() {
        return Err(ApiError::AgentsUnable { feature: feature::FLUSH, agents: unable });
    }
    if let Some((id, _)) = abilities.iter().find(|(id, _)| has_tasks(id)) {
        return Ok(id.clone());
    }
    asking::choose(fleet, &pool, feature::FLUSH).map_err(|unfound| match unfound {
        Unfound::NoAgent => ApiError::NoAgent(pool.to_string()),
        Unfound::Busy(problem) => ApiError::Agent(problem.into()),
        Unfound::Unable(ids) => {
            let agents = ids.iter().take(NAMED).map(|id| format!("agents/{id}")).collect();
            ApiError::AgentsUnable { feature: feature::FLUSH, agents }
        }
    })
}

/// The ends of each partition of a topic that has as many as are `shown`, or more.
fn checked(ends: BTreeMap<i32, i64>, shown: i32) -> Option<BTreeMap<i32, i64>> {
    let is_each = ends.keys().zip(0..).all(|(partition, number)| *partition == number);
    let can_be = |(partition, end): (&i32, &i64)| is_partition(*partition) && *end >= 0;
    let count = i32::try_from(ends.len()).ok()?;
    let is_whole = is_each && ends.iter().all(can_be) && count >= shown.max(1);
    is_whole.then_some(ends)
}

fn half_told(agent: &str) -> agent::v1::Problem {
    let message = format!("agents/{agent} did not tell the end of each partition of the topic");
    agent::v1::Problem::from(Problem::new(ErrorCode::AgentTimeout, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_those_of_every_partition_or_none() {
        let ends = |of: &[(i32, i64)]| of.iter().copied().collect::<BTreeMap<_, _>>();
        let whole = ends(&[(0, 5), (1, 0)]);
        assert_eq!(checked(whole.clone(), 0), Some(whole.clone()));
        assert_eq!(checked(whole.clone(), 2), Some(whole.clone()));
        assert_eq!(checked(whole, 3), None, "one is missing");
        for broken in [ends(&[]), ends(&[(1, 5)]), ends(&[(0, 1), (2, 1)]), ends(&[(0, -1)])] {
            assert_eq!(checked(broken.clone(), 0), None, "{broken:?}");
        }
        let many: BTreeMap<_, _> = (0..30_000).map(|partition| (partition, 1)).collect();
        assert_eq!(checked(many, 0), None, "no topic has so many");
    }
}
