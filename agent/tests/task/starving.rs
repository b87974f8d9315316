//! A partition whose log goes on while nothing of it arrives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use kafka2oss_agent::task::{PartitionState, StopMode};
use kafka2oss_domain::ErrorCode;
use kafka2oss_tests::kafka_proxy::{FETCH, JOIN_GROUP};
use kafka2oss_tests::produce::{Producer, Record, numbered};
use kafka2oss_tests::wait::eventually;

use crate::slow_broker::SlowBroker;
use crate::world::{LIMIT, World};

/// A look at the log's end is taken once a minute; what does not come for 75 s is a
/// stall.
const STALL: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_gets_nothing_although_there_is_something_is_made_anew() -> Result<()> {
    let slow = SlowBroker::start().await?;
    let world = slow.world(1).await?;
    let producer = world.kafka.producer()?;
    let task = world.start(0).await?;
    task.owns(1).await?;
    let mut produced = producer.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    task.delivered(&produced).await?;

    // Fetches are answered no more; heartbeats, commits and metadata are. A new consumer
    // has better luck.
    let (silent, renewed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (holds, joins) = (silent.clone(), renewed.clone());
    slow.proxy.hold(move |request| {
        if request.api_key() == Some(JOIN_GROUP) {
            joins.store(true, Ordering::Relaxed);
        }
        let held = !joins.load(Ordering::Relaxed) && request.api_key() == Some(FETCH);
        holds.fetch_or(held, Ordering::Relaxed);
        held.then_some(Duration::from_secs(3_600))
    });
    // The one that is under way may bring what is produced meanwhile.
    eventually("a fetch is held", LIMIT, async || Ok(silent.load(Ordering::Relaxed).then_some(())))
        .await?;
    produced.extend(producer.send_all(&world.topic, numbered("b", 0..10, 1)).await?);

    let mut snapshots = task.handle.snapshot();
    let delivered = snapshots.wait_for(|seen| {
        seen.partitions.get(&0).is_some_and(|seen| seen.committed_offset == Some(20))
    });
    tokio::time::timeout(STALL, delivered).await??;
    assert!(renewed.load(Ordering::Relaxed), "the same consumer went on");
    world.judge(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_open_transaction_holds_back_is_neither_lag_nor_a_stall() -> Result<()> {
    let world = World::new(1).await?;
    let (producer, transaction) =
        (world.kafka.producer()?, Producer::transactional(&world.kafka.bootstrap()).await?);
    let task = world.start(0).await?;
    task.owns(1).await?;
    let mut produced = producer.send_all(&world.topic, numbered("a", 0..10, 1)).await?;
    task.delivered(&produced).await?;

    transaction.begin()?;
    let record = Record::new("uncommitted").partition(0);
    produced.push(transaction.send(&world.topic, record).await?);

    // The log goes on after the loop was told that it has reached the end.
    eventually("it lags", LIMIT, async || {
        produced.extend(producer.send_all(&world.topic, numbered("b", 0..1, 1)).await?);
        Ok((task.now().partitions[&0].end_offset > Some(10)).then_some(()))
    })
    .await?;
    let held = |seen: &kafka2oss_agent::task::PartitionSnapshot| {
        seen.end_offset == Some(10) && seen.position == 10
    };
    let seen = task.partition("nothing can be read", 0, held).await?;
    let partition = &seen.partitions[&0];
    assert_eq!((partition.state, partition.problem.clone()), (PartitionState::Running, None));
    // More of what cannot be read is no lag either.
    produced.extend(producer.send_all(&world.topic, numbered("c", 0..10, 1)).await?);
    transaction.commit().await?;
    task.delivered(&produced).await?;
    assert_ne!(task.now().problem.map(|problem| problem.code), Some(ErrorCode::PartitionStalled));
    world.judge(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}
