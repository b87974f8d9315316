//! A bucket that overwrites although it is told not to, as OSS with versioning: no
//! record is lost, and one may stand in several objects.

use anyhow::Result;
use kafka2oss_agent::task::StopMode;
use kafka2oss_chain::{Keys, ObjectKey};
use kafka2oss_domain::ErrorCode;
use kafka2oss_sandbox::oss::{Fault, Occurrence, Operation, RequestMatch, Versioning};
use kafka2oss_tests::produce::numbered;
use kafka2oss_tests::wait::eventually;

use crate::world::{LIMIT, World};

fn puts() -> RequestMatch {
    RequestMatch::operation(Operation::PutObject)
}

impl World {
    async fn overwriting() -> Result<Self> {
        let mut world = Self::new(1).await?;
        world.oss.set_versioning("records", Versioning::Enabled).await?;
        world.keys = Keys::Own;
        Ok(world)
    }

    /// Keys of links, and whether each is an attempt's own.
    async fn link_keys(&self) -> Result<Vec<(String, bool)>> {
        let is_own = |key: &str| ObjectKey::parse(key).unwrap().attempt.is_some();
        let keys = self.bucket.keys("").await?;
        Ok(keys.into_iter().map(|key| (key.clone(), is_own(&key))).collect())
    }

    async fn stored(&self, puts: u64) -> Result<()> {
        let mut counters = self.oss.watch_counters();
        let stored = counters.wait_for(|counters| counters.puts_stored >= puts);
        tokio::time::timeout(LIMIT, stored).await??;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_that_lands_late_takes_nothing_of_what_was_committed() -> Result<()> {
    // given a shorter object that is on its way when its owner is killed
    let world = World::overwriting().await?;
    let producer = world.kafka.producer()?;
    let mut produced = producer.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    let hold = world.oss.faults().hold_next_before(puts());
    let left_behind = world.start(0).await?;
    tokio::time::timeout(LIMIT, hold.held()).await?;
    drop(left_behind);

    // when it lands after a longer one was committed
    produced.extend(producer.send_all(&world.topic, numbered("b", 0..10, 1)).await?);
    let owner = world.start(0).await?;
    owner.delivered(&produced).await?;
    let before = world.oss.counters().puts_stored;
    hold.release();
    world.stored(before + 1).await?;

    // then
    assert_eq!(world.judge_at_least_once(&produced).await?, 10);
    assert!(world.link_keys().await?.iter().all(|(_, is_own)| *is_own));
    owner.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_put_under_an_own_key_without_its_commit_is_adopted() -> Result<()> {
    let world = World::overwriting().await?;
    let producer = world.kafka.producer()?;
    let mut produced = producer.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    let hold = world.oss.faults().hold_after_put();
    let first = world.start(0).await?;
    tokio::time::timeout(LIMIT, hold.held()).await?;
    drop(first);
    hold.release();

    produced.extend(producer.send_all(&world.topic, numbered("b", 0..10, 1)).await?);
    let second = world.start(0).await?;
    second.delivered(&produced).await?;

    assert_eq!(world.judge_at_least_once(&produced).await?, 0, "it stands where it was announced");
    second.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_whose_answers_were_lost_is_put_again_under_its_key() -> Result<()> {
    let world = World::overwriting().await?;
    let lost = world.oss.faults().inject(puts(), Fault::LostAnswer, Occurrence::Times(2));
    let produced = world.kafka.producer()?.send_all(&world.topic, numbered("a", 0..10, 1)).await?;

    let task = world.start(0).await?;
    task.delivered(&produced).await?;

    assert_eq!(lost.hits(), 2);
    assert_eq!(world.judge_at_least_once(&produced).await?, 0);
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn versioning_that_is_turned_on_is_noticed_and_keys_become_the_attempts_own() -> Result<()> {
    // given a task that relies on the store to refuse
    let world = World::new(1).await?;
    let producer = world.kafka.producer()?;
    let mut produced = producer.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    let task = world.start(0).await?;
    let seen = task.delivered(&produced).await?;
    assert!(!seen.store_overwrites);

    // when
    world.oss.set_versioning("records", Versioning::Enabled).await?;
    produced.extend(producer.send_all(&world.topic, numbered("b", 0..10, 1)).await?);
    let seen = task.delivered(&produced).await?;

    // then what was put under a key that others share does not count
    assert!(seen.store_overwrites);
    assert_eq!(seen.downgrade.unwrap().code, ErrorCode::StoreVersioningOn);
    let keys = world.link_keys().await?;
    let own: Vec<_> = keys.iter().map(|(_, is_own)| *is_own).collect();
    assert_eq!(own, [false, true, false], "{keys:?}");
    assert_eq!(world.judge_at_least_once(&produced).await?, 10);
    assert_eq!(seen.totals.records, 20, "what did not count is not counted");
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

/// Its owner may be frozen, with another object of that key on its way.
#[tokio::test(flavor = "multi_thread")]
async fn what_stands_under_a_shared_key_is_not_adopted_where_it_may_be_overwritten() -> Result<()> {
    for keys in [Keys::Shared, Keys::Own] {
        // given an object without its commit
        let mut world = World::new(1).await?;
        world.oss.set_versioning("records", Versioning::Enabled).await?;
        let lost = world.oss.faults().inject(puts(), Fault::LostAnswer, Occurrence::Always);
        let producer = world.kafka.producer()?;
        let produced = producer.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
        let first = world.start(0).await?;
        eventually("it stands", LIMIT, async || Ok((lost.hits() > 0).then_some(()))).await?;
        drop(first);
        lost.remove();

        // when the next owner comes, whether it knows of the store or not
        world.keys = keys;
        let second = world.start(0).await?;
        second.delivered(&produced).await?;

        // then
        let own: Vec<_> = world.link_keys().await?.iter().map(|(_, is_own)| *is_own).collect();
        assert_eq!(own, [true, false], "{keys:?}");
        assert_eq!(world.judge_at_least_once(&produced).await?, 10);
        second.handle.stop(StopMode::Leave).await;
    }
    Ok(())
}
