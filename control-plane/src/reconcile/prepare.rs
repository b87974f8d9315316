//! Before a connector's tasks run: an agent of its pool reads the start,
//! makes topics and probes the store.

use std::sync::Arc;
use std::time::Duration;

use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::names::ConnectorName;
use kafka2oss_domain::{ErrorCode, spec};
use kafka2oss_proto::agent::v1::command::Command;
use kafka2oss_proto::agent::v1::command_result::Result as Outcome;
use kafka2oss_proto::spec::planned_resources;
use kafka2oss_proto::{agent, v1};

use super::cluster;
use super::means::Means;
use crate::catalog::Change;
use crate::chance;
use crate::clock;
use crate::fleet::asking;
use crate::known::Known;
use crate::model::positions;
use crate::observe::Observed;
use crate::store::StoreError;
use crate::store::connectors::{ConnectorRecord, Preparation, Reset};
use crate::text::shorten;

/// Time that an agent has. Brokers that cannot be reached take their time.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Problems of one answer that are kept, and the length of each text in bytes.
const MAX_PROBLEMS: usize = 50;
const MAX_TEXT: usize = 2_000;
/// Length of a topic's id in bytes; Kafka's have 22 characters.
const MAX_TOPIC_ID: usize = 256;
/// Length of a Kafka cluster's id in bytes.
const MAX_CLUSTER_ID: usize = 256;

/// One try. Returns whether the connector is ready.
pub(super) async fn prepare(
    means: Arc<Means>,
    record: Arc<ConnectorRecord>,
    agent: String,
) -> bool {
    let Some(command) = command(&means.known, &record, &agent) else { return false };
    let id = format!("prepare-{}-{}", record.uid(), chance::ulid());
    let result = match asking::send(&means.known.fleet, &agent, id, command, TIMEOUT).await {
        Ok(Outcome::PrepareConnector(result)) => Ok(result),
        Ok(_) => Err(asking::unexpected(&agent)),
        Err(unanswered) => Err(unanswered.into()),
    };
    if means.stop.is_cancelled() {
        return false;
    }
    match learn(&means, &record, &agent, result).await {
        Ok(ready) => ready,
        Err(error) => {
            tracing::error!(connector = record.name(), %error, "could not store a preparation");
            false
        }
    }
}

fn command(known: &Known, record: &ConnectorRecord, agent: &str) -> Option<Command> {
    let name: ConnectorName = record.name().parse().ok()?;
    let instance = known.catalog.instance(name.instance())?;
    let resources = spec::ConnectorSpec::try_from(record.spec().clone())
        .map(|spec| planned_resources(&spec))
        .inspect_err(|error| tracing::error!(connector = %name, %error, "a stored spec is illegal"))
        .ok()?;
    Some(Command::PrepareConnector(agent::v1::PrepareConnector {
        connector: record.name().to_owned(),
        uid: record.uid().to_owned(),
        spec: Some(super::spec_for(known, record, agent)),
        instance: instance.instance.clone(),
        epoch: record.epoch.clone(),
        resources,
        start: record.reset.as_ref().and_then(Reset::whole),
        secrets_id: record.secrets_id.clone(),
    }))
}

/// Stores what is known now. Returns whether the connector is ready.
async fn learn(
    means: &Means,
    asked: &ConnectorRecord,
    agent: &str,
    result: Result<agent::v1::PrepareConnectorResult, agent::v1::Problem>,
) -> Result<bool, StoreError> {
    let cluster_id = result.as_ref().map_or("", |result| &result.kafka_cluster_id);
    // What is longer is none: Kafka's have 22 characters.
    let cluster_id =
        if cluster_id.len() > MAX_CLUSTER_ID { String::new() } else { cluster_id.to_owned() };
    // The instance's lock is never waited for with a connector's held.
    let shared = cluster::claim(&means.known, asked.name(), &cluster_id).await?;
    let _lock = means.known.catalog.lock(asked.name()).await;
    let Some(current) = means.known.catalog.connector(asked.name()) else { return Ok(true) };
    if current.uid() != asked.uid() {
        return Ok(true);
    }
    let mut record = ConnectorRecord::clone(&current);
    let of_this_epoch = asked.epoch_number() == record.epoch_number();
    match result {
        Ok(mut result) => {
            result.problems.extend(shared);
            let resources = record.spec().resources.as_ref();
            let group = resources.map_or("", |resources| &resources.task_consumer_group);
            let owners = &result.group_owner_uids;
            let in_use = group_in_use(&means.known, record.uid(), group, owners);
            result.problems.extend(in_use.map(Into::into));
            note_topics(&mut record, &result.created_topics);
            if of_this_epoch {
                take(&mut record, result);
            }
        }
        Err(problem) if of_this_epoch => {
            let preparation = record.preparation.get_or_insert_default();
            preparation.ready = false;
            preparation.problems = vec![problem];
            limit(&mut preparation.problems);
        }
        Err(_) => {}
    }
    let ready = record.is_prepared();
    if record != *current {
        tell(&means.observed, &current, &record, agent);
        let change = Change::connector(record);
        means.known.catalog.apply(vec![change]).await?;
        means.observed.board.touch(asked.name());
        means.inbox.connector(asked.name());
    }
    Ok(ready)
}

