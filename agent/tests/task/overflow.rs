//! Values and records that are too large for where they belong.

use anyhow::Result;
use kafka2oss_agent::task::{PartitionState, StopMode};
use kafka2oss_domain::ErrorCode;
use kafka2oss_format::DecodedValue;
use kafka2oss_proto::v1;
use kafka2oss_sandbox::oss::{Operation, RequestMatch};
use kafka2oss_tests::produce::Record;

use crate::world::{LIMIT, World};

/// For values of this many bytes and more.
async fn overflowing(policy: v1::OverflowPolicy, above: i64) -> Result<World> {
    let mut world = World::with_topic(1, &[("max.message.bytes", "20000000")]).await?;
    let overflow = world.output().overflow.get_or_insert_default();
    (overflow.policy, overflow.max_value_bytes) = (policy.into(), Some(above));
    Ok(world)
}

fn of_size(bytes: usize) -> Record {
    Record::new("v".repeat(bytes)).key("key").partition(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn under_omit_a_value_above_the_limit_is_left_out() -> Result<()> {
    let world = overflowing(v1::OverflowPolicy::Omit, 10).await?;
    // Also what is not text: it is not looked at.
    let bytes = Record::new(vec![0xff; 11]).partition(0);
    let records = [of_size(10), of_size(11), of_size(0), bytes];
    let produced = world.kafka.producer()?.send_all(&world.topic, records).await?;
    let task = world.start(0).await?;

    task.delivered(&produced).await?;

    let links = world.arrived(&produced).await?;
    let overflows: Vec<_> = links[0].records.iter().map(|record| record.overflow).collect();
    assert_eq!(overflows, [false, true, false, true]);
    assert_eq!(links[0].records[1].value, DecodedValue::Absent);
    assert!(world.value_keys().await?.is_empty());
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn under_spill_a_value_of_many_megabytes_stands_in_an_object_of_its_own() -> Result<()> {
    let world = World::with_topic(1, &[("max.message.bytes", "20000000")]).await?;
    // Above the default limit, any bytes.
    let huge: Vec<u8> = (0..=255).cycle().take(9 << 20).collect();
    let records = [of_size(1), Record::new(huge).partition(0), of_size(6 << 20), of_size(2)];
    let produced = world.kafka.producer()?.send_all(&world.topic, records).await?;
    let task = world.start(0).await?;

    task.delivered(&produced).await?;

    world.arrived(&produced).await?;
    assert_eq!(world.value_keys().await?.len(), 1, "what is at the limit is not above it");
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_neither_announced_nor_put_before_the_values_that_it_names() -> Result<()> {
    let mut world = World::new(2).await?;
    world.output().overflow.get_or_insert_default().max_value_bytes = Some(10);
    let values = RequestMatch::operation(Operation::PutObject).with_key_containing(".value");
    let hold = world.oss.faults().hold_before(values);
    let producer = world.kafka.producer()?;
    let mut produced = producer.send_all(&world.topic, [of_size(11), of_size(12)]).await?;
    let task = world.start(0).await?;
    tokio::time::timeout(LIMIT, hold.held_at_least(2)).await?;

    // What has come later elsewhere is delivered meanwhile.
    for _ in 0..2 {
        produced.push(producer.send(&world.topic, of_size(1).partition(1)).await?);
        task.delivered(&produced[2..]).await?;
    }
    assert!(world.commits().await?.iter().all(|commit| commit.partition == 1));
    assert!(world.links().await?.iter().all(|link| link.metadata.partition == 1));

    hold.release();
    task.delivered(&produced).await?;
    world.arrived(&produced).await?;
    assert_eq!(world.value_keys().await?.len(), 2);
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spilled_value_that_an_earlier_owner_put_is_taken_over() -> Result<()> {
    let world = overflowing(v1::OverflowPolicy::Spill, 10).await?;
    let links = RequestMatch::operation(Operation::PutObject).with_key_containing(".json");
    let hold = world.oss.faults().hold_before(links);
    let produced = world.kafka.producer()?.send(&world.topic, of_size(11)).await?;
    let first = world.start(0).await?;
    tokio::time::timeout(LIMIT, hold.held()).await?;
    drop(first);

    let second = world.start(0).await?;
    tokio::time::timeout(LIMIT, hold.held_at_least(2)).await?;
    hold.release();
    second.delivered(std::slice::from_ref(&produced)).await?;

    world.arrived(&[produced]).await?;
    assert_eq!(world.value_keys().await?.len(), 1);
    second.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_spilled_value_belongs_stands_something_else_and_the_partition_stops() -> Result<()>
{
    let world = overflowing(v1::OverflowPolicy::Spill, 10).await?;
    let first = world.kafka.producer()?.send(&world.topic, of_size(11)).await?;
    let task = world.start(0).await?;
    task.delivered(&[first]).await?;
    let key = world.value_keys().await?.remove(0);
    let next = key.replace("+00000000000000000000-", "+00000000000000000001-");
    world.oss.put("records", &next, "mine").await?;

    world.kafka.producer()?.send(&world.topic, of_size(11)).await?;

    assert_eq!(task.stopped().await?.code, ErrorCode::StoreObjectForeign);
    assert_eq!(world.links().await?.len(), 1);
    assert_eq!(world.bucket.get(&next).await?.bytes, b"mine");
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

/// Bytes that are no text and cannot be compressed.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0xff_u64;
    let next = || {
        let byte = state as u8;
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state = state.rotate_left(17);
        byte
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

/// Records above 100 bytes are abnormal data; the second of three is.
async fn with_one_too_large(policy: v1::FailureHandlingPolicy) -> Result<World> {
    let mut world = World::new(1).await?;
    world.runtime().failure_handling_policy = policy.into();
    world.output().overflow.get_or_insert_default().max_record_bytes = Some(100);
    Ok(world)
}

#[tokio::test(flavor = "multi_thread")]
async fn under_log_a_record_above_the_limit_goes_to_the_abnormal_data_topic() -> Result<()> {
    let mut world = with_one_too_large(v1::FailureHandlingPolicy::Log).await?;
    let resources = world.spec.resources.as_mut().unwrap();
    let abnormal = resources.abnormal_data_topic.as_mut().unwrap();
    abnormal.name = format!("{}-abnormal", abnormal.name);
    let abnormal = abnormal.name.clone();
    world.kafka.admin()?.create_topic(&abnormal, 1, &[]).await?;
    // Key, value and headers together.
    let large = of_size(90).header("h", "1234567");
    let records = [of_size(97), large, of_size(1)];
    let produced = world.kafka.producer()?.send_all(&world.topic, records).await?;
    let task = world.start(0).await?;

    let seen = task.delivered(&produced).await?;

    assert_eq!((seen.totals.records, seen.totals.dead_letters), (2, 1));
    world.arrived(&[produced[0].clone(), produced[2].clone()]).await?;
    let letters = world.kafka.read(&abnormal).await?;
    assert_eq!(letters.len(), 1);
    assert!(letters[0].value == produced[1].value);
    assert_eq!(letters[0].header_text("kafka2oss.error.code"), Some("RECORD_TOO_LARGE"));
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn under_fail_a_record_above_the_limit_stops_its_partition() -> Result<()> {
    let world = with_one_too_large(v1::FailureHandlingPolicy::Fail).await?;
    let records = [of_size(97), of_size(98), of_size(1)];
    let produced = world.kafka.producer()?.send_all(&world.topic, records).await?;
    let task = world.start(0).await?;

    assert_eq!(task.stopped().await?.code, ErrorCode::RecordTooLarge);

    assert_eq!(task.now().partitions[&0].committed_offset, Some(1));
    world.arrived(&produced[..1]).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_too_large_for_its_topic_leaves_its_value_beside_the_objects() -> Result<()> {
    let world = World::new(1).await?;
    let error_topic = world.error_topic_with(&[("max.message.bytes", "3000")]).await?;
    let bad = Record::new(noise(10_001)).key("k").partition(0);
    let records = [of_size(1), bad, of_size(2)];
    let produced = world.kafka.producer()?.send_all(&world.topic, records).await?;
    let links = RequestMatch::operation(Operation::PutObject).with_key_containing(".json");
    let hold = world.oss.faults().hold_before(links);
    let task = world.start(0).await?;

    // Before the object that passes over it.
    tokio::time::timeout(LIMIT, hold.held()).await?;
    let letters = world.kafka.read(&error_topic).await?;

    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].key.as_deref(), Some(&b"k"[..]));
    assert!(letters[0].value.is_none());
    assert_eq!(letters[0].header_text("kafka2oss.value.size"), Some("10001"));
    let beside = letters[0].header_text("kafka2oss.value.object").unwrap();
    assert!(Some(world.bucket.get(beside).await?.bytes) == produced[1].value);
    hold.release();
    task.delivered(&produced).await?;
    assert_eq!(task.now().partitions[&0].state, PartitionState::Running);
    world.arrived(&[produced[0].clone(), produced[2].clone()]).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}
