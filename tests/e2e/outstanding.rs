//! Records that a connector has not come to, as `kafka2oss-verify` sees them.

use anyhow::Result;
use kafka2oss_proto::v1::ConnectorState;
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};
use kafka2oss_tests::name::unique;
use kafka2oss_tests::produce::{Producer, Record, numbered};
use kafka2oss_tests::wait::eventually;
use kafka2oss_verify::Verdict;

use crate::deployment::{LIMIT, Settings};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_connector_is_not_complete_before_it_has_caught_up() -> Result<()> {
    // given a connector that was paused before it came to any record
    let world = World::new(2).await?;
    let connector = world.connector().await?;
    connector.run().await?;
    connector.pause().await?;
    connector.is(ConnectorState::Paused).await?;
    assert_eq!(world.verify_so_far(&connector).await?.verdict(), Verdict::Complete);

    // when records come
    let produced = world.produce(numbered("v", 0..10, 2)).await?;

    // then nothing is wrong, and it is not complete
    let report = world.verify_so_far(&connector).await?;
    assert_eq!((report.verdict(), report.backlog().offsets), (Verdict::Incomplete, 10), "{report}");
    assert_eq!(report.partitions[0].committed, None, "{report}");

    // before it goes on
    connector.resume().await?;
    connector.delivered(&produced).await?;
    let report = world.verify_so_far(&connector).await?;
    assert_eq!(report.verdict(), Verdict::Complete, "{report}");

    // and stands still again
    connector.pause().await?;
    connector.is(ConnectorState::Paused).await?;
    let late = world.produce(numbered("late", 10..14, 2)).await?;
    let report = world.verify_so_far(&connector).await?;
    let backlog = report.backlog();
    assert_eq!(
        (report.verdict(), backlog.offsets, backlog.partitions),
        (Verdict::Incomplete, 4, 2)
    );
    let oldest = late.iter().map(|record| record.timestamp).min();
    assert_eq!(backlog.since.map(|since| since.as_millisecond()), oldest, "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compacted_topic_is_complete_with_gaps_in_the_middle_and_at_the_end() -> Result<()> {
    // given a topic of which the cleaner has taken records away: of five keys all but the
    // last ones, in all segments but the last
    let options = KafkaOptions::default().with("log.cleaner.backoff.ms", "100");
    let kafka = KafkaServer::start(options).await?;
    let mut world = World::on(&kafka, 1, Settings::default()).await?;
    world.topic = unique("compacted");
    let compacted = [
        ("cleanup.policy", "compact"),
        ("min.cleanable.dirty.ratio", "0.001"),
        ("segment.ms", "1000"),
    ];
    world.admin()?.create_topic(&world.topic, 1, &compacted).await?;
    let record = |key: &str, time: i64| Record::new("v").partition(0).key(key).timestamp(time);
    world.produce([record("first", 1_000)]).await?;
    world.produce((0..20).map(|number| record(&(number % 5).to_string(), 1_000))).await?;
    // By its timestamp it begins another segment.
    let last = world.produce([record("last", 1_000_000)]).await?;
    eventually("the cleaner has been there", LIMIT, async || {
        let left: Vec<_> = world.read(&world.topic).await?.iter().map(|it| it.offset).collect();
        Ok((left == [0, 16, 17, 18, 19, 20, 21]).then_some(()))
    })
    .await?;
    // Behind the last record nothing is to be read, either.
    let producer = Producer::transactional(&world.bootstrap).await?;
    producer.begin()?;
    producer.send_all(&world.topic, numbered("aborted", 0..3, 1)).await?;
    producer.abort().await?;

    // when
    let connector = world.connector().await?;
    connector.run().await?;
    connector.delivered(&last).await?;

    // then each record that is left stands in an object, and no more is waited for
    let report = world.verify_so_far(&connector).await?;
    assert_eq!(report.verdict(), Verdict::Complete, "{report}");
    assert_eq!(report.total(|partition| partition.compared), 7, "{report}");
    assert_eq!(world.admin()?.end_offsets(&world.topic).await?[&0], 26);
    Ok(())
}
