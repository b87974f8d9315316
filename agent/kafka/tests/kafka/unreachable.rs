//! Brokers that cannot be talked to.

use std::time::{Duration, Instant};

use anyhow::Result;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::spec::SecretSource;
use kafka2oss_kafka::{BrokerAdmin, KafkaAdmin, NotDelivered, TestMessage};
use kafka2oss_tests::port;

use crate::support::{connect, instance, topic_plan, write_test_message};

const BOUND: Duration = Duration::from_secs(20);

#[tokio::test]
async fn an_unreachable_broker_is_told_within_a_bounded_time() -> Result<()> {
    let [port] = port::free()?;
    let address = format!("127.0.0.1:{port}");
    let admin = connect(&address).await;
    let started = Instant::now();

    let plan = topic_plan("t", 1);
    let (cluster, creation, committed) = tokio::join!(
        admin.cluster_id(),
        admin.create_topic(&plan),
        admin.committed("g", "t", &[0]),
    );

    for problem in [cluster.unwrap_err(), creation.unwrap_err(), committed.unwrap_err()] {
        assert_eq!(problem.code, ErrorCode::KafkaUnreachable, "{problem}");
        assert!(problem.message.contains(&address), "{problem}");
    }
    assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
    Ok(())
}

#[tokio::test]
async fn a_test_message_to_an_unreachable_broker_fails_within_a_bounded_time() -> Result<()> {
    let [port] = port::free()?;
    let instance = instance(&format!("127.0.0.1:{port}"));
    let started = Instant::now();

    let failed = write_test_message(&instance, "t", &TestMessage::default()).await.unwrap_err();

    let NotDelivered { problem, may_stand } = failed;
    assert!(!may_stand, "nobody was there to write it");
    assert_eq!(problem.code, ErrorCode::KafkaUnreachable, "{problem}");
    assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
    Ok(())
}

#[tokio::test]
async fn a_ca_that_is_none_is_told_at_once() {
    let mut instance = instance("127.0.0.1:1");
    instance.security.tls = true;
    instance.security.ca_certificate = Some(SecretSource::Plain("no certificate".into()));

    let problem = BrokerAdmin::connect(&instance).await.err().unwrap();

    assert_eq!(problem.code, ErrorCode::KafkaTlsFailed, "{problem}");
}
