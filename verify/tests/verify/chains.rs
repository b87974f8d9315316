//! Chains in which nothing is wrong, and which of them count.

use anyhow::Result;
use kafka2oss_chain::Identity;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::spec::{Layout, TimeBucketLength, TimeBucketStyle, TimeBuckets};
use kafka2oss_format::Encoding;
use kafka2oss_tests::name::unique;
use kafka2oss_tests::produce::Record;
use kafka2oss_verify::{Kind, Options, Phase, Progress, Verification};

use crate::world::{PREFIX, World, assert_example, assert_found, run};
use crate::writer::{Writer, links};

const EXTENTS: [(i64, i64); 3] = [(0, 4), (4, 5), (5, 10)];

async fn is_clean_in_every_encoding(world: World) -> Result<()> {
    world.fill(19).await?;
    let records = world.produce([Record::tombstone().partition(1)]).await?;
    for encoding in Encoding::ALL {
        // Of each encoding a chain.
        let identity = Identity { uid: unique("uid"), ..world.identity.clone() };
        let world = World { identity, ..world.clone() };
        let writer = Writer { encoding, ..Writer::default() };
        for partition in [0, 1] {
            writer.put_all(&world, &links(&world, &records, partition, &EXTENTS)).await?;
        }
    }
    let report = world.verify().await?;
    assert_found(&report, &[]);
    assert_eq!(report.partitions.len(), 12);
    assert_eq!(report.objects, 36);
    assert_eq!(report.total(|partition| partition.compared), 120);
    assert_eq!(report.total(|partition| partition.records), 120);
    Ok(())
}

#[test]
fn a_proper_chain_is_clean_in_every_encoding_on_oss() {
    run(async { is_clean_in_every_encoding(World::start(2).await?).await });
}

#[test]
fn a_proper_chain_is_clean_in_every_encoding_on_s3() {
    run(async { is_clean_in_every_encoding(World::start_on_minio(2).await?).await });
}

#[test]
fn keys_with_time_buckets_and_hashes_are_put_in_order() {
    run(async {
        let world = World::start(1).await?;
        let hour = 3_600_000;
        // Later records of earlier hours: the listing is not in offset order.
        let times = [9, 9, 3, 3, 7, 7, 1, 1].map(|hours| 1_603_779_578_000 + hours * hour);
        let records = times.map(|time| Record::new("v").partition(0).timestamp(time));
        let records = world.produce(records).await?;
        let buckets = TimeBuckets {
            style: TimeBucketStyle::Hive,
            length: TimeBucketLength::Hour,
            time_zone: "UTC".into(),
        };
        let chain = links(&world, &records, 0, &[(0, 2), (2, 4), (4, 6), (6, 8)]);
        // The layout was changed on the way.
        for (index, link) in chain.iter().enumerate() {
            let layout = Layout {
                prefix: if index < 2 { PREFIX.into() } else { "q/".into() },
                time_buckets: (index != 1).then(|| buckets.clone()),
                hash_prefix: index % 2 == 0,
            };
            Writer { layout, ..Writer::default() }.put(&world, link).await?;
        }
        let verification = Verification {
            prefixes: vec![PREFIX.into(), "q/".into()],
            hash_prefix: true,
            ..world.verification(Options::default())
        };
        let progress = Progress::default();
        assert_eq!(progress.phase(), Phase::Listing { objects: 0 });
        let report = verification.run_with(&progress).await?;
        assert_eq!(progress.phase(), Phase::Comparing { begun: 4, all: 4 });
        assert_found(&report, &[]);
        assert_eq!(report.total(|partition| partition.links), 4);

        let without_hashes = Verification { hash_prefix: false, ..verification };
        let report = without_hashes.run().await?;
        assert_found(&report, &[(Kind::Missing, 2), (Kind::Hole, 1)]);
        Ok(())
    });
}

