//! What can be wrong on Kafka's side: shown with its code and its cure, and
//! over by itself when the cause is gone.

use anyhow::Result;
use kafka2oss_proto::v1;
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};
use kafka2oss_tests::name::unique;
use kafka2oss_tests::produce::{Producer, numbered};

use crate::deployment::Settings;
use crate::spec::Parts;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_goes_away_is_shown_and_nothing_is_lost_when_it_is_back() -> Result<()> {
    // given a connector that runs, on a broker of its own
    let mut kafka = KafkaServer::start(KafkaOptions::default()).await?;
    let world = World::on(&kafka, 2, Settings::default()).await?;
    let running = world.connector().await?;
    running.run().await?;
    let mut produced = world.produce(numbered("before ", 0..100, 2)).await?;
    running.delivered(&produced).await?;

    // when the broker stops, and another connector is deployed meanwhile
    kafka.stop().await?;
    let late = world.connector().await?;
    late.deploy().await?;

    // then both say so
    running.shows("KAFKA_UNREACHABLE").await?;
    let shown = late.shows("KAFKA_UNREACHABLE").await?;
    assert_ne!(shown.status.unwrap_or_default().state(), v1::ConnectorState::Running);

    // and when it is back, both run
    kafka.start_again().await?;
    running.is(v1::ConnectorState::Running).await?;
    late.is(v1::ConnectorState::Running).await?;
    produced.extend(world.produce(numbered("after ", 0..100, 2)).await?);
    running.delivered(&produced).await?;
    late.delivered(&produced).await?;
    // Two connectors, so that each record stands in two chains.
    let objects = world.bucket.records(&world.topic).await?;
    let records: usize = objects.iter().map(|object| object.records.len()).sum();
    assert_eq!(records, 2 * produced.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_topic_is_shown_and_taken_from_its_first_record_once_it_is_there() -> Result<()> {
    let world = World::new(1).await?;
    let topic = unique("later");
    let connector = world.connector_with(|spec| spec.source().topic = topic.clone()).await?;
    connector.deploy().await?;

    let shown = connector.shows("KAFKA_TOPIC_NOT_FOUND").await?;
    assert_eq!(shown.status.unwrap_or_default().state(), v1::ConnectorState::Failed);
    world.admin()?.create_topic(&topic, 2, &[]).await?;
    let producer = Producer::new(&world.bootstrap)?;
    let produced = producer.send_all(&topic, numbered("r", 0..100, 2)).await?;

    connector.is(v1::ConnectorState::Running).await?;
    connector.delivered(&produced).await?;
    let judge = kafka2oss_tests::judge::Judge::default();
    judge.judge_bucket(&produced, &world.bucket, &topic).await?.exactly_once()
}

#[tokio::test(flavor = "multi_thread")]
async fn manual_creation_lists_what_to_make_and_starts_when_it_is_there() -> Result<()> {
    // given
    let world = World::new(1).await?;
    let connector = world
        .connector_with(|spec| {
            spec.resources().set_creation(v1::ResourceCreation::Manually);
        })
        .await?;
    let produced = world.produce(numbered("r", 0..100, 1)).await?;

    // when
    connector.deploy().await?;

    // then it says what is to be made, exactly
    let shown = connector.shows("KAFKA_RESOURCE_MISSING").await?;
    let status = shown.status.unwrap_or_default();
    assert_eq!(status.state(), v1::ConnectorState::Deploying);
    let missing: Vec<_> = status
        .missing_resources
        .iter()
        .filter(|resource| resource.partitions > 0)
        .map(|r| (r.name.clone(), r.partitions, &r.cleanup_policy[..]))
        .collect();
    let name = |kind: &str| format!("connect-{kind}-{}", connector.id);
    // The data path needs no internal topic, but the error topic.
    assert!(missing.contains(&(name("error"), 6, "delete")), "{missing:?}");

    // and it starts when the user has made all that is listed
    for (name, partitions, cleanup_policy) in missing {
        let policy = [("cleanup.policy", cleanup_policy)];
        world.admin()?.create_topic(&name, partitions, &policy).await?;
    }
    connector.is(v1::ConnectorState::Running).await?;
    connector.delivered(&produced).await?;
    world.judge(&produced).await?;

    // and Delete leaves what the user has made
    connector.delete().await?;
    assert!(world.admin()?.partitions(&name("error")).await?.is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_without_an_agent_is_shown_and_a_connector_starts_when_one_joins() -> Result<()> {
    let settings = Settings { agents: 0, ..Settings::default() };
    let mut world = World::with(1, settings).await?;
    let produced = world.produce(numbered("r", 0..100, 1)).await?;
    let connector = world.connector().await?;
    connector.deploy().await?;

    connector.shows("AGENT_NONE_IN_POOL").await?;
    world.deployment.start_agent().await?;

    connector.is(v1::ConnectorState::Running).await?;
    connector.delivered(&produced).await?;
    world.judge(&produced).await
}
