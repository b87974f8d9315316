//! Makes everything ready for a connector's tasks: Kafka's part and the
//! store's, side by side, each told whatever becomes of the other.

use kafka2oss_chain::CommitMetadata;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::{ConnectorSpec, Instance};
use kafka2oss_kafka::{PrepareInput, PreparedKafka, StartAt};
use kafka2oss_proto::Count;
use kafka2oss_proto::agent::v1::{PrepareConnector, PrepareConnectorResult};
use kafka2oss_proto::v1::offset_reset::To;
use kafka2oss_proto::v1::{DeliveryGuarantee, OffsetReset, PartitionOffsets};
use kafka2oss_sink::{ObjectStore, Probe, Probed};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::probes::Scope;
use super::warrant::Warrant;
use super::{Attempt, Means, Runner, instance, unsupported};
use crate::environment::AdminFactory;
use crate::task::{FetchLimit, committed_by};

pub(super) async fn run(
    runner: &Runner,
    request: PrepareConnector,
    attempt: &Attempt,
) -> Result<PrepareConnectorResult, Problem> {
    let Runner { means, probes } = runner;
    let Means { admins, keyring, budget_bytes, data_runtime, confirmations, .. } = means;
    let PrepareConnector {
        connector: _,
        uid,
        spec,
        instance: wire,
        epoch,
        resources,
        start,
        secrets_id,
    } = request;
    let mut spec = spec.ok_or_else(|| unsupported("the spec is missing"))?;
    keyring.complete(&uid, &secrets_id, &mut spec)?;
    keyring.hold_prepared(&uid, &secrets_id, &spec, Instant::now());
    let spec = ConnectorSpec::try_from(spec).map_err(unsupported)?;
    let instance = instance(wire)?;
    let epoch = epoch.ok_or_else(|| unsupported("the epoch is missing"))?;
    let start = start_at(start)?;

    let is_own = |metadata: &[u8], topic_id: &str| {
        CommitMetadata::decode(metadata).is_some_and(|CommitMetadata { identity, .. }| {
            identity.uid == uid && identity.topic_id == topic_id
        })
    };
    let input = PrepareInput {
        source: &spec.source,
        group: &spec.resources.task_consumer_group,
        creation: spec.resources.creation,
        epoch: &epoch,
        start: &start,
        resources: &resources,
        owner: committed_by,
        is_own: &is_own,
        permission: &Warrant::new(attempt, confirmations),
    };
    let (store, probes, probed_uid) =
        (ObjectStore::new(&spec.destination), probes.clone(), uid.clone());
    let scope = Scope {
        epoch: u64::from_wire(epoch.number),
        endpoint: spec.destination.endpoint.clone(),
        bucket: spec.destination.bucket.clone(),
        prefix: spec.output.layout.prefix.clone(),
    };
    // The runtime that makes a connection serves it for as long as it lasts, and objects
    // go by those that the probe has made.
    let probe = data_runtime.spawn(async move { probes.probe(&probed_uid, scope, &store).await });
    let (mut kafka, probe) =
        tokio::join!(prepare_kafka(&**admins, &instance, &input), AbortOnDropHandle::new(probe));
    let probe = probe.map_err(|error| {
        Problem::new(ErrorCode::Internal, format!("the store's probe ended: {error}"))
    })?;
    let limit = FetchLimit::new(spec.output.overflow.max_record_bytes, *budget_bytes);
    let too_large = kafka.source_message_bytes.and_then(|bytes| may_be_too_large(limit, bytes));
    kafka.warnings.extend(too_large);
    Ok(join(kafka, probe))
}

/// Where the epoch starts; one without an [`OffsetReset`] as the spec says.
fn start_at(reset: Option<OffsetReset>) -> Result<StartAt, Problem> {
    let Some(OffsetReset { to }) = reset else { return Ok(StartAt::Configured) };
    match to {
        Some(To::Earliest(())) => Ok(StartAt::Earliest),
        Some(To::Latest(())) => Ok(StartAt::Latest),
        Some(To::Timestamp(time)) => match millis(&time) {
            Some(millis) => Ok(StartAt::Timestamp(millis)),
            None => Err(unsupported(format!("the epoch cannot start at {} s", time.seconds))),
        },
        Some(To::Offsets(PartitionOffsets { offsets })) => {
            Ok(StartAt::Explicit(offsets.into_iter().collect()))
        }
        None => Err(unsupported("the epoch starts at nothing that it knows")),
    }
}

/// The first millisecond since 1970 that is not before this time: Kafka's times
/// have no parts of one.
fn millis(time: &prost_types::Timestamp) -> Option<i64> {
    let started = (i64::from(time.nanos) + 999_999).div_euclid(1_000_000);
    time.seconds.checked_mul(1_000)?.checked_add(started)
}

