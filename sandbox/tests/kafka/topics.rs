use std::ffi::{CStr, CString};

use crate::support::*;
use kafka2oss_sandbox::kafka::{BROKER_ID, EmbeddedKafka, EmbeddedKafkaError, TopicCreation};
use rdkafka::bindings::*;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

#[test]
fn topics_are_made_once_and_remembered() {
    let kafka = kafka(12);
    assert_eq!(kafka.create_topic(TOPIC, 12).unwrap(), TopicCreation::Existed);
    assert!(matches!(
        kafka.create_topic(TOPIC, 6),
        Err(EmbeddedKafkaError::TopicExists { partitions: 12, .. })
    ));
    assert_eq!(kafka.create_topic("connect-config-a", 1).unwrap(), TopicCreation::Created);
    assert_eq!(kafka.topics(), [("connect-config-a".to_owned(), 1), (TOPIC.to_owned(), 12)]);

    let metadata = consumer(&kafka, "error").fetch_metadata(Some(TOPIC), TIMEOUT).unwrap();
    assert_eq!(metadata.topics()[0].partitions().len(), 12);
}

#[test]
fn illegal_topics_are_refused() {
    let kafka = EmbeddedKafka::start().unwrap();
    for name in ["", ".", "..", "a b", "ä", &"t".repeat(250)] {
        let refused = kafka.create_topic(name, 1);
        assert!(matches!(refused, Err(EmbeddedKafkaError::InvalidTopicName { .. })), "{name}");
    }
    for partitions in [0, 1001] {
        let refused = kafka.create_topic(TOPIC, partitions);
        assert!(matches!(refused, Err(EmbeddedKafkaError::InvalidPartitions { .. })));
    }
    assert!(kafka.topics().is_empty());
}

#[test]
fn a_topic_that_a_producer_has_made_cannot_be_made_again() {
    let kafka = EmbeddedKafka::start().unwrap();
    produce(&kafka, 1, 1);
    assert!(matches!(kafka.create_topic(TOPIC, 6), Err(EmbeddedKafkaError::CreateTopic { .. })));
}

#[test]
fn topic_ids_are_told_and_differ() {
    let kafka = kafka(1);
    kafka.create_topic("other", 1).unwrap();
    let consumer = consumer(&kafka, "error");
    let ids = [TOPIC, "other", TOPIC].map(|topic| topic_id(&consumer, topic));
    assert_eq!(ids[0], ids[2]);
    assert_ne!(ids[0], ids[1]);
}

/// Base64 of a topic's id, by `rd_kafka_DescribeTopics` from the one broker: there
/// is no controller to ask.
fn topic_id(consumer: &BaseConsumer, topic: &str) -> String {
    let client = consumer.client().native_ptr();
    let name = CString::new(topic).unwrap();
    let mut names = [name.as_ptr()];
    // SAFETY: every pointer comes from librdkafka, is used while its owner lives, and
    // is destroyed once.
    unsafe {
        let queue = rd_kafka_queue_new(client);
        let topics = rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        let api = rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let options = rd_kafka_AdminOptions_new(client, api);
        let chosen = rd_kafka_AdminOptions_set_broker(options, BROKER_ID, std::ptr::null_mut(), 0);
        assert_eq!(chosen as i32, 0);
        rd_kafka_DescribeTopics(client, topics, options, queue);
        rd_kafka_AdminOptions_destroy(options);
        rd_kafka_TopicCollection_destroy(topics);
        let event = rd_kafka_queue_poll(queue, 20_000);
        assert!(!event.is_null(), "no answer");
        let error = CStr::from_ptr(rd_kafka_event_error_string(event)).to_string_lossy();
        assert_eq!(rd_kafka_event_error(event) as i32, 0, "{error}");
        let result = rd_kafka_event_DescribeTopics_result(event);
        let mut count = 0;
        let descriptions = rd_kafka_DescribeTopics_result_topics(result, &mut count);
        assert_eq!(count, 1);
        let id = rd_kafka_TopicDescription_topic_id(*descriptions);
        let id = CStr::from_ptr(rd_kafka_Uuid_base64str(id)).to_string_lossy().into_owned();
        rd_kafka_event_destroy(event);
        rd_kafka_queue_destroy(queue);
        id
    }
}
