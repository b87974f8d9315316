//! Values that stand in objects of their own, or nowhere.

use anyhow::Result;
use kafka2oss_tests::produce::Record;
use kafka2oss_verify::{Kind, Options};

use crate::world::{World, assert_example, assert_found, run};
use crate::writer::{Link, Writer, change, change_metadata, links, put_value};

fn writer(spill: bool) -> Writer {
    Writer { max_value_bytes: 100, spill, ..Writer::default() }
}

/// Six records in two links; the values of offsets 1 and 4 are large.
async fn start(writer: &Writer) -> Result<(World, Vec<Link>)> {
    let world = World::start(1).await?;
    let value = |offset| if offset % 3 == 1 { vec![b'a' + offset; 5_000] } else { vec![b'v'] };
    let records = (0..6).map(|offset| Record::new(value(offset)).partition(0));
    let records = world.produce(records).await?;
    let chain = links(&world, &records, 0, &[(0, 3), (3, 6)]);
    writer.put_all(&world, &chain).await?;
    Ok((world, chain))
}

#[test]
fn spilled_and_omitted_values_are_clean_and_of_the_size_that_is_known() {
    run(async {
        for spill in [true, false] {
            let (world, _) = start(&writer(spill)).await?;
            for max_value_bytes in [None, Some(100)] {
                let options = Options { max_value_bytes, ..Options::default() };
                let report = world.verify_with(options).await?;
                assert_found(&report, &[]);
                assert_eq!(report.objects, if spill { 4 } else { 2 });
            }
            let options = Options { max_value_bytes: Some(5_000), ..Options::default() };
            assert_found(&world.verify_with(options).await?, &[(Kind::Altered, 2)]);
        }
        Ok(())
    });
}

#[test]
fn a_spilled_value_that_was_changed_is_altered() {
    run(async {
        let writer = writer(true);
        let (world, _) = start(&writer).await?;
        change(&world, &writer.value_key(&world, 4), |bytes| bytes[4_999] ^= 1).await?;
        let report = world.verify().await?;
        assert_found(&report, &[(Kind::Altered, 1)]);
        assert_example(&report, Kind::Altered, 4, 4);
        Ok(())
    });
}

#[test]
fn a_value_object_that_is_gone_or_of_others_is_found() {
    run(async {
        let writer = writer(true);
        let (world, _) = start(&writer).await?;
        world.bucket.delete(&writer.value_key(&world, 1)).await?;
        let other = |metadata: &mut std::collections::HashMap<String, String>| {
            metadata.insert("kafka2oss-chain-id".into(), "zzzz2345".into());
        };
        change_metadata(&world, &writer.value_key(&world, 4), other).await?;
        let report = world.verify().await?;
        assert_found(&report, &[(Kind::MissingValue, 1), (Kind::Foreign, 1)]);
        assert_example(&report, Kind::MissingValue, 1, 1);
        Ok(())
    });
}

#[test]
fn a_record_that_names_the_value_of_another_is_altered() {
    run(async {
        let writer = writer(true);
        let (world, chain) = start(&writer).await?;
        let (own, other) = (writer.value_key(&world, 4), writer.value_key(&world, 1));
        change(&world, &writer.key(&world, &chain[1]), |bytes| {
            *bytes = String::from_utf8(bytes.clone()).unwrap().replace(&own, &other).into_bytes();
        })
        .await?;
        let report = world.verify().await?;
        assert_found(&report, &[(Kind::Altered, 1), (Kind::Damaged, 1), (Kind::Garbage, 1)]);
        assert_example(&report, Kind::Garbage, 4, 4);
        Ok(())
    });
}

#[test]
fn a_value_object_that_nothing_refers_to_is_garbage_unless_a_link_is_yet_to_come() {
    run(async {
        let writer = writer(true);
        let (world, chain) = start(&writer).await?;
        put_value(&world, &writer.value_key(&world, 2), 2, b"of nobody").await?;
        put_value(&world, &writer.letter_key(&world, 3), 3, b"of nobody").await?;
        put_value(&world, &writer.value_key(&world, 6), 6, b"of a record to come").await?;
        let report = world.verify().await?;
        assert_found(&report, &[(Kind::Garbage, 2)]);
        assert_example(&report, Kind::Garbage, 2, 2);
        assert_eq!(report.partitions[0].unclaimed_values, 1);

        // What refers to it may be in the link that is lost.
        world.bucket.delete(&writer.key(&world, &chain[0])).await?;
        let options = Options { starts: [(0, 0)].into(), ..Options::default() };
        let report = world.verify_with(options).await?;
        assert_found(&report, &[(Kind::Missing, 3), (Kind::Hole, 1), (Kind::Garbage, 1)]);
        assert_example(&report, Kind::Garbage, 3, 3);
        Ok(())
    });
}