/// Whether the topic takes batches that agents do not, where it takes them of so many
/// bytes.
pub(super) fn may_be_too_large(limit: FetchLimit, message_bytes: u64) -> Option<Problem> {
    (message_bytes > limit.bytes()).then(|| {
        let message = format!(
            "the source topic takes batches of up to {message_bytes} bytes (max.message.bytes), \
             and this agent fetches answers of up to {} bytes: {}",
            limit.bytes(),
            limit.to_take(message_bytes)
        );
        Problem::new(ErrorCode::RecordTooLargeToFetch, message)
    })
}

async fn prepare_kafka(
    admins: &dyn AdminFactory,
    instance: &Instance,
    input: &PrepareInput<'_>,
) -> PreparedKafka {
    match admins.connect(instance).await {
        Ok(admin) => kafka2oss_kafka::prepare(&*admin, input).await,
        Err(problem) => PreparedKafka { problems: vec![problem], ..Default::default() },
    }
}

/// Both parts in one result. Pure.
fn join(kafka: PreparedKafka, probed: Probed) -> PrepareConnectorResult {
    let PreparedKafka {
        epoch,
        created_topics,
        missing_resources,
        mut problems,
        mut warnings,
        mut doubts,
        cluster_id,
        group_owners,
        source_message_bytes: _,
    } = kafka;

    let Probed { outcome, left } = probed;
    let store_refuses_existing = outcome == Ok(Probe::ExactlyOnce);
    match outcome {
        Ok(Probe::ExactlyOnce) => {}
        Ok(Probe::AtLeastOnce { code, reason }) => doubts.push(Problem::new(code, reason)),
        Err(error) => problems.push(error.into()),
    }
    warnings.extend(left.filter(|left| left.is_certain).map(|left| left.problem));
    let delivery_guarantee = if !doubts.is_empty() {
        DeliveryGuarantee::AtLeastOnce
    } else if problems.is_empty() {
        DeliveryGuarantee::ExactlyOnce
    } else {
        // Not all probes have answered.
        DeliveryGuarantee::Unspecified
    };
    let reason = doubts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    warnings.extend(doubts);
    PrepareConnectorResult {
        epoch,
        created_topics,
        missing_resources,
        problems: problems.into_iter().map(Into::into).collect(),
        warnings: warnings.into_iter().map(Into::into).collect(),
        delivery_guarantee: delivery_guarantee.into(),
        delivery_guarantee_reason: reason,
        kafka_cluster_id: cluster_id.unwrap_or_default(),
        group_owner_uids: group_owners.into_iter().collect(),
        store_refuses_existing,
    }
}

#[cfg(test)]
mod tests {
    use kafka2oss_proto::v1::Epoch;
    use kafka2oss_sink::{LeftObject, StoreError};

    use super::*;

    fn prepared() -> PreparedKafka {
        let epoch = Epoch {
            number: 1,
            topic_id: "id".to_owned(),
            start_offsets: [(0, 5)].into(),
            fixed_time: Some(prost_types::Timestamp::default()),
            ..Epoch::default()
        };
        PreparedKafka { epoch: Some(epoch), ..PreparedKafka::default() }
    }

    fn probed(outcome: Result<Probe, StoreError>) -> Probed {
        Probed { outcome, left: None }
    }

    fn refused() -> StoreError {
        StoreError {
            code: ErrorCode::StoreBucketNotFound,
            message: "no bucket".to_owned(),
            delay: None,
            store_code: Some("NoSuchBucket".to_owned()),
        }
    }

    #[test]
    fn both_good_is_exactly_once() {
        let result = join(prepared(), probed(Ok(Probe::ExactlyOnce)));
        assert_eq!(result.delivery_guarantee(), DeliveryGuarantee::ExactlyOnce);
        assert_eq!(result.delivery_guarantee_reason, "");
        assert!(result.store_refuses_existing);
        assert!(result.problems.is_empty() && result.warnings.is_empty(), "{result:?}");
    }

    #[test]
    fn what_the_probe_has_left_is_a_warning_and_no_doubt() {
        for (is_certain, warnings) in [(true, 1), (false, 0)] {
            let problem = Problem::new(ErrorCode::StoreProbeLeft, "it stays");
            let left = Some(LeftObject { problem, is_certain });
            let result = join(prepared(), Probed { left, ..probed(Ok(Probe::ExactlyOnce)) });
            assert_eq!(result.delivery_guarantee(), DeliveryGuarantee::ExactlyOnce);
            assert_eq!(result.warnings.len(), warnings, "{result:?}");
        }
    }

