//! From records to objects.

use anyhow::Result;
use kafka2oss_agent::task::{PartitionState, StopMode};
use kafka2oss_domain::ErrorCode;
use kafka2oss_proto::v1;
use kafka2oss_tests::produce::{Record, numbered};

use crate::world::{World, tally};

#[tokio::test(flavor = "multi_thread")]
async fn every_record_stands_in_one_object() -> Result<()> {
    let mut world = World::new(3).await?;
    world.rotation().max_records = Some(100);
    let produced =
        world.kafka.producer()?.send_all(&world.topic, numbered("v", 0..10_000, 3)).await?;

    let task = world.start(0).await?;
    let seen = task.delivered(&produced).await?;

    world.judge(&produced).await?;
    assert_eq!((seen.totals.records, seen.taken.records), (10_000, 10_000));
    assert!(seen.taken.bytes >= 20_000, "each has two bytes or more: {:?}", seen.taken);
    assert!(seen.totals.objects >= 99, "{:?}", seen.totals);
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_has_exactly_the_documented_form() -> Result<()> {
    let world = World::new(1).await?;
    let task = world.start(0).await?;
    let record = Record::new("1").key("1").partition(0).timestamp(1_603_779_578_478);
    let produced = world.kafka.producer()?.send(&world.topic, record).await?;

    task.delivered(&[produced]).await?;

    let keys = world.bucket.keys("").await?;
    let object = world.bucket.get(&keys[0]).await?;
    let topic = &world.topic;
    assert_eq!(
        String::from_utf8(object.bytes)?,
        format!(
            r#"[{{"key":"1","offset":0,"overflowFlag":false,"partition":0,"timestamp":1603779578478,"topic":"{topic}","value":"1","valueSize":1}}]"#
        )
    );
    assert_eq!(object.content_type.as_deref(), Some("application/json"));
    assert!(keys[0].starts_with(&format!("{topic}/0/{topic}+0+00000000000000000000-")), "{keys:?}");
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn under_log_a_record_that_is_not_utf8_goes_to_its_error_topic() -> Result<()> {
    let world = World::new(1).await?;
    let error_topic = world.error_topic().await?;
    let producer = world.kafka.producer()?;
    let good = |value: &str| Record::new(value).partition(0);
    let bad = Record::new(b"a\xff".to_vec()).key("k").header("h", "1").partition(0);
    let produced = producer.send_all(&world.topic, [good("0"), bad, good("2")]).await?;

    let task = world.start(0).await?;
    let seen = task.delivered(&produced).await?;

    world.judge(&[produced[0].clone(), produced[2].clone()]).await?;
    assert_eq!((seen.totals.records, seen.totals.dead_letters), (2, 1));
    assert_eq!((seen.taken.records, seen.taken.bytes), (3, 5), "bad ones are taken in, too");
    assert_eq!((tally(&seen).records, tally(&seen).dead_letters), (2, 1));
    let letters = world.kafka.read(&error_topic).await?;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].value.as_deref(), Some(&b"a\xff"[..]));
    assert_eq!(letters[0].key.as_deref(), Some(&b"k"[..]));
    assert_eq!(letters[0].header_text("h"), Some("1"));
    assert_eq!(letters[0].header_text("__connect.errors.offset"), Some("1"));
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extent_of_dead_letters_only_is_an_object_without_records() -> Result<()> {
    let world = World::new(1).await?;
    world.error_topic().await?;
    let bad = Record::new(b"\xff".to_vec()).partition(0);
    let produced = world.kafka.producer()?.send(&world.topic, bad).await?;

    let task = world.start(0).await?;
    task.delivered(&[produced]).await?;

    let keys = world.bucket.keys("").await?;
    assert_eq!(keys.len(), 1);
    assert_eq!(world.bucket.get(&keys[0]).await?.bytes, b"[]");
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_error_topic_a_partition_waits_and_goes_on_when_it_is_there() -> Result<()> {
    let world = World::new(1).await?;
    let bad = Record::new(b"\xff".to_vec()).partition(0);
    let produced = world.kafka.producer()?.send(&world.topic, bad).await?;

    let task = world.start(0).await?;
    let seen = task.partition("it waits", 0, |seen| seen.state == PartitionState::Retrying).await?;
    assert_eq!(seen.partitions[&0].committed_offset, None);

    world.error_topic().await?;
    task.delivered(&[produced]).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn under_fail_a_record_that_is_not_utf8_stops_its_partition_only() -> Result<()> {
    let mut world = World::new(2).await?;
    let runtime = world.spec.runtime.as_mut().unwrap();
    runtime.failure_handling_policy = v1::FailureHandlingPolicy::Fail.into();
    let producer = world.kafka.producer()?;
    let record = |partition, value: &[u8]| Record::new(value).partition(partition);
    let records = [record(0, b"0"), record(0, b"\xff"), record(0, b"2"), record(1, b"0")];
    let produced = producer.send_all(&world.topic, records).await?;

    let task = world.start(0).await?;
    let seen = task.partition("it stops", 0, |seen| seen.state == PartitionState::Stopped).await?;

    assert_eq!(seen.partitions[&0].problem.as_ref().unwrap().code, ErrorCode::RecordNotUtf8);
    assert_eq!(seen.partitions[&0].committed_offset, Some(1));
    task.delivered(&[produced[3].clone()]).await?;
    world.judge(&[produced[0].clone(), produced[3].clone()]).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}
