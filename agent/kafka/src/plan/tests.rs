#![allow(clippy::unwrap_used)]

use super::*;

fn resource(role: ResourceRole, partitions: i32, cleanup_policy: &str) -> PlannedResource {
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
    type Codes = &'static [ErrorCode];
    type Case = (ResourceRole, u32, Option<&'static str>, Codes, Codes, Codes);
    let cases: [Case; 12] = [
        (ConfigTopic, 1, Some("compact"), &[], &[], &[]),
        (ConfigTopic, 2, Some("compact"), &[Wrong], &[], &[]),
        (ConfigTopic, 1, Some("delete"), &[], &[Unusable], &[]),
        (OffsetTopic, 1, Some("compact"), &[Wrong], &[], &[]),
        (OffsetTopic, 12, Some("compact,delete"), &[], &[], &[]),
        (OffsetTopic, 12, Some("delete"), &[], &[], &[Unusable]),
        (OffsetTopic, 12, None, &[], &[Unusable], &[]),
        (StatusTopic, 1, None, &[], &[Unusable], &[]),
        (StatusTopic, 1, Some("compact"), &[], &[], &[]),
        (DeadLetterQueueTopic, 1, Some("delete"), &[], &[], &[]),
        (DeadLetterQueueTopic, 1, None, &[], &[], &[]),
        (AbnormalDataTopic, 6, Some("compact"), &[Wrong], &[], &[]),
    ];
    for (role, partitions, policy, problems, warnings, doubts) in cases {
        let findings = check(&resource(role, 6, ""), &topic(partitions, policy), None);

        let codes = |found: &[Problem]| found.iter().map(|one| one.code).collect::<Vec<_>>();
        assert_eq!(codes(&findings.problems), problems, "{role:?} {partitions} {policy:?}");
        assert_eq!(codes(&findings.warnings), warnings, "{role:?} {partitions} {policy:?}");
        assert_eq!(codes(&findings.doubts), doubts, "{role:?} {partitions} {policy:?}");
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
    let warnings = check(&resource, &small, Some(&source)).warnings;
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert!(warning.message.contains("=1000000"), "{warning}");
    assert!(warning.message.contains("1065536"), "{warning}");
    let large = TopicDescription { max_message_bytes: Some(1_065_536), ..topic(6, None) };
    assert_eq!(check(&resource, &large, Some(&source)), Findings::default());
}

#[test]
fn the_room_ends_where_kafkas_numbers_end() {
    for limit in [2_147_483_647, u64::MAX] {
        let source = TopicDescription { max_message_bytes: Some(limit), ..topic(3, None) };

        let plan = topic_plan(&resource(ResourceRole::AbnormalDataTopic, 6, "delete"), &source);

        assert_eq!(plan.max_message_bytes, Some(2_147_483_647));
    }
}

#[test]
fn brokers_that_forget_offsets_within_the_put_window_are_a_doubt_and_within_a_day_a_warning() {
    let of = |minutes: u64| {
        let offsets_retention = Some(Duration::from_secs(minutes * 60));
        check_brokers(&BrokerSettings { offsets_retention, ..BrokerSettings::default() })
    };
    let codes = |found: &[Problem]| found.iter().map(|one| one.code).collect::<Vec<_>>();
    let short = [ErrorCode::KafkaOffsetsRetentionShort].as_slice();
    for (minutes, warnings, doubts) in [
        (0, [].as_slice(), short),
        (31, &[], short),
        (32, short, &[]),
        (1_439, short, &[]),
        (1_440, &[], &[]),
        (10_080, &[], &[]),
    ] {
        let findings = of(minutes);

        assert_eq!(codes(&findings.warnings), warnings, "{minutes}");
        assert_eq!(codes(&findings.doubts), doubts, "{minutes}");
        assert_eq!(findings.problems, [], "{minutes}");
    }
    let unknown = check_brokers(&BrokerSettings::default());
    assert_eq!(codes(&unknown.warnings), short);
    assert_eq!(unknown.doubts, []);
}

#[test]
fn brokers_before_2_3_are_a_doubt() {
    for (inter_broker_protocol, doubts) in [
        (Some((0, 11)), 1),
        (Some((2, 2)), 1),
        (Some((2, 3)), 0),
        (Some((3, 0)), 0),
        // From 4.0 on there is no such setting.
        (None, 0),
    ] {
        let settings = BrokerSettings { inter_broker_protocol, ..BrokerSettings::default() };

        let found = check_brokers(&settings).doubts;

        assert_eq!(found.len(), doubts, "{inter_broker_protocol:?}");
        assert!(found.iter().all(|doubt| doubt.code == ErrorCode::KafkaNoStaticMembers));
    }
}

#[test]
fn only_a_missing_offset_topic_is_a_doubt() {
    let missing = |role| doubt_of_missing(&resource(role, 6, ""));

    let doubt = missing(ResourceRole::OffsetTopic).unwrap();

    assert_eq!(doubt.code, ErrorCode::KafkaInternalTopicUnusable);
    assert!(doubt.message.starts_with("no usable offset topic"), "{doubt}");
    assert_eq!(missing(ResourceRole::StatusTopic), None);
    assert_eq!(missing(ResourceRole::DeadLetterQueueTopic), None);
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
