//! Clients of an embedded Kafka.

use std::time::{Duration, Instant};

use kafka2oss_sandbox::kafka::{CLIENT_SETTINGS, EmbeddedKafka};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Message as _, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

pub(crate) const TOPIC: &str = "oss-test-input";
pub(crate) const GROUP: &str = "connect-kafka-oss-sink";
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) fn kafka(partitions: u32) -> EmbeddedKafka {
    let kafka = EmbeddedKafka::start().unwrap();
    kafka.create_topic(TOPIC, partitions).unwrap();
    kafka
}

pub(crate) fn config(kafka: &EmbeddedKafka) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.bootstrap_servers());
    config
}

pub(crate) fn consumer_config(kafka: &EmbeddedKafka, reset: &str) -> ClientConfig {
    let mut config = config(kafka);
    config
        .set("group.id", GROUP)
        .set("group.protocol", "classic")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", reset);
    for (name, value) in CLIENT_SETTINGS {
        config.set(name, value);
    }
    config
}

pub(crate) fn consumer(kafka: &EmbeddedKafka, reset: &str) -> BaseConsumer {
    consumer_config(kafka, reset).create().unwrap()
}

/// Produces `count` records to each of the first `partitions` partitions.
pub(crate) fn produce(kafka: &EmbeddedKafka, partitions: i32, count: usize) {
    let producer: BaseProducer = config(kafka).create().unwrap();
    for partition in 0..partitions {
        for number in 0..count {
            let value = format!("value {partition}/{number}");
            let record = BaseRecord::to(TOPIC).key("key").payload(&value).partition(partition);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
    }
    producer.flush(TIMEOUT).unwrap();
}

/// Polls until `count` records have come.
pub(crate) fn consume(consumer: &BaseConsumer, count: usize) -> Vec<OwnedMessage> {
    let deadline = Instant::now() + TIMEOUT;
    let mut records = Vec::new();
    while records.len() < count {
        assert!(Instant::now() < deadline, "only {} of {count} records came", records.len());
        if let Some(record) = consumer.poll(Duration::from_millis(100)) {
            records.push(record.unwrap().detach());
        }
    }
    records
}

/// Joins the group and polls until partitions are assigned.
pub(crate) fn join(consumer: &BaseConsumer) {
    consumer.subscribe(&[TOPIC]).unwrap();
    let deadline = Instant::now() + TIMEOUT;
    while consumer.assignment().unwrap().count() == 0 {
        assert!(Instant::now() < deadline, "no partition was assigned");
        assert!(consumer.poll(Duration::from_millis(50)).is_none());
    }
}

pub(crate) fn values(records: &[OwnedMessage]) -> Vec<String> {
    let value =
        |record: &OwnedMessage| String::from_utf8(record.payload().unwrap().to_vec()).unwrap();
    let mut values: Vec<_> = records.iter().map(value).collect();
    values.sort();
    values
}
