use std::time::Instant;

use crate::support::*;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

#[test]
fn beginning_and_end_offsets_are_told() {
    let kafka = kafka(2);
    produce(&kafka, 1, 10);
    let consumer = consumer(&kafka, "error");
    assert_eq!(consumer.fetch_watermarks(TOPIC, 0, TIMEOUT).unwrap(), (0, 10));
    assert_eq!(consumer.fetch_watermarks(TOPIC, 1, TIMEOUT).unwrap(), (0, 0));

    let mut list = TopicPartitionList::new();
    list.add_partition_offset(TOPIC, 0, Offset::End).unwrap();
    list.add_partition_offset(TOPIC, 1, Offset::End).unwrap();
    let ends = consumer.offsets_for_times(list, TIMEOUT).unwrap();
    let ends: Vec<_> = ends.elements().iter().map(|element| element.offset()).collect();
    assert_eq!(ends, [Offset::Offset(10), Offset::Offset(0)]);
}

#[test]
fn with_reset_error_a_partition_without_an_offset_reports_and_one_beyond_the_end_too() {
    let kafka = kafka(1);
    produce(&kafka, 1, 10);
    for offset in [Offset::Stored, Offset::Offset(1000)] {
        let consumer = consumer(&kafka, "error");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(TOPIC, 0, offset).unwrap();
        consumer.assign(&list).unwrap();
        let deadline = Instant::now() + TIMEOUT;
        let error = loop {
            assert!(Instant::now() < deadline, "no error for {offset:?}");
            match consumer.poll(std::time::Duration::from_millis(100)) {
                Some(Err(error)) => break error,
                Some(Ok(_)) => panic!("a record for {offset:?}"),
                None => {}
            }
        };
        assert!(matches!(error, KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset)));
    }
}

#[test]
fn with_reset_error_a_partition_starts_at_an_explicit_offset() {
    let kafka = kafka(1);
    produce(&kafka, 1, 10);
    let consumer = consumer(&kafka, "error");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(TOPIC, 0, Offset::Offset(7)).unwrap();
    consumer.assign(&list).unwrap();
    assert_eq!(values(&consume(&consumer, 3)), ["value 0/7", "value 0/8", "value 0/9"]);
}
