//! A test message that is not acknowledged, and whether it may stand in its topic.

use anyhow::Result;
use kafka2oss_kafka::{TestMessage, TestMessageWriter};
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};

use crate::support::instance;

#[tokio::test]
async fn one_that_a_frozen_broker_was_sent_may_stand_in_the_topic() -> Result<()> {
    // given a writer whose connection is open
    let mut kafka = KafkaServer::start(KafkaOptions::default()).await?;
    kafka.admin()?.create_topic("t", 1, &[]).await?;
    let writer = TestMessageWriter::connect(&instance(&kafka.bootstrap())).await?;
    let message = TestMessage { value: Some(b"1".to_vec()), ..TestMessage::default() };
    assert_eq!(writer.write("t", &message).await?.offset, 0);

    // when a message is sent to a broker that does not answer
    kafka.pause()?;
    let unanswered = writer.write("t", &message).await.unwrap_err();

    // then it is not known whether it stands there: once the broker goes on, it reads what it
    // was sent, or finds the connection closed before
    assert!(unanswered.may_stand, "{unanswered}");
    kafka.resume()?;
    Ok(())
}

#[tokio::test]
async fn one_for_a_topic_that_is_not_there_stands_nowhere() -> Result<()> {
    let kafka = kafka2oss_tests::kafka::shared_kafka().await?;
    let writer = TestMessageWriter::connect(&instance(&kafka.bootstrap())).await?;
    let topic = kafka2oss_tests::name::unique("absent");
    let refused = writer.write(&topic, &TestMessage::default()).await.unwrap_err();
    assert!(!refused.may_stand, "{refused}");
    Ok(())
}
