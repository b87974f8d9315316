use std::time::Duration;

use kafka2oss_domain::preflight::Verdict;
use kafka2oss_domain::spec::{ConsumerOffset, ResourceCreation, Source};
use kafka2oss_proto::v1::ResourceRole;

use super::*;
use crate::broker_admin::GroupMember;

fn one() -> Broker {
    Broker { id: 1, address: "inner:9092".to_owned() }
}

#[test]
fn a_broker_that_does_not_answer_is_named_with_its_address_whatever_was_seen_of_late() {
    let silent = |message: &str| Err(Problem::new(ErrorCode::KafkaUnreachable, message));
    assert_eq!(broker(&one(), Ok(())).verdict, Verdict::Pass);
    for message in ["broker 1 at `inner:9092`: Connect failed", "broker 2 at `k2:9092`: refused"] {
        let found = broker(&one(), silent(message));
        assert_eq!(found.verdict, Verdict::Fail);
        assert_eq!(found.code, Some(ErrorCode::KafkaBrokerUnreachable));
        assert!(found.detail.contains("broker 1 at `inner:9092`"), "{found:?}");
    }
}

#[test]
fn what_the_brokers_are_set_to_is_two_checks() {
    let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
    let set = |retention, protocol| {
        Ok(BrokerSettings { offsets_retention: retention, inter_broker_protocol: protocol })
    };
    let refused = Problem::new(ErrorCode::KafkaTopicAuthorizationFailed, "refused");
    for (given, expected) in [
        (set(minutes(10_080), None), [Verdict::Pass, Verdict::Pass]),
        (set(minutes(60), None), [Verdict::Warn, Verdict::Pass]),
        (set(minutes(1), Some((2, 2))), [Verdict::Warn, Verdict::Warn]),
        (set(None, None), [Verdict::Warn, Verdict::Pass]),
        (Err(refused), [Verdict::Warn, Verdict::Skipped]),
    ] {
        let found: Vec<_> = settings(&given).iter().map(|one| one.verdict).collect();
        assert_eq!(found, expected, "{given:?}");
    }
}

#[test]
fn a_topic_is_there_or_not_or_nobody_knows() {
    let described = TopicDescription {
        id: None,
        partitions: 3,
        cleanup_policy: None,
        max_message_bytes: Some(10),
    };
    assert_eq!(topic("t", &Ok(Some(described.clone()))).verdict, Verdict::Pass);
    assert_eq!(topic("t", &Ok(None)).code, Some(ErrorCode::KafkaTopicNotFound));
    assert_eq!(topic_id("t", &described).code, Some(ErrorCode::KafkaNoTopicIds));
    let limit = |bytes: u64| {
        (bytes > 9).then(|| Problem::new(ErrorCode::RecordTooLargeToFetch, "too large"))
    };
    assert_eq!(message_size("t", &described, &limit).verdict, Verdict::Warn);
    assert_eq!(message_size("t", &described, &|_| None).verdict, Verdict::Pass);
    let unknown = TopicDescription { max_message_bytes: None, ..described };
    assert_eq!(message_size("t", &unknown, &limit).verdict, Verdict::Skipped);
}

#[test]
fn only_what_stands_behind_the_same_transaction_twice_is_held_back() {
    let ends = |before: i64, end: i64, after: i64| {
        Ok(Some(Ends {
            stable: [(0, before)].into(),
            ends: [(0, Watermarks { beginning: 0, end })].into(),
            again: [(0, after)].into(),
        }))
    };
    assert_eq!(transactions("t", ends(5, 5, 5)).verdict, Verdict::Pass);
    assert_eq!(transactions("t", ends(5, 9, 9)).verdict, Verdict::Pass, "written meanwhile");
    let held = transactions("t", ends(5, 9, 5));
    assert_eq!(held.code, Some(ErrorCode::KafkaTransactionOpen));
    assert!(held.detail.contains("0 from offset 5 to 9"), "{held:?}");
    assert_eq!(transactions("t", Ok(None)).verdict, Verdict::Skipped);
}

#[test]
fn offsets_of_others_are_told_of() {
    let source = Source {
        topic: "t".to_owned(),
        consumer_offset: ConsumerOffset::Latest,
        thread_concurrency: 6,
        spread: 1,
    };
    let input = PreflightInput {
        bootstrap_servers: &[],
        source: &source,
        group: "g",
        uid: "mine",
        creation: ResourceCreation::Automatically,
        resources: &[],
        owner: |_| None,
        too_large: &|_| None,
    };
    let held = Ok([(0, Committed { offset: 1, metadata: Vec::new() })].into());
    for (committed, owner, verdict) in [
        (Ok(BTreeMap::new()), None, Verdict::Pass),
        (held.clone(), Some("mine"), Verdict::Pass),
        (held.clone(), Some("other"), Verdict::Warn),
        (held, None, Verdict::Warn),
    ] {
        let owners = owner.into_iter().map(str::to_owned).collect();
        let found = group_offsets(&input, &committed, &owners);
        assert_eq!(found.verdict, verdict, "{owner:?}");
        assert_eq!(found.code.is_some(), verdict == Verdict::Warn);
    }
}

#[test]
fn a_member_that_is_no_task_of_the_connector_is_a_stranger() {
    let member = |id: Option<&str>| GroupMember {
        instance_id: id.map(str::to_owned),
        client_id: "console".to_owned(),
        host: "/10.0.0.9".to_owned(),
        ..GroupMember::default()
    };
    let with = |id| Ok(Some((GroupMembers { is_stable: true, members: vec![member(id)] }, None)));
    let verdict = |uid: &str, id| group("g", uid, with(id))[1].verdict;
    assert_eq!(verdict("u", Some("u-0")), Verdict::Pass);
    assert_eq!(verdict("u", Some("v-0")), Verdict::Fail);
    assert_eq!(verdict("", Some("-0")), Verdict::Fail, "one that does not exist has no tasks");
    let found = group("g", "u", with(None));
    assert_eq!(found[0].verdict, Verdict::Skipped, "what is allowed is not told");
    assert!(found[1].detail.contains("`console` at /10.0.0.9"), "{found:?}");
}

#[test]
fn a_topic_that_does_not_exist_is_what_the_brokers_would_make_of_it() {
    let resource = PlannedResource {
        roles: vec![ResourceRole::AbnormalDataTopic.into()],
        name: "e".to_owned(),
        partitions: 6,
        cleanup_policy: "delete".to_owned(),
        ..PlannedResource::default()
    };
    let check = Check::KafkaErrorTopic;
    let verdict = |outcome| creation(check, &resource, outcome).verdict;
    assert_eq!(verdict(Ok(Some(Creation::Created))), Verdict::Pass);
    assert_eq!(verdict(Ok(Some(Creation::AlreadyExists))), Verdict::Skipped);
    assert_eq!(verdict(Ok(None)), Verdict::Skipped);
    let refused = creation(check, &resource, Ok(Some(Creation::Refused("policy".to_owned()))));
    assert_eq!(refused.code, Some(ErrorCode::KafkaResourceMissing));
    assert!(refused.detail.contains("policy") && refused.detail.contains("6 partitions"));
}

#[test]
fn of_many_the_first_are_named() {
    let all: Vec<_> = (0..7).map(|number| number.to_string()).collect();
    assert_eq!(named(&all), "0, 1, 2, 3, 4 and 2 more");
    assert_eq!(named(&all[..2]), "0, 1");
}
