//! Positions in the offset topic, for the day on which the group's are gone.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use kafka2oss_agent::task::{CommitsSeen, Guidance, Mode, StopMode};
use kafka2oss_chain::{Checkpoint, CheckpointKey};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::spec::Instance;
use kafka2oss_kafka::{BrokerAdmin, InternalTopics, KafkaAdmin, read_compacted};
use kafka2oss_sandbox::oss::{Operation, RequestMatch};
use kafka2oss_tests::produce::{Produced, numbered};
use kafka2oss_tests::wait::eventually;

use crate::world::{LIMIT, World};

/// As an agent guides whose stream is gone.
pub(crate) fn nobody_can_tell() -> Guidance {
    Guidance { commits_seen: CommitsSeen::Unknown, ..Guidance::of_mode(Mode::Run) }
}

impl World {
    /// The chain's checkpoints.
    async fn checkpoints(&self) -> Result<BTreeMap<CheckpointKey, Checkpoint>> {
        let instance = Instance::try_from(self.instance.clone())?;
        let identity = self.identity().await?;
        let records = read_compacted(&instance, "reader", &self.offset_topic(), LIMIT).await?;
        let decoded = records.iter().filter_map(|(key, value)| {
            let checkpoint = Checkpoint::decode(value).filter(|own| own.is_of(&identity))?;
            Some((CheckpointKey::decode(key)?, checkpoint))
        });
        Ok(decoded.collect())
    }

    /// Removes the group with its offsets, once nobody is in it.
    pub(crate) async fn forget_offsets(&self) -> Result<()> {
        let instance = Instance::try_from(self.instance.clone())?;
        let admin = BrokerAdmin::connect(&instance).await?;
        eventually("the group is deleted", LIMIT, async || {
            Ok(Some(admin.delete_group(&self.group()).await?))
        })
        .await?;
        assert!(admin.committed(&self.group(), &self.topic, &[0]).await?.is_empty());
        Ok(())
    }

    /// Delivers ten records in links of five, then leaves the group.
    async fn ten_delivered(&self, prefix: &str) -> Result<Vec<Produced>> {
        let records = numbered(prefix, 0..10, 1);
        let produced = self.kafka.producer()?.send_all(&self.topic, records).await?;
        let task = self.start(0).await?;
        task.delivered(&produced).await?;
        task.handle.stop(StopMode::Leave).await;
        Ok(produced)
    }
}