/// Remembers topics that an agent has made.
fn note_topics(record: &mut ConnectorRecord, created: &[String]) {
    for topic in created {
        // What is not the connector's is never removed with it, whatever an
        // agent says.
        let is_its = record.topics().contains(&topic.as_str());
        if is_its && !record.created_topics.contains(topic) {
            record.created_topics.push(topic.clone());
        }
    }
}

/// Takes a result of the open epoch in: the start is fixed once, the rest is as
/// it is now. The epoch before has ended once nothing is wrong.
fn take(record: &mut ConnectorRecord, result: agent::v1::PrepareConnectorResult) {
    let agent::v1::PrepareConnectorResult {
        epoch,
        created_topics: _,
        mut missing_resources,
        mut problems,
        mut warnings,
        delivery_guarantee,
        mut delivery_guarantee_reason,
        kafka_cluster_id: _,
        group_owner_uids: _,
        store_refuses_existing,
    } = result;
    if !record.start_is_fixed()
        && let Some(open) = &mut record.epoch
        && let Some(mut read) = epoch
        && read.number == open.number
        && !read.start_offsets.is_empty()
        && read.start_offsets.keys().all(|partition| positions::is_partition(*partition))
        && read.start_offsets.values().all(|offset| *offset >= 0)
        && read.topic_id.len() <= MAX_TOPIC_ID
    {
        read.fixed_time.get_or_insert_with(clock::now);
        *open = read;
    }
    if problems.is_empty() && !record.start_is_fixed() {
        let message = "the agent has not read where the connector starts";
        problems.push(Problem::new(ErrorCode::StartNotFixed, message).into());
    }
    limit(&mut problems);
    limit(&mut warnings);
    shorten(&mut delivery_guarantee_reason, MAX_TEXT);
    missing_resources.truncate(MAX_PROBLEMS);
    for resource in &mut missing_resources {
        shorten(&mut resource.name, MAX_TEXT);
        shorten(&mut resource.cleanup_policy, MAX_TEXT);
    }
    record.preparation = Some(Preparation {
        ready: problems.is_empty(),
        problems,
        warnings,
        missing_resources,
        delivery_guarantee,
        delivery_guarantee_reason,
        store_refuses_existing,
    });
    if record.is_prepared() {
        record.superseded = None;
    }
}

/// The group holds commits of another connector that still exists, on another
/// instance of the same cluster: its tasks and these would share one group.
pub(crate) fn group_in_use(
    known: &Known,
    uid: &str,
    group: &str,
    owners: &[String],
) -> Option<Problem> {
    let mut others = owners.iter().filter(|owner| *owner != uid);
    let other = others.find_map(|owner| known.catalog.connector_of_uid(owner))?;
    let message = format!("group `{group}` holds offsets of {}", other.name());
    Some(Problem::new(ErrorCode::KafkaGroupInUse, message))
}

/// Keeps what an agent says within bounds.
fn limit(problems: &mut Vec<agent::v1::Problem>) {
    problems.truncate(MAX_PROBLEMS);
    for problem in problems {
        shorten(&mut problem.code, MAX_TEXT);
        shorten(&mut problem.message, MAX_TEXT);
    }
}

