#![allow(clippy::unwrap_used)]

use super::*;

fn is_ours(metadata: &[u8]) -> bool {
    metadata.starts_with(b"k2o1;")
}

fn watermarks(ranges: &[(i64, i64)]) -> BTreeMap<i32, Watermarks> {
    (0..).zip(ranges).map(|(p, &(beginning, end))| (p, Watermarks { beginning, end })).collect()
}

fn committed(offsets: &[(i32, i64, &[u8])]) -> BTreeMap<i32, Committed> {
    offsets
        .iter()
        .map(|&(p, offset, metadata)| (p, Committed { offset, metadata: metadata.to_vec() }))
        .collect()
}

fn offsets(start: &Start) -> Vec<i64> {
    start.offsets.values().copied().collect()
}

#[test]
fn without_committed_offsets_the_start_is_the_end_or_the_beginning() {
    let marks = watermarks(&[(5, 10), (0, 0)]);

    let latest = start(ConsumerOffset::Latest, &marks, &BTreeMap::new(), is_ours);
    assert_eq!((offsets(&latest), latest.origin), (vec![10, 0], StartOrigin::Latest));

    let earliest = start(ConsumerOffset::Earliest, &marks, &BTreeMap::new(), is_ours);
    assert_eq!((offsets(&earliest), earliest.origin), (vec![5, 0], StartOrigin::Earliest));
}

#[test]
fn foreign_offsets_of_the_group_are_taken_and_the_other_partitions_follow_the_spec() {
    let marks = watermarks(&[(0, 10), (0, 10), (0, 10), (3, 10)]);
    let group = committed(&[(0, 7, b""), (2, 10, b"\xff\xfe"), (3, 3, b"sink")]);

    let start = start(ConsumerOffset::Latest, &marks, &group, is_ours);

    assert_eq!(offsets(&start), [7, 10, 10, 3]);
    assert_eq!(start.origin, StartOrigin::Group);
    assert_eq!(start.warnings, []);
}

#[test]
fn offsets_that_kafka2oss_committed_before_are_absent() {
    let marks = watermarks(&[(0, 10)]);
    let group = committed(&[(0, 7, b"k2o1;of-a-deleted-connector")]);

    let start = start(ConsumerOffset::Earliest, &marks, &group, is_ours);

    assert_eq!((offsets(&start), start.origin), (vec![0], StartOrigin::Earliest));
}

#[test]
fn a_committed_offset_outside_of_the_log_follows_the_spec_with_a_warning() {
    let marks = watermarks(&[(5, 10), (5, 10)]);
    let group = committed(&[(0, 4, b""), (1, 11, b"")]);

    let start = start(ConsumerOffset::Earliest, &marks, &group, is_ours);

    assert_eq!((offsets(&start), start.origin), (vec![5, 5], StartOrigin::Earliest));
    let codes: Vec<_> = start.warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(codes, [ErrorCode::KafkaOffsetOutOfRange; 2]);
}

fn resource(role: ResourceRole, partitions: u32, cleanup_policy: &str) -> PlannedResource {
    PlannedResource {
        roles: vec![role.into()],
        name: "t".into(),
        partitions,
        cleanup_policy: cleanup_policy.into(),
        storage_engine: StorageEngine::Local.into(),
    }
}

fn topic(partitions: u32, cleanup_policy: Option<&str>) -> TopicDescription {
    TopicDescription {
        id: None,
        partitions,
        cleanup_policy: cleanup_policy.map(str::to_owned),
        max_message_bytes: None,
    }
}

#[test]
fn an_existing_topic_is_checked_for_what_its_role_needs() {
    use ErrorCode::{KafkaInternalTopicUnusable as Unusable, KafkaTopicMisconfigured as Wrong};
    use ResourceRole::*;
    type Case =
        (ResourceRole, u32, Option<&'static str>, &'static [ErrorCode], &'static [ErrorCode]);
    let cases: [Case; 10] = [
        (ConfigTopic, 1, Some("compact"), &[], &[]),
        (ConfigTopic, 2, Some("compact"), &[Wrong], &[]),
        (OffsetTopic, 1, Some("compact"), &[Wrong], &[]),
        (OffsetTopic, 12, Some("compact,delete"), &[], &[]),
        (OffsetTopic, 12, Some("delete"), &[], &[Unusable]),
        (StatusTopic, 1, None, &[], &[Unusable]),
        (StatusTopic, 1, Some("compact"), &[], &[]),
        (DeadLetterQueueTopic, 1, Some("delete"), &[], &[]),
        (DeadLetterQueueTopic, 1, None, &[], &[]),
        (AbnormalDataTopic, 6, Some("compact"), &[Wrong], &[]),
    ];
    for (role, partitions, policy, problems, warnings) in cases {
        let findings = check(&resource(role, 6, ""), &topic(partitions, policy), None);

        let codes = |found: &[Problem]| found.iter().map(|one| one.code).collect::<Vec<_>>();
        assert_eq!(codes(&findings.problems), problems, "{role:?} {partitions} {policy:?}");
        assert_eq!(codes(&findings.warnings), warnings, "{role:?} {partitions} {policy:?}");
    }
}

#[test]
fn an_error_topic_is_made_with_room_for_the_sources_largest_record() {
    let source = TopicDescription { max_message_bytes: Some(1_000_000), ..topic(3, None) };
    let resource = resource(ResourceRole::AbnormalDataTopic, 6, "delete");

    let plan = topic_plan(&resource, &source);

    assert_eq!((plan.partitions, plan.cleanup_policy), (6, "delete"));
    assert_eq!(plan.max_message_bytes, Some(1_065_536));
    let small = TopicDescription { max_message_bytes: Some(1_000_000), ..topic(6, None) };
    assert_eq!(check(&resource, &small, Some(&source)).warnings.len(), 1);
    let large = TopicDescription { max_message_bytes: Some(1_065_536), ..topic(6, None) };
    assert_eq!(check(&resource, &large, Some(&source)), Findings::default());
}

#[test]
fn an_internal_topic_is_made_compacted_with_the_brokers_limit() {
    let resource = resource(ResourceRole::OffsetTopic, 12, "compact");

    let plan = topic_plan(&resource, &topic(3, None));

    assert_eq!((plan.partitions, plan.cleanup_policy), (12, "compact"));
    assert_eq!(plan.max_message_bytes, None);
}

#[test]
fn a_missing_topic_is_told_with_name_partitions_policy_and_storage() {
    let problem = missing(&resource(ResourceRole::OffsetTopic, 12, "compact"), Some("no"));

    assert_eq!(problem.code, ErrorCode::KafkaResourceMissing);
    assert_eq!(
        problem.message,
        "topic `t`: the brokers refuse to create it (no); create it with 12 partitions, \
         cleanup.policy=compact, local storage"
    );
}

#[test]
fn groups_are_told_from_topics_by_their_roles() {
    assert_eq!(kind(&resource(ResourceRole::TaskConsumerGroup, 0, "")), Kind::Group);
    assert_eq!(kind(&resource(ResourceRole::ConnectorConsumerGroup, 0, "")), Kind::Group);
    assert_eq!(kind(&resource(ResourceRole::StatusTopic, 6, "compact")), Kind::Internal);
    assert_eq!(kind(&resource(ResourceRole::DeadLetterQueueTopic, 6, "delete")), Kind::Error);
}
