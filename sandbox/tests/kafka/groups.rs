use std::time::Instant;

use crate::support::*;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

fn position(offset: i64, metadata: &str) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    let mut element = list.add_partition(TOPIC, 0);
    element.set_offset(Offset::Offset(offset)).unwrap();
    element.set_metadata(metadata);
    list
}

fn committed(consumer: &BaseConsumer) -> (Offset, String) {
    let mut list = TopicPartitionList::new();
    list.add_partition(TOPIC, 0);
    let list = consumer.committed_offsets(list, TIMEOUT).unwrap();
    let element = list.find_partition(TOPIC, 0).unwrap();
    (element.offset(), element.metadata().to_owned())
}

#[test]
fn a_group_consumes_what_was_produced() {
    let kafka = kafka(6);
    produce(&kafka, 6, 100);
    let consumer = consumer(&kafka, "earliest");
    consumer.subscribe(&[TOPIC]).unwrap();
    let records = consume(&consumer, 600);
    let mut expected: Vec<_> = (0..6)
        .flat_map(|partition| (0..100).map(move |number| format!("value {partition}/{number}")))
        .collect();
    expected.sort();
    assert_eq!(values(&records), expected);
}

#[test]
fn partitions_are_divided_among_the_members_of_a_group() {
    let kafka = kafka(6);
    let members = [consumer(&kafka, "earliest"), consumer(&kafka, "earliest")];
    for member in &members {
        member.subscribe(&[TOPIC]).unwrap();
    }
    let deadline = Instant::now() + TIMEOUT;
    let counts = || members.each_ref().map(|member| member.assignment().unwrap().count());
    while counts() != [3, 3] {
        assert!(Instant::now() < deadline, "{:?}", counts());
        for member in &members {
            assert!(member.poll(std::time::Duration::from_millis(50)).is_none());
        }
    }
}

#[test]
fn a_committed_offset_keeps_its_metadata() {
    let kafka = kafka(1);
    produce(&kafka, 1, 10);
    let first = consumer(&kafka, "earliest");
    join(&first);
    let pin = "1;01J8;topic-id;3;oss-test-input/0/oss-test-input+0+4-0a1b2c3d.json";
    first.commit(&position(4, pin), CommitMode::Sync).unwrap();
    assert_eq!(committed(&first), (Offset::Offset(4), pin.to_owned()));

    // The same offset with other metadata, and metadata as long as Kafka takes.
    let long = "p".repeat(4096);
    first.commit(&position(4, &long), CommitMode::Sync).unwrap();
    drop(first);

    let second = consumer(&kafka, "earliest");
    assert_eq!(committed(&second), (Offset::Offset(4), long));
    second.subscribe(&[TOPIC]).unwrap();
    assert_eq!(values(&consume(&second, 6))[0], "value 0/4");
}

#[test]
fn a_commit_from_outside_a_group_with_members_is_refused() {
    let kafka = kafka(1);
    let member = consumer(&kafka, "earliest");
    join(&member);
    let outsider = consumer(&kafka, "earliest");
    let refused = outsider.commit(&position(4, ""), CommitMode::Sync);
    assert!(matches!(refused, Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::UnknownMemberId))));
}
