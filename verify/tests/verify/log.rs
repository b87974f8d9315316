//! Topics that do not have a record at each offset.

use std::time::Duration;

use anyhow::Result;
use kafka2oss_chain::Identity;
use kafka2oss_tests::name::unique;
use kafka2oss_tests::produce::Record;
use kafka2oss_tests::wait::eventually;
use kafka2oss_verify::{Kind, Options};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::task::spawn_blocking;

use crate::world::{World, assert_example, assert_found, run};
use crate::writer::{Writer, links};

const LIMIT: Duration = Duration::from_secs(30);

/// Takes the records below `offset` away, as retention does.
pub(crate) async fn delete_records(world: &World, offset: i64) -> Result<()> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", world.kafka.bootstrap());
    let admin: AdminClient<DefaultClientContext> = config.create()?;
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&world.topic, 0, Offset::Offset(offset))?;
    let deleted = admin.delete_records(&list, &AdminOptions::new()).await?;
    deleted.elements().iter().try_for_each(|element| element.error())?;
    Ok(())
}

#[test]
fn what_the_topic_has_lost_cannot_be_compared_and_the_chain_is_still_checked() {
    run(async {
        let world = World::start(1).await?;
        let records = world.fill(10).await?;
        let mut chain = links(&world, &records, 0, &[(0, 4), (4, 7), (7, 10)]);
        chain[0].records[1].value = Some(b"anything".to_vec());
        Writer::default().put_all(&world, &chain).await?;
        delete_records(&world, 5).await?;
        let report = world.verify().await?;
        assert_found(&report, &[]);
        assert_eq!(report.partitions[0].log_start, 5);
        assert_eq!(report.total(|partition| partition.unverifiable), 5);
        assert_eq!(report.total(|partition| partition.compared), 5);

        world.bucket.delete(&Writer::default().key(&world, &chain[1])).await?;
        let report = world.verify().await?;
        assert_found(&report, &[(Kind::Missing, 2), (Kind::Hole, 1)]);
        assert_example(&report, Kind::Missing, 5, 6);
        assert_example(&report, Kind::Hole, 4, 6);

        // As after a connector whose records were gone before it came to them.
        delete_records(&world, 7).await?;
        let report = world.verify().await?;
        assert_found(&report, &[(Kind::Hole, 1)]);
        let detail = &report.findings[&Kind::Hole].examples[0].detail;
        assert!(detail.contains("a range that the topic had lost"), "{detail}");
        Ok(())
    });
}

#[test]
fn what_the_cleaner_may_have_taken_away_is_not_unexpected() {
    run(async {
        for (policy, expected) in
            [("delete", &[(Kind::Unexpected, 1)][..]), ("compact,delete", &[])]
        {
            let world = World::start_with_topic(&[("cleanup.policy", policy)]).await?;
            // An aborted record, which a reader never sees: as if it had been
            // cleaned away since.
            transaction(&world, false).await?;
            let keyed = (0..4).map(|number: i32| Record::new("v").key(number.to_string()));
            let records = world.produce(keyed.map(|record| record.partition(0))).await?;
            let chain = links(&world, &records, 0, &[(0, 6)]);
            assert_eq!(chain[0].records.len(), 5);
            Writer::default().put_all(&world, &chain).await?;
            let bounds = [(0, 6)].into();
            let report = world.verify_with(Options { bounds, ..Options::default() }).await?;
            assert_found(&report, expected);
            assert_eq!(report.total(|p| p.unverifiable), u64::from(expected.is_empty()));
        }
        Ok(())
    });
}

