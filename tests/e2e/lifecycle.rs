//! Pause, resume and delete.

use anyhow::{Context, Result};
use kafka2oss_proto::v1;
use kafka2oss_tests::produce::{Record, numbered};

use crate::deployment::LIMIT;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_connector_takes_nothing_and_goes_on_where_it_stopped() -> Result<()> {
    // given
    let world = World::new(2).await?;
    let connector = world.connector().await?;
    connector.run_spread(2).await?;
    let mut produced = world.produce(numbered("before ", 0..100, 2)).await?;

    // when paused, with records under way
    connector.pause().await?;
    let paused = connector.is(v1::ConnectorState::Paused).await?;
    let objects = world.bucket.keys(&world.topic).await?;
    let before = produced.clone();
    produced.extend(world.produce(numbered("during ", 0..100, 2)).await?);

    // then the members stay in the group, and what was taken is committed
    let group = world.admin()?.group(&connector.group()).await?.context("the group")?;
    assert_eq!(group.members.len(), 2, "{group:?}");
    let committed = world.admin()?.committed_offsets(&connector.group(), &world.topic).await?;
    let records: usize =
        world.bucket.records(&world.topic).await?.iter().map(|o| o.records.len()).sum();
    assert_eq!(committed.values().sum::<i64>(), i64::try_from(records)?);
    assert!(records <= before.len());
    assert_eq!(paused.desired_state(), v1::DesiredState::Paused);

    // and a pause is OK when repeated, and takes nothing
    connector.pause().await?;
    connector.is(v1::ConnectorState::Paused).await?;
    assert_eq!(world.bucket.keys(&world.topic).await?, objects);

    // and when resumed, nothing is missing or doubled
    connector.resume().await?;
    connector.is(v1::ConnectorState::Running).await?;
    connector.delivered(&produced).await?;
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_removes_what_the_service_made_and_nothing_else() -> Result<()> {
    // given an offset topic made by hand, and a bad record in the error topic
    let world = World::new(2).await?;
    let connector = world.connector().await?;
    let admin = world.admin()?;
    let topic = |kind: &str| format!("connect-{kind}-{}", connector.id);
    admin.create_topic(&topic("offset"), 12, &[("cleanup.policy", "compact")]).await?;
    connector.run().await?;
    let mut produced = world.produce(numbered("good ", 0..100, 2)).await?;
    produced.extend(world.produce([Record::new([0xff, 0xfe]).partition(0)]).await?);
    connector.delivered(&produced).await?;
    for kind in ["config", "status", "error"] {
        assert!(admin.partitions(&topic(kind)).await?.is_some(), "{kind}");
    }

    // when
    connector.delete().await?;

    // then
    let topics = admin.topics().await?;
    let stays = |kind: &str| topics.contains_key(&topic(kind));
    assert!(stays("offset"), "the service did not make it");
    assert!(stays("error"), "it holds a record");
    assert!(!stays("config") && !stays("status"), "{topics:?}");
    assert_eq!(admin.group(&connector.group()).await?, None);
    assert!(topics.contains_key(&world.topic), "the source");
    world.judge(&produced).await?;
    let error = connector.get().await.expect_err("it is gone");
    assert!(format!("{error:#}").contains("does not exist"), "{error:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_agent_a_deletion_waits_says_so_and_can_be_finished() -> Result<()> {
    // given a connector with topics that the service made, and no agent any more
    let mut world = World::new(1).await?;
    let connector = world.connector().await?;
    connector.run().await?;
    let mut agent = world.deployment.take_agent("agent-0");
    agent.process.term()?;
    agent.process.wait_exit(LIMIT).await?;

    // when
    let request = v1::DeleteConnectorRequest { name: connector.name.clone(), ..Default::default() };
    connector.client().delete_connector(request.clone()).await?;

    // then it waits, says why, and takes no other action
    connector.shows("AGENT_NONE_IN_POOL").await?;
    connector.is(v1::ConnectorState::Deleting).await?;
    let resumed = connector.resume().await.expect_err("it is to be deleted");
    assert!(format!("{resumed:#}").contains("DELETED"), "{resumed:#}");

    // and it is gone without its topics' removal, where that is asked for
    let orphan = v1::DeleteConnectorRequest { orphan_resources: true, ..request };
    connector.client().delete_connector(orphan).await?;
    connector.is_gone().await?;
    let config = format!("connect-config-{}", connector.id);
    assert!(world.admin()?.partitions(&config).await?.is_some(), "it stays behind");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_of_a_deleted_ones_name_starts_a_chain_of_its_own() -> Result<()> {
    // given a connector that has delivered, and is deleted
    let world = World::new(1).await?;
    let first = world.connector().await?;
    first.run().await?;
    let produced = world.produce(numbered("r", 0..50, 1)).await?;
    first.delivered(&produced).await?;
    let objects = world.bucket.keys(&world.topic).await?;
    first.delete().await?;

    // when one of the same name, topic and bucket is created
    let second = world.create(&first.id, world.spec()).await?;
    second.run().await?;
    second.delivered(&produced).await?;

    // then it has delivered all from the beginning, beside the old objects
    let all = world.bucket.records(&world.topic).await?;
    let (old, new): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|object| objects.contains(&object.key));
    let judge = kafka2oss_tests::judge::Judge::default();
    judge.judge(&produced, &old).exactly_once().context("the first one's objects")?;
    judge.judge(&produced, &new).exactly_once().context("the second one's objects")
}
