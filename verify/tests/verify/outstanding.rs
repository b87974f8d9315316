//! Records for which no object stands yet: nothing is wrong, and it is not complete.

use anyhow::Result;
use kafka2oss_domain::ErrorCode;
use kafka2oss_tests::name::unique;
use kafka2oss_tests::produce::{Producer, Record};
use kafka2oss_tests::wait::eventually;
use kafka2oss_verify::{Options, Outstanding, Report, Verdict};

use crate::log::delete_records;
use crate::world::{LIMIT, World, run};
use crate::writer::{Writer, links};

/// What the command line names of a connector: its chain, its start and its group.
fn connector(world: &World, group: &str) -> Options {
    Options {
        chains: Some([world.identity.chain_id()].into()),
        starts: [(0, 0)].into(),
        group: Some(group.to_owned()),
        ..Options::default()
    }
}

/// Ten records in one partition, and the connector's chain over the first `length`, whose
/// end is committed where `commits`.
async fn chain_of(length: i64, commits: bool) -> Result<(World, Options)> {
    let world = World::start(1).await?;
    let records = world.fill(10).await?;
    if length > 0 {
        Writer::default().put_all(&world, &links(&world, &records, 0, &[(0, length)])).await?;
    }
    let group = unique("connect");
    if commits {
        world.commit(&group, length).await?;
    }
    let options = connector(&world, &group);
    Ok((world, options))
}

/// The end of partition 0 as it is outstanding, where nothing is wrong.
#[track_caller]
fn outstanding(report: &Report) -> Outstanding {
    assert_eq!(report.verdict(), Verdict::Incomplete, "{report}");
    assert!(report.is_clean(), "{report}");
    report.partitions[0].outstanding.unwrap()
}

#[test]
fn a_connector_that_never_started_is_not_complete() {
    run(async {
        let (world, options) = chain_of(0, false).await?;
        let report = world.verify_with(options).await?;
        let of_partition = outstanding(&report);
        assert_eq!((of_partition.from, of_partition.end, of_partition.offsets), (0, 10, 10));
        assert_eq!(of_partition.first_record, Some(0));
        assert_eq!(of_partition.since.unwrap().as_millisecond(), 1_603_779_578_000);
        let words = report.to_string();
        let told = "nothing is wrong so far, not complete: no object stands yet for up to 10 \
                    records of 1 partition, the oldest of 2020-10-27T06:19:38Z";
        assert!(words.contains(told), "{words}");
        Ok(())
    });
}

#[test]
fn a_connector_that_stands_still_is_not_complete_and_objects_without_a_commit_count() {
    run(async {
        for (length, commits) in [(6, true), (6, false)] {
            let (world, options) = chain_of(length, commits).await?;
            let report = world.verify_with(options).await?;
            let of_partition = outstanding(&report);
            assert_eq!((of_partition.from, of_partition.offsets), (6, 4), "{report}");
            assert_eq!(of_partition.since.unwrap().as_millisecond(), 1_603_779_578_006);
            assert_eq!(report.partitions[0].committed, commits.then_some(6));

            let json = serde_json::to_value(&report)?;
            assert_eq!(json["verdict"], "incomplete");
            assert_eq!(json["outstanding_offsets"], 4);
            let told = &json["partitions"][0]["outstanding"];
            assert_eq!(told["since"], "2020-10-27T06:19:38.006Z");
            assert_eq!(told["first_record"], 6);
        }
        Ok(())
    });
}

#[test]
fn it_is_complete_once_an_object_stands_for_each_record() {
    run(async {
        for commits in [true, false] {
            let (world, options) = chain_of(10, commits).await?;
            let report = world.verify_with(options).await?;
            assert_eq!(report.verdict(), Verdict::Complete, "{report}");
            assert!(report.to_string().contains("nothing is wrong: "), "{report}");
            assert_eq!(serde_json::to_value(&report)?["verdict"], "complete");
        }
        Ok(())
    });
}

