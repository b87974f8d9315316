//! Where objects stand.

use anyhow::Result;
use kafka2oss_agent::task::StopMode;
use kafka2oss_proto::v1;
use kafka2oss_tests::produce::Record;

use crate::world::World;

/// 2026-01-31 22:30 UTC.
const HALF_PAST_TEN: i64 = 1_769_898_600_000;
const HOUR: i64 = 3_600_000;

fn hours(style: v1::TimeBucketStyle, time_zone: &str) -> Option<v1::TimeBuckets> {
    Some(v1::TimeBuckets {
        style: style.into(),
        length: v1::TimeBucketLength::Hour.into(),
        time_zone: time_zone.into(),
    })
}

/// Records of these times, in this order: extents and folders of their objects.
async fn folders(mut world: World, times: &[i64]) -> Result<Vec<((i64, i64), String)>> {
    world.no_rotation();
    let records = times
        .iter()
        .enumerate()
        .map(|(index, time)| Record::new(index.to_string()).partition(0).timestamp(*time));
    let produced = world.kafka.producer()?.send_all(&world.topic, records).await?;
    let task = world.start(0).await?;
    let taken = times.len() as i64;
    task.partition("it has taken them in", 0, |seen| seen.position == taken).await?;
    task.handle.stop(StopMode::Leave).await;
    let links = world.arrived(&produced).await?;
    let folder = |key: &str| key.rsplit_once('/').unwrap().0.to_owned();
    Ok(links.iter().map(|link| (link.extent(), folder(&link.key))).collect())
}

async fn bucketed(style: v1::TimeBucketStyle, time_zone: &str) -> Result<World> {
    // A broker refuses what is in the future, by default.
    let any_time = [("message.timestamp.after.max.ms", "9223372036854775807")];
    let mut world = World::with_topic(1, &any_time).await?;
    world.output().layout.get_or_insert_default().time_buckets = hours(style, time_zone);
    Ok(world)
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_two_hours_stand_in_two_folders() -> Result<()> {
    let world = bucketed(v1::TimeBucketStyle::Hive, "UTC").await?;
    let topic = world.topic.clone();
    let times = [HALF_PAST_TEN, HALF_PAST_TEN + 1, HALF_PAST_TEN + HOUR];

    let found = folders(world, &times).await?;

    let day = format!("{topic}/year=2026/month=01/day=31");
    assert_eq!(found, [((0, 2), format!("{day}/hour=22/0")), ((2, 3), format!("{day}/hour=23/0"))]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_are_of_the_chosen_time_zone() -> Result<()> {
    let world = bucketed(v1::TimeBucketStyle::Plain, "Asia/Shanghai").await?;
    let topic = world.topic.clone();

    let found = folders(world, &[HALF_PAST_TEN]).await?;

    assert_eq!(found, [((0, 1), format!("{topic}/2026/02/01/06/0"))]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_record_stands_in_the_object_that_is_open() -> Result<()> {
    let world = bucketed(v1::TimeBucketStyle::Hive, "UTC").await?;
    let times = [HALF_PAST_TEN, HALF_PAST_TEN - 5 * HOUR, HALF_PAST_TEN, HALF_PAST_TEN + HOUR];

    let found = folders(world, &times).await?;

    assert_eq!(found.iter().map(|(extent, _)| *extent).collect::<Vec<_>>(), [(0, 3), (3, 4)]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_out_of_range_has_a_folder_of_its_own_and_closes_nothing() -> Result<()> {
    const YEAR_10_000: i64 = 253_402_300_800_000;
    let world = bucketed(v1::TimeBucketStyle::Hive, "UTC").await?;
    let topic = world.topic.clone();
    let times = [YEAR_10_000, HALF_PAST_TEN, i64::MAX, HALF_PAST_TEN];

    let found = folders(world, &times).await?;

    let hour = format!("{topic}/year=2026/month=01/day=31/hour=22/0");
    assert_eq!(found, [((0, 1), format!("{topic}/invalid/0")), ((1, 4), hour)]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_before_each_key_spreads_the_objects() -> Result<()> {
    let mut world = bucketed(v1::TimeBucketStyle::Hive, "UTC").await?;
    let layout = world.output().layout.get_or_insert_default();
    (layout.hash_prefix, layout.prefix) = (true, "lake/".into());
    world.rotation().max_records = Some(1);

    let found = folders(world, &[HALF_PAST_TEN; 5]).await?;

    let mut hashes: Vec<_> = found.iter().map(|(_, folder)| &folder[..4]).collect();
    assert!(hashes.iter().all(|hash| hash.bytes().all(|digit| digit.is_ascii_hexdigit())));
    assert!(found.iter().all(|(_, folder)| folder[4..].starts_with("/lake/")), "{found:?}");
    hashes.sort_unstable();
    hashes.dedup();
    assert!(hashes.len() > 1, "{found:?}");
    Ok(())
}
