//! Brokers that ask who the agent is by a token.

use std::fs;

use anyhow::{Result, ensure};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::spec::{Instance, Sasl, SecretSource};
use kafka2oss_kafka::{BrokerAdmin, KafkaAdmin, TestMessage, millis_since_1970};
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};
use kafka2oss_tests::name::unique;
use kafka2oss_tests::scratch::Scratch;
use kafka2oss_tests::token::unsecured;

use crate::support::{instance, write_test_message};

const HOUR: i64 = 3_600;

fn now() -> i64 {
    millis_since_1970() / 1_000
}

#[tokio::test]
async fn brokers_that_ask_for_a_token_are_given_the_one_that_stands_in_its_place() -> Result<()> {
    // given brokers that take tokens, and a place for one
    let kafka = KafkaServer::start(KafkaOptions::default().asking_for_tokens()).await?;
    let topic = unique("topic");
    kafka.admin()?.create_topic(&topic, 1, &[]).await?;
    let folder = Scratch::new("token")?;
    let place = folder.join("token");
    let file = SecretSource::File(place.display().to_string());
    let mut instance: Instance = instance(&kafka.second().to_string());
    instance.security.sasl = Some(Sasl::Token(file));

    // when there is none, then that is told at once
    let missing = BrokerAdmin::connect(&instance).await.unwrap_err();
    ensure!(missing.code == ErrorCode::SecretUnreadable, "{missing}");

    // when it has expired, or brokers refuse it, then that is told
    fs::write(&place, unsecured("app", now() - HOUR))?;
    let admin = BrokerAdmin::connect(&instance).await?;
    let expired = admin.cluster_id().await.unwrap_err();
    ensure!(expired.code == ErrorCode::KafkaAuthenticationFailed, "{expired}");
    ensure!(expired.message.contains("unexpired token"), "{expired}");
    // Another place: nobody refuses what is no dated token before the brokers do.
    let other = folder.join("other");
    fs::write(&other, "s3cret")?;
    let mut opaque = instance.clone();
    opaque.security.sasl = Some(Sasl::Token(SecretSource::File(other.display().to_string())));
    let refused = BrokerAdmin::connect(&opaque).await?.cluster_id().await.unwrap_err();
    ensure!(refused.code == ErrorCode::KafkaAuthenticationFailed, "{refused}");
    ensure!(!refused.message.contains("s3cret"), "{refused}");

    // when it is renewed, then the next client is let in with it
    fs::write(&place, unsecured("app", now() + HOUR))?;
    let admin = BrokerAdmin::connect(&instance).await?;
    assert!(admin.cluster_id().await?.is_some());
    admin.committed(&unique("group"), &topic, &[0]).await?;
    let message = TestMessage { partition: Some(0), ..TestMessage::default() };
    write_test_message(&instance, &topic, &message).await?;
    Ok(())
}