    #[test]
    fn each_doubt_is_at_least_once_with_its_reason_and_a_warning() {
        let probe = Probe::AtLeastOnce {
            code: ErrorCode::StoreNotCreateOnly,
            reason: "both succeeded".to_owned(),
        };
        let mut kafka = prepared();
        kafka.doubts.push(Problem::new(ErrorCode::KafkaNoTopicIds, "no topic ids"));
        let result = join(kafka, probed(Ok(probe)));
        assert_eq!(result.delivery_guarantee(), DeliveryGuarantee::AtLeastOnce);
        let codes: Vec<_> = result.warnings.iter().map(|warning| warning.code.as_str()).collect();
        assert_eq!(codes, ["KAFKA_NO_TOPIC_IDS", "STORE_NOT_CREATE_ONLY"]);
        for code in codes {
            assert!(result.delivery_guarantee_reason.contains(code), "{result:?}");
        }
        assert!(!result.store_refuses_existing);
    }

    #[test]
    fn a_doubt_about_kafka_says_nothing_against_the_store() {
        let mut kafka = prepared();
        kafka.doubts.push(Problem::new(ErrorCode::KafkaNoTopicIds, "no topic ids"));
        let result = join(kafka, probed(Ok(Probe::ExactlyOnce)));
        assert_eq!(result.delivery_guarantee(), DeliveryGuarantee::AtLeastOnce);
        assert!(result.store_refuses_existing);
    }

    fn started(to: To) -> Result<StartAt, Problem> {
        start_at(Some(OffsetReset { to: Some(to) }))
    }

    #[test]
    fn an_epoch_starts_where_the_reset_that_opened_it_says() {
        assert_eq!(start_at(None), Ok(StartAt::Configured));
        assert_eq!(started(To::Earliest(())), Ok(StartAt::Earliest));
        assert_eq!(started(To::Latest(())), Ok(StartAt::Latest));
        let offsets = PartitionOffsets { offsets: [(0, 5), (3, 0)].into() };
        let explicit = StartAt::Explicit([(0, 5), (3, 0)].into());
        assert_eq!(started(To::Offsets(offsets)), Ok(explicit));
        let unknown = start_at(Some(OffsetReset { to: None })).expect_err("unknown");
        assert_eq!(unknown.code, ErrorCode::AgentUnsupported);
    }

    #[test]
    fn a_time_is_the_first_millisecond_that_is_not_before_it() {
        let at =
            |seconds, nanos| started(To::Timestamp(prost_types::Timestamp { seconds, nanos })).ok();
        let cases = [
            (at(1, 0), 1_000),
            (at(1, 1), 1_001),
            (at(1, 1_000_000), 1_001),
            (at(1, 999_999_999), 2_000),
            (at(-1, 1), -999),
        ];
        for (found, millis) in cases {
            assert_eq!(found, Some(StartAt::Timestamp(millis)));
        }
        assert_eq!(at(i64::MAX, 0), None);
    }

    #[test]
    fn a_topic_that_takes_larger_batches_than_the_agent_is_told_of() {
        let limit = FetchLimit::new(None, 64 << 20);
        assert_eq!(may_be_too_large(limit, limit.bytes()), None);
        let warning = may_be_too_large(limit, 150_000_000).expect("it is larger");
        assert_eq!(warning.code, ErrorCode::RecordTooLargeToFetch);
        assert!(warning.message.contains("--memory-budget-bytes of 300000000"), "{warning}");
    }

    #[test]
    fn a_warning_of_kafkas_part_is_no_doubt() {
        let mut kafka = prepared();
        kafka.warnings.push(Problem::new(ErrorCode::KafkaTopicMisconfigured, "too small"));
        let result = join(kafka, probed(Ok(Probe::ExactlyOnce)));
        assert_eq!(result.delivery_guarantee(), DeliveryGuarantee::ExactlyOnce);
        assert_eq!(result.warnings.len(), 1);
    }

    #[test]
    fn problems_of_both_parts_are_told_and_what_is_known_is_kept() {
        let mut kafka = prepared();
        kafka.problems.push(Problem::new(ErrorCode::KafkaTopicNotFound, "no topic"));
        let result = join(kafka, probed(Err(refused())));
        let codes: Vec<_> = result.problems.iter().map(|problem| problem.code.as_str()).collect();
        assert_eq!(codes, ["KAFKA_TOPIC_NOT_FOUND", "STORE_BUCKET_NOT_FOUND"]);
        assert_eq!(result.delivery_guarantee(), DeliveryGuarantee::Unspecified);
        assert!(result.epoch.is_some());
    }
}
