//! Makes everything ready for a connector's tasks: Kafka's part and the
//! store's, side by side, each told whatever becomes of the other.

use kafka2oss_kafka::{PrepareInput, PreparedKafka};
use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::error_code::Problem;
use kafka2oss_proto::spec::{ConnectorSpec, Instance};
use kafka2oss_proto::v1::{
    DeliveryGuarantee, Epoch, PlannedResource, PrepareConnector, PrepareConnectorResult,
};
use kafka2oss_sink::{ObjectStore, Probe, StoreError};

use super::{instance, unsupported};
use crate::assignment::Keyring;
use crate::environment::AdminFactory;
use crate::task::committed_by;

pub(super) async fn run(
    admins: &dyn AdminFactory,
    keyring: &Keyring,
    request: PrepareConnector,
) -> Result<PrepareConnectorResult, Problem> {
    let PrepareConnector { connector: _, uid, spec, instance: wire, epoch, resources } = request;
    let mut spec = spec.ok_or_else(|| unsupported("the spec is missing"))?;
    keyring.complete(&uid, &mut spec)?;
    let spec = ConnectorSpec::try_from(spec).map_err(unsupported)?;
    let instance = instance(wire)?;
    let epoch = epoch.ok_or_else(|| unsupported("the epoch is missing"))?;

    let store = ObjectStore::new(&spec.destination);
    let (kafka, probe) = tokio::join!(
        prepare_kafka(admins, &instance, &spec, &epoch, &resources),
        store.probe(&spec.output.layout.prefix),
    );
    Ok(join(kafka, probe))
}

async fn prepare_kafka(
    admins: &dyn AdminFactory,
    instance: &Instance,
    spec: &ConnectorSpec,
    epoch: &Epoch,
    resources: &[PlannedResource],
) -> PreparedKafka {
    let admin = match admins.connect(instance).await {
        Ok(admin) => admin,
        Err(problem) => return PreparedKafka { problems: vec![problem], ..Default::default() },
    };
    let input = PrepareInput {
        source: &spec.source,
        group: &spec.resources.task_consumer_group,
        creation: spec.resources.creation,
        epoch,
        resources,
        owner: committed_by,
    };
    kafka2oss_kafka::prepare(&*admin, &input).await
}

/// Both parts in one result. Pure.
fn join(kafka: PreparedKafka, probe: Result<Probe, StoreError>) -> PrepareConnectorResult {
    let PreparedKafka {
        epoch,
        created_topics,
        missing_resources,
        mut problems,
        mut warnings,
        cluster_id,
        group_owners,
    } = kafka;

    let mut doubts = Vec::new();
    match probe {
        Ok(Probe::ExactlyOnce) => {}
        Ok(Probe::AtLeastOnce { code, reason }) => doubts.push(Problem::new(code, reason)),
        Err(error) => problems.push(error.into()),
    }
    if epoch.as_ref().is_some_and(|epoch| epoch.fixed_time.is_some() && epoch.topic_id.is_empty()) {
        doubts.push(Problem::new(
            ErrorCode::KafkaNoTopicIds,
            "the brokers have no topic ids, so a topic that was deleted and created again is not \
             told from the one before",
        ));
    }
    let delivery_guarantee = if !doubts.is_empty() {
        DeliveryGuarantee::AtLeastOnce
    } else if problems.is_empty() {
        DeliveryGuarantee::ExactlyOnce
    } else {
        // Not all probes have answered.
        DeliveryGuarantee::Unspecified
    };
    let reason = doubts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    for doubt in doubts {
        if !warnings.iter().any(|warning| warning.code == doubt.code) {
            warnings.push(doubt);
        }
    }
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(topic_id: &str) -> PreparedKafka {
        let epoch = Epoch {
            number: 1,
            topic_id: topic_id.to_owned(),
            start_offsets: [(0, 5)].into(),
            fixed_time: Some(prost_types::Timestamp::default()),
            ..Epoch::default()
        };
        PreparedKafka { epoch: Some(epoch), ..PreparedKafka::default() }
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
        let result = join(prepared("id"), Ok(Probe::ExactlyOnce));
        assert_eq!(result.delivery_guarantee(), DeliveryGuarantee::ExactlyOnce);
        assert_eq!(result.delivery_guarantee_reason, "");
        assert!(result.problems.is_empty() && result.warnings.is_empty(), "{result:?}");
    }

    #[test]
    fn each_doubt_is_at_least_once_with_its_reason_and_a_warning() {
        let probe = Probe::AtLeastOnce {
            code: ErrorCode::StoreNotCreateOnly,
            reason: "both succeeded".to_owned(),
        };
        let result = join(prepared(""), Ok(probe));
        assert_eq!(result.delivery_guarantee(), DeliveryGuarantee::AtLeastOnce);
        let codes: Vec<_> = result.warnings.iter().map(|warning| warning.code.as_str()).collect();
        assert_eq!(codes, ["STORE_NOT_CREATE_ONLY", "KAFKA_NO_TOPIC_IDS"]);
        for code in codes {
            assert!(result.delivery_guarantee_reason.contains(code), "{result:?}");
        }
    }

    #[test]
    fn a_warning_of_kafkas_part_does_not_stand_twice() {
        let mut kafka = prepared("");
        kafka.warnings.push(Problem::new(ErrorCode::KafkaNoTopicIds, "said before"));
        assert_eq!(join(kafka, Ok(Probe::ExactlyOnce)).warnings.len(), 1);
    }

    #[test]
    fn problems_of_both_parts_are_told_and_what_is_known_is_kept() {
        let mut kafka = prepared("id");
        kafka.problems.push(Problem::new(ErrorCode::KafkaTopicNotFound, "no topic"));
        let result = join(kafka, Err(refused()));
        let codes: Vec<_> = result.problems.iter().map(|problem| problem.code.as_str()).collect();
        assert_eq!(codes, ["KAFKA_TOPIC_NOT_FOUND", "STORE_BUCKET_NOT_FOUND"]);
        assert_eq!(result.delivery_guarantee(), DeliveryGuarantee::Unspecified);
        assert!(result.epoch.is_some());
    }
}