/// Says in the connector's log what has changed.
fn tell(observed: &Observed, before: &ConnectorRecord, after: &ConnectorRecord, agent: &str) {
    let info = |text: String| observed.log(after, v1::LogSeverity::Info, None, text);
    if !before.start_is_fixed() && after.start_is_fixed() {
        let partitions = after.epoch.as_ref().map_or(0, |epoch| epoch.start_offsets.len());
        info(format!("start fixed by agents/{agent}, partitions={partitions}"));
    }
    for topic in after.created_topics.iter().filter(|topic| !before.created_topics.contains(topic))
    {
        info(format!("agents/{agent} created topic {topic}"));
    }
    let empty = Preparation::default();
    let known = before.preparation.as_ref().unwrap_or(&empty);
    let now = after.preparation.as_ref().unwrap_or(&empty);
    for problem in now.problems.iter().filter(|problem| !known.problems.contains(problem)) {
        say(observed, after, v1::LogSeverity::Error, problem);
    }
    for problem in now.warnings.iter().filter(|problem| !known.warnings.contains(problem)) {
        say(observed, after, v1::LogSeverity::Warn, problem);
    }
    if after.is_prepared() {
        info(format!("prepared by agents/{agent}"));
    }
}

fn say(
    observed: &Observed,
    record: &ConnectorRecord,
    severity: v1::LogSeverity,
    problem: &agent::v1::Problem,
) {
    observed.log(record, severity, problem.code.parse().ok(), problem.message.clone());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::connectors::Superseded;

    fn deployed() -> ConnectorRecord {
        let epoch = v1::Epoch { number: 1, ..v1::Epoch::default() };
        ConnectorRecord { epoch: Some(epoch), ..ConnectorRecord::default() }
    }

    fn read(number: i64, offset: i64) -> agent::v1::PrepareConnectorResult {
        let epoch = v1::Epoch {
            number,
            start_offsets: [(0, offset)].into(),
            origin: v1::StartOrigin::Latest.into(),
            ..v1::Epoch::default()
        };
        agent::v1::PrepareConnectorResult {
            epoch: Some(epoch),
            ..agent::v1::PrepareConnectorResult::default()
        }
    }

    #[test]
    fn a_start_is_kept_even_where_something_is_wrong_and_never_read_again() {
        let mut record = deployed();
        let mut first = read(1, 7);
        first.problems = vec![Problem::new(ErrorCode::StoreBucketNotFound, "none").into()];
        take(&mut record, first);
        assert!(record.start_is_fixed() && !record.is_prepared());

        take(&mut record, read(1, 9));
        assert!(record.is_prepared());
        assert_eq!(record.epoch.expect("an epoch").start_offsets[&0], 7);
    }

    #[test]
    fn a_start_of_another_epoch_is_not_taken() {
        let mut record = deployed();
        take(&mut record, read(2, 7));
        assert!(!record.start_is_fixed());
        let preparation = record.preparation.expect("an outcome");
        assert_eq!(preparation.problems[0].code, "START_NOT_FIXED");
    }

    #[test]
    fn offsets_that_the_user_named_are_a_start_and_an_echo_without_any_is_none() {
        let mut record = deployed();
        let mut echo = read(1, 0);
        echo.epoch.as_mut().expect("an epoch").start_offsets.clear();
        take(&mut record, echo);
        assert!(!record.start_is_fixed());

        let mut named = read(1, 42);
        named.epoch.as_mut().expect("an epoch").set_origin(v1::StartOrigin::Unspecified);
        take(&mut record, named);
        assert_eq!(record.epoch.expect("an epoch").start_offsets[&0], 42);
    }

    #[test]
    fn the_epoch_before_ends_once_its_successor_is_prepared() {
        let mut record = deployed();
        record.superseded = Some(Superseded::default());
        let mut wrong = read(1, 7);
        wrong.problems = vec![Problem::new(ErrorCode::StoreBucketNotFound, "none").into()];
        take(&mut record, wrong);
        assert!(record.superseded.is_some());
        take(&mut record, read(1, 7));
        assert!(record.superseded.is_none());
    }

    #[test]
    fn topics_of_its_own_that_were_made_are_remembered_once_each() {
        let mut record = deployed();
        let topic = |name: &str| {
            let name = name.to_owned();
            Some(v1::ConnectorTopic { name, ..v1::ConnectorTopic::default() })
        };
        let resources = v1::ConnectorResources {
            offset_topic: topic("a"),
            dead_letter_queue_topic: topic("b"),
            ..v1::ConnectorResources::default()
        };
        let spec = v1::ConnectorSpec { resources: Some(resources), ..Default::default() };
        record.connector = Some(v1::Connector { spec: Some(spec), ..Default::default() });
        for topics in [vec!["a"], vec!["a", "b", "somebody-elses"], vec![]] {
            let topics: Vec<_> = topics.into_iter().map(str::to_owned).collect();
            note_topics(&mut record, &topics);
        }
        assert_eq!(record.created_topics, ["a", "b"]);
    }
}