async fn of_five() -> Result<World> {
    let mut world = World::new(1).await?;
    world.rotation().max_records = Some(5);
    Ok(world)
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_put_arrives_a_checkpoint_of_its_announcement_stands_in_the_offset_topic()
-> Result<()> {
    let world = World::new(1).await?;
    let produced = world.kafka.producer()?.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    let puts = RequestMatch::operation(Operation::PutObject);
    let hold = world.oss.faults().hold_before(puts);

    let task = world.start(0).await?;
    let held = tokio::time::timeout(LIMIT, hold.held()).await?;

    let checkpoints: Vec<_> = world.checkpoints().await?.into_values().collect();
    assert_eq!(checkpoints.len(), 1);
    assert_eq!((checkpoints[0].offset, &checkpoints[0].next_key), (0, &held.key));
    hold.release();
    task.delivered(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_removes_the_checkpoints_of_those_before_it() -> Result<()> {
    let world = of_five().await?;
    world.ten_delivered("a").await?;
    let before = world.checkpoints().await?;
    assert_eq!(before.values().map(|own| own.offset).collect::<Vec<_>>(), [10]);

    let records = numbered("b", 0..10, 1);
    let produced = world.kafka.producer()?.send_all(&world.topic, records).await?;
    let task = world.start(0).await?;
    task.delivered(&produced).await?;

    let now = eventually("its own is left", LIMIT, async || {
        let now = world.checkpoints().await?;
        let offsets: Vec<_> = now.values().map(|own| own.offset).collect();
        anyhow::ensure!(offsets == [20], "{offsets:?}");
        Ok(Some(now))
    })
    .await?;
    assert!(now.keys().all(|key| !before.contains_key(key)));
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_whose_offsets_are_gone_goes_on_at_its_highest_checkpoint() -> Result<()> {
    let world = of_five().await?;
    let mut produced = world.ten_delivered("a").await?;
    world.forget_offsets().await?;
    let records = numbered("b", 0..10, 1);
    produced.extend(world.kafka.producer()?.send_all(&world.topic, records).await?);

    let task = world.start_with(0, nobody_can_tell()).await?;
    task.delivered(&produced).await?;

    let links = world.arrived(&produced).await?;
    assert_eq!(links[..2].iter().map(|link| link.extent()).collect::<Vec<_>>(), [(0, 5), (5, 10)]);
    // From the beginning on there would have been a conflict at 0.
    let commits = world.commits().await?;
    let again = commits.iter().position(|taken| taken.offset == 10).unwrap();
    assert!(commits[again..].iter().all(|taken| taken.offset >= 10), "{commits:?}");
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_object_of_an_idle_partition_is_not_made_again_when_it_and_the_offset_are_gone()
-> Result<()> {
    let world = of_five().await?;
    world.ten_delivered("a").await?;
    world.forget_offsets().await?;
    for key in world.bucket.keys("").await? {
        world.oss.delete(world.bucket.name(), &key).await?;
    }
    let records = numbered("b", 0..10, 1);
    let produced = world.kafka.producer()?.send_all(&world.topic, records).await?;

    let task = world.start_with(0, nobody_can_tell()).await?;
    task.delivered(&produced).await?;

    let links = world.arrived(&produced).await?;
    assert_eq!(links.iter().map(|link| link.extent()).collect::<Vec<_>>(), [(10, 15), (15, 20)]);
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_lost_its_offsets_and_records_below_its_checkpoint_goes_on() -> Result<()> {
    let world = of_five().await?;
    let mut produced = world.ten_delivered("a").await?;
    world.forget_offsets().await?;
    world.remove_records_before(10).await?;
    let records = numbered("b", 0..10, 1);
    produced.extend(world.kafka.producer()?.send_all(&world.topic, records).await?);

    let task = world.start_with(0, nobody_can_tell()).await?;
    let seen = task.delivered(&produced).await?;

    assert_eq!(seen.totals.lost_offsets, 0);
    world.arrived(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_nothing_tells_of_is_lost_where_it_may_have_been_committed() -> Result<()> {
    let world = of_five().await?;
    let produced = world.ten_delivered("a").await?;
    world.forget_offsets().await?;
    world.kafka.admin()?.delete_topic(&world.offset_topic()).await?;

    let task = world.start_with(0, nobody_can_tell()).await?;

    assert_eq!(task.stopped().await?.code, ErrorCode::PositionLost);
    world.arrived(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_count_even_where_no_commit_was_seen() -> Result<()> {
    let world = of_five().await?;
    let mut produced = world.ten_delivered("a").await?;
    world.forget_offsets().await?;
    let records = numbered("b", 0..10, 1);
    produced.extend(world.kafka.producer()?.send_all(&world.topic, records).await?);

    let task = world.start(0).await?;
    task.delivered(&produced).await?;

    world.arrived(&produced).await?;
    let adopted = world.commits().await?.into_iter().filter(|taken| taken.offset == 0).count();
    assert_eq!(adopted, 1, "the chain began a second time");
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_offset_topic_records_flow_and_the_guarantee_is_downgraded() -> Result<()> {
    let world = World::new(1).await?;
    world.kafka.admin()?.delete_topic(&world.offset_topic()).await?;
    let produced = world.kafka.producer()?.send_all(&world.topic, numbered("a", 0..10, 1)).await?;

    let task = world.start(0).await?;
    let seen = task.delivered(&produced).await?;

    assert_eq!(seen.downgrade.unwrap().code, ErrorCode::KafkaResourceMissing);
    world.arrived(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_for_a_position_outlasts_the_put_window_of_whoever_was_left_behind() -> Result<()>
{
    let mut world = of_five().await?;
    world.runtime().session_timeout = Some(prost_types::Duration { seconds: 6, nanos: 0 });
    let produced = world.ten_delivered("a").await?;
    world.forget_offsets().await?;

    let began = std::time::Instant::now();
    let task = world.start_with(0, nobody_can_tell()).await?;
    task.delivered(&produced).await?;

    // An attempt to write a checkpoint may have been sent at the window's end.
    let least = Duration::from_secs(6) + InternalTopics::WRITE_LIMIT;
    assert!(began.elapsed() >= least, "{:?}", began.elapsed());
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}