#[test]
fn what_is_not_asked_for_is_not_outstanding() {
    run(async {
        let (world, options) = chain_of(6, true).await?;
        let report = world.verify_with(Options { bounds: [(0, 6)].into(), ..options }).await?;
        assert_eq!(report.verdict(), Verdict::Complete, "{report}");
        Ok(())
    });
}

#[test]
fn an_open_transaction_is_outstanding_until_it_is_aborted() {
    run(async {
        // given a chain that is complete, and a transaction of three records behind it
        let (world, options) = chain_of(10, true).await?;
        let producer = Producer::transactional(&world.kafka.bootstrap()).await?;
        producer.begin()?;
        let records = (0..3).map(|_| Record::new("held back").partition(0));
        producer.send_all(&world.topic, records).await?;

        // while it is open, nobody can read them
        let report = world.verify_with(options.clone()).await?;
        let of_partition = outstanding(&report);
        assert_eq!((of_partition.offsets, of_partition.first_record), (3, None), "{report}");
        assert_eq!(of_partition.open_transaction, Some(10));
        assert!(report.to_string().contains("a transaction is open from offset 10 on"), "{report}");

        // and once it is aborted, nobody ever will
        producer.abort().await?;
        let aborted = eventually("the records are aborted", LIMIT, async || {
            let report = world.verify_with(options.clone()).await?;
            Ok((report.verdict() == Verdict::Complete).then_some(report))
        })
        .await?;
        assert_eq!(aborted.partitions[0].committed, Some(10));
        assert_eq!(world.kafka.admin()?.end_offsets(&world.topic).await?[&0], 14);

        // A record behind them is.
        world.produce([Record::new("last").partition(0)]).await?;
        let report = world.verify_with(options).await?;
        let of_partition = outstanding(&report);
        assert_eq!((of_partition.from, of_partition.first_record), (10, Some(14)), "{report}");
        assert_eq!(of_partition.offsets, 1);
        Ok(())
    });
}

#[test]
fn what_retention_has_taken_before_an_object_stood_for_it_is_told() {
    run(async {
        for (log_start, first_record, offsets) in [(8, Some(8), 4), (10, None, 4)] {
            let (world, options) = chain_of(6, true).await?;
            delete_records(&world, log_start).await?;
            let report = world.verify_with(options).await?;
            let of_partition = outstanding(&report);
            assert_eq!(of_partition.gone_before, Some(log_start), "{report}");
            assert_eq!((of_partition.first_record, of_partition.offsets), (first_record, offsets));
        }
        Ok(())
    });
}

#[test]
fn partitions_of_which_nothing_is_known_are_outstanding() {
    run(async {
        // A partition that was added after the start, and came to nobody.
        let world = World::start(2).await?;
        let records = world.fill(10).await?;
        Writer::default().put_all(&world, &links(&world, &records, 0, &[(0, 5)])).await?;
        let report = world.verify_with(connector(&world, &unique("connect"))).await?;
        assert_eq!(report.verdict(), Verdict::Incomplete, "{report}");
        let of_partition = report.partitions[1].outstanding.unwrap();
        assert_eq!((report.partitions[1].start, of_partition.offsets), (None, 5), "{report}");
        assert_eq!(report.partitions[0].outstanding, None, "{report}");

        // A bucket without an object, and no start either.
        let world = World::start(2).await?;
        world.fill(10).await?;
        let report = world.verify().await?;
        assert_eq!(report.backlog().offsets, 10, "{report}");
        assert_eq!(report.verdict(), Verdict::Incomplete, "{report}");
        Ok(())
    });
}

#[test]
fn a_topic_that_was_made_again_is_not_taken_for_the_one_before() {
    run(async {
        let (world, options) = chain_of(10, true).await?;
        let other = Options { topic_id: Some("another id".into()), ..options };
        let error = world.verification(other).run().await.unwrap_err();
        assert_eq!(error.code, ErrorCode::KafkaTopicRecreated);
        Ok(())
    });
}