#[test]
fn a_replay_is_a_chain_of_its_own_and_no_duplicate() {
    run(async {
        let world = World::start(1).await?;
        let records = world.fill(10).await?;
        Writer::default().put_all(&world, &links(&world, &records, 0, &EXTENTS)).await?;
        let identity = Identity { epoch: 2, ..world.identity.clone() };
        let replay = World { identity, ..world.clone() };
        Writer::default().put_all(&replay, &links(&replay, &records, 0, &[(6, 8)])).await?;

        let report = world.verify().await?;
        assert_found(&report, &[]);
        assert_eq!(report.partitions.len(), 2);

        // By itself it has to go on to the topic's end.
        let chains = Some([replay.identity.chain_id()].into());
        let report = world.verify_with(Options { chains, ..Options::default() }).await?;
        assert_found(&report, &[(Kind::Missing, 2)]);
        assert_example(&report, Kind::Missing, 8, 9);
        assert_eq!(report.objects, 1);
        Ok(())
    });
}

#[test]
fn start_and_bound_say_what_has_to_be_there() {
    run(async {
        let world = World::start(1).await?;
        let records = world.fill(10).await?;
        Writer::default().put_all(&world, &links(&world, &records, 0, &[(4, 8)])).await?;

        let report = world.verify().await?;
        assert_found(&report, &[(Kind::Missing, 2)]);
        let bounds = [(0, 8)].into();
        let report = world.verify_with(Options { bounds, ..Options::default() }).await?;
        assert_found(&report, &[]);
        let options =
            Options { starts: [(0, 2)].into(), bounds: [(0, 8)].into(), ..Options::default() };
        let report = world.verify_with(options).await?;
        assert_found(&report, &[(Kind::Missing, 2), (Kind::Hole, 1)]);
        assert_example(&report, Kind::Missing, 2, 3);
        assert_example(&report, Kind::Hole, 2, 3);
        Ok(())
    });
}

#[test]
fn an_empty_bucket_misses_everything_from_the_start_that_is_named() {
    run(async {
        let world = World::start(2).await?;
        world.fill(10).await?;
        assert_found(&world.verify().await?, &[]);
        let starts = [(0, 1), (1, 0)].into();
        let report = world.verify_with(Options { starts, ..Options::default() }).await?;
        assert_found(&report, &[(Kind::Missing, 9)]);
        Ok(())
    });
}

#[test]
fn up_to_the_committed_offset_everything_has_to_be_there() {
    run(async {
        let world = World::start(1).await?;
        let records = world.fill(10).await?;
        let group = unique("connect");
        let options = || Options { group: Some(group.clone()), ..Options::default() };
        let chain = links(&world, &records, 0, &EXTENTS);

        world.commit(&group, 0).await?;
        assert_found(&world.verify_with(options()).await?, &[]);
        // The link stands before its end is committed.
        Writer::default().put_all(&world, &chain[..1]).await?;
        assert_found(&world.verify_with(options()).await?, &[]);
        world.commit(&group, 5).await?;
        let report = world.verify_with(options()).await?;
        assert_found(&report, &[(Kind::Missing, 1), (Kind::CommittedOffset, 1)]);
        assert_example(&report, Kind::CommittedOffset, 5, 5);
        Writer::default().put_all(&world, &chain[1..2]).await?;
        assert_found(&world.verify_with(options()).await?, &[]);
        world.commit(&group, 3).await?;
        let report = world.verify_with(options()).await?;
        assert_found(&report, &[(Kind::CommittedOffset, 1)]);
        Ok(())
    });
}

#[test]
fn a_topic_that_is_not_there_is_no_report() {
    run(async {
        let mut world = World::start(1).await?;
        world.topic = unique("absent");
        let error = world.verification(Options::default()).run().await.unwrap_err();
        assert_eq!(error.code, ErrorCode::KafkaTopicNotFound);
        Ok(())
    });
}

#[test]
fn a_report_is_json_and_words() {
    run(async {
        let world = World::start(1).await?;
        let records = world.fill(3).await?;
        Writer::default().put_all(&world, &links(&world, &records, 0, &[(0, 1)])).await?;
        let report = world.verify().await?;
        let json = serde_json::to_value(&report)?;
        assert_eq!(json["findings"]["missing"]["count"], 2);
        assert_eq!(json["findings"]["missing"]["examples"][0]["offsets"]["last"], 2);
        assert_eq!(json["partitions"][0]["uid"], world.identity.uid);
        let words = report.to_string();
        let chain = world.identity.chain_id();
        let example = format!("partition 0 offsets 1 to 2 of chain {chain} - it stands in no");
        assert!(words.contains(&example), "{words}");
        Ok(())
    });
}