/// A record in a transaction, and the marker of how that ended.
async fn transaction(world: &World, commit: bool) -> Result<()> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", world.kafka.bootstrap());
    config.set("transactional.id", unique("transaction"));
    let (admin, topic) = (world.kafka.admin()?, world.topic.clone());
    let end = admin.end_offsets(&topic).await?.get(&0).copied().unwrap_or_default();
    spawn_blocking(move || -> Result<()> {
        let producer: BaseProducer = config.create()?;
        producer.init_transactions(LIMIT)?;
        producer.begin_transaction()?;
        let record = BaseRecord::<str, str>::to(&topic).partition(0).key("k").payload("v");
        producer.send(record).map_err(|(error, _)| error)?;
        producer.flush(LIMIT)?;
        if commit {
            producer.commit_transaction(LIMIT)?;
        } else {
            producer.abort_transaction(LIMIT)?;
        }
        Ok(())
    })
    .await??;
    // The coordinator writes the marker when it has answered.
    eventually("the marker stands behind the record", LIMIT, async || {
        let ends = admin.end_offsets(&world.topic).await?;
        Ok((ends.get(&0) == Some(&(end + 2))).then_some(()))
    })
    .await
}

#[test]
fn markers_and_aborted_records_are_not_missing_and_aborted_ones_must_not_be_there() {
    run(async {
        let world = World::start(1).await?;
        transaction(&world, false).await?;
        transaction(&world, true).await?;
        world.produce([Record::new("last").partition(0)]).await?;
        transaction(&world, false).await?;
        // Records at 2 and 4, an aborted one at 0 and 5, markers at 1, 3 and 6.
        let all = world.kafka.read(&world.topic).await?;
        let offsets: Vec<_> = all.iter().map(|record| record.offset).collect();
        assert_eq!(offsets, [0, 2, 4, 5]);
        let committed: Vec<_> = all.iter().filter(|r| r.offset % 5 != 0).cloned().collect();
        let chain = links(&world, &committed, 0, &[(0, 4), (4, 5)]);
        Writer::default().put_all(&world, &chain).await?;
        let report = world.verify().await?;
        assert_found(&report, &[]);
        assert_eq!(report.total(|partition| partition.compared), 2);

        let chain = links(&world, &all, 0, &[(5, 7)]);
        Writer::default().put_all(&world, &chain).await?;
        let report = world.verify().await?;
        assert_found(&report, &[(Kind::Unexpected, 1)]);
        assert_example(&report, Kind::Unexpected, 5, 5);
        Ok(())
    });
}

#[test]
fn a_link_without_a_record_stands_for_offsets_that_hold_none() {
    run(async {
        let world = World::start(1).await?;
        world.produce([Record::new("first").partition(0)]).await?;
        transaction(&world, false).await?;
        world.produce([Record::new("last").partition(0)]).await?;
        transaction(&world, false).await?;
        // Records at 0 and 3, aborted ones at 1 and 4, markers at 2 and 5.
        let all = world.kafka.read(&world.topic).await?;
        let kept: Vec<_> = all.into_iter().filter(|record| record.offset % 3 == 0).collect();
        for (extents, found) in [
            (&[(0, 1), (1, 3), (3, 4), (4, 6)][..], &[][..]),
            (&[(0, 1), (1, 3), (3, 4)], &[]),
            // Without the one in the middle there is a hole, whatever it stood for.
            (&[(0, 1), (3, 4), (4, 6)], &[(Kind::Hole, 1)]),
            (&[(0, 1), (1, 3), (4, 6)], &[(Kind::Missing, 1), (Kind::Hole, 1)]),
        ] {
            let identity = Identity { uid: unique("uid"), ..world.identity.clone() };
            let world = World { identity, ..world.clone() };
            Writer::default().put_all(&world, &links(&world, &kept, 0, extents)).await?;
            let chains = Some([world.identity.chain_id()].into());
            let report = world.verify_with(Options { chains, ..Options::default() }).await?;
            assert_found(&report, found);
            assert!(report.backlog().is_empty(), "{report}");
        }
        // One that stands for a record's offset has to hold it.
        let mut chain = links(&world, &kept, 0, &[(0, 1), (1, 4)]);
        chain[1].records.clear();
        chain[1].metadata.records = 0;
        Writer::default().put_all(&world, &chain).await?;
        let chains = Some([world.identity.chain_id()].into());
        let report = world.verify_with(Options { chains, ..Options::default() }).await?;
        assert_found(&report, &[(Kind::Missing, 1)]);
        assert_example(&report, Kind::Missing, 3, 3);
        Ok(())
    });
}
