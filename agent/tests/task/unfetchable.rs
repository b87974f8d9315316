//! Batches that are larger than what an agent fetches.

use anyhow::Result;
use kafka2oss_agent::task::{PartitionState, StopMode};
use kafka2oss_domain::ErrorCode;
use kafka2oss_memory::MemoryBudget;
use kafka2oss_proto::v1;
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};
use kafka2oss_tests::produce::{Produced, Producer, Record};
use tokio::sync::OnceCell;

use crate::world::{World, resume};

/// Above what is fetched with [`LITTLE`] memory, below what is with a world's own.
const HUGE: usize = 110_000_000;

const LITTLE: u64 = 64 << 20;

/// A broker that takes requests of this size, for all tests here.
async fn kafka() -> Result<&'static KafkaServer> {
    static SHARED: OnceCell<KafkaServer> = OnceCell::const_new();
    let options = KafkaOptions { heap_mib: 1_024, ..KafkaOptions::default() };
    let options = options.with("socket.request.max.bytes", "200000000");
    SHARED.get_or_try_init(|| KafkaServer::start(options)).await
}

async fn world(partitions: i32, policy: v1::FailureHandlingPolicy) -> Result<World> {
    let limit = [("max.message.bytes", "150000000")];
    let mut world = World::on(kafka().await?.access(), partitions, &limit).await?;
    world.runtime().failure_handling_policy = policy.into();
    world.memory = MemoryBudget::new(LITTLE);
    Ok(world)
}

impl World {
    async fn produce_one(&self, partition: i32, value: impl Into<Vec<u8>>) -> Result<Produced> {
        let record = Record::new(value).partition(partition);
        self.kafka.producer()?.send(&self.topic, record).await
    }
}

fn huge() -> Vec<u8> {
    vec![b'h'; HUGE]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_above_a_hundred_megabytes_arrives_where_memory_allows_it() -> Result<()> {
    let mut world = world(1, v1::FailureHandlingPolicy::Fail).await?;
    world.memory = MemoryBudget::new(256 << 20);
    let produced = [world.produce_one(0, "v").await?, world.produce_one(0, huge()).await?];
    let task = world.start(0).await?;

    task.delivered(&produced).await?;

    world.arrived(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn under_fail_a_record_too_large_to_fetch_stops_its_partition_until_it_is_left_out()
-> Result<()> {
    let world = world(1, v1::FailureHandlingPolicy::Fail).await?;
    let mut produced = vec![world.produce_one(0, "v0").await?];
    world.produce_one(0, huge()).await?;
    produced.push(world.produce_one(0, "v2").await?);
    let task = world.start(0).await?;

    let problem = task.stopped().await?;

    assert_eq!(problem.code, ErrorCode::RecordTooLargeToFetch, "{problem}");
    for words in ["offset 1", "at most 100000000 are", "--memory-budget-bytes of 2200"] {
        assert!(problem.message.contains(words), "{problem}");
    }
    let seen = task.now().partitions[&0].clone();
    assert_eq!((seen.position, seen.committed_offset), (1, Some(1)));

    // It is looked at anew.
    task.handle.guide(resume(0, 1, None));
    task.partition("it stops again", 0, |seen| {
        seen.state == PartitionState::Stopped && seen.last_object.is_none()
    })
    .await?;

    task.handle.guide(resume(0, 2, Some(1)));
    task.delivered(&produced).await?;
    world.arrived(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn under_log_records_too_large_to_fetch_leave_their_places_and_all_others_arrive()
-> Result<()> {
    let world = world(3, v1::FailureHandlingPolicy::Log).await?;
    let error_topic = world.error_topic().await?;
    let mut produced = vec![world.produce_one(0, "v0").await?];
    // Nothing of these is a record.
    let aborting = Producer::transactional(&world.kafka.bootstrap()).await?;
    aborting.begin()?;
    let aborted = (0..3).map(|_| Record::new("aborted").partition(0));
    aborting.send_all(&world.topic, aborted).await?;
    aborting.abort().await?;
    let mut left_out = Vec::new();
    for partition in [0, 0, 1] {
        let one = world.produce_one(partition, huge()).await?;
        left_out.push((one.partition, one.offset));
    }
    for partition in [0, 1, 2] {
        produced.push(world.produce_one(partition, "last").await?);
    }
    let task = world.start(0).await?;

    let seen = task.delivered(&produced).await?;

    assert_eq!(left_out, [(0, 5), (0, 6), (1, 0)]);
    assert_eq!((seen.totals.records, seen.totals.dead_letters), (4, 3));
    world.arrived(&produced).await?;
    let letters = world.kafka.read(&error_topic).await?;
    let mut places = Vec::new();
    for letter in &letters {
        let text = |name: &str| letter.header_text(name).unwrap_or_default();
        assert_eq!(text("kafka2oss.error.code"), "RECORD_TOO_LARGE_TO_FETCH");
        assert!(text("kafka2oss.unfetched.bytes").parse::<usize>()? > HUGE);
        assert_eq!((&letter.key, &letter.value), (&None, &None));
        let number = |name: &str| text(&format!("__connect.errors.{name}")).parse::<i64>();
        places.push((number("partition")? as i32, number("offset")?));
    }
    places.sort_unstable();
    assert_eq!(places, left_out);
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_too_large_to_fetch_by_now_before_the_position_is_not_waited_for() -> Result<()> {
    let mut world = world(1, v1::FailureHandlingPolicy::Fail).await?;
    world.memory = MemoryBudget::new(256 << 20);
    let mut produced = vec![world.produce_one(0, huge()).await?];
    let first = world.start(0).await?;
    first.delivered(&produced).await?;
    first.handle.stop(StopMode::KeepMembership).await;

    produced.push(world.produce_one(0, "v").await?);
    world.memory = MemoryBudget::new(LITTLE);
    let second = world.start(0).await?;
    second.delivered(&produced).await?;

    world.arrived(&produced).await?;
    second.handle.stop(StopMode::Leave).await;
    Ok(())
}
