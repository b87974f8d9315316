//! Records that were changed, dropped, repeated or moved.

use anyhow::Result;
use kafka2oss_tests::raw_client::{self, RawRecord};
use kafka2oss_verify::{Kind, Report};

use crate::world::{World, assert_example, assert_found, run};
use crate::writer::{Link, Writer, links};

/// Ten records in links of 0 to 3, 4 to 6 and 7 to 9, the second of which is
/// changed before it is put.
async fn after(change: impl FnOnce(&mut Link)) -> Result<Report> {
    let world = World::start(1).await?;
    let records = world.fill(10).await?;
    let mut chain = links(&world, &records, 0, &[(0, 4), (4, 7), (7, 10)]);
    change(&mut chain[1]);
    Writer::of("jsonl").put_all(&world, &chain).await?;
    world.verify().await
}

#[test]
fn each_part_of_a_record_is_compared() {
    run(async {
        type Change = fn(&mut Link);
        let changes: [(&str, Change); 7] = [
            ("key", |link| link.records[1].key = None),
            ("timestamp", |link| link.records[1].timestamp = Some(1)),
            ("value", |link| link.records[1].value = Some(b"value X".to_vec())),
            ("value, valueSize", |link| link.records[1].value = Some(b"value".to_vec())),
            ("value, valueSize", |link| link.records[1].value = None),
            ("headers", |link| link.records[1].headers[0].1 = Some(b"X".to_vec())),
            ("headers", |link| link.records[1].headers.clear()),
        ];
        for (fields, change) in changes {
            let report = after(change).await?;
            assert_found(&report, &[(Kind::Altered, 1)]);
            assert_example(&report, Kind::Altered, 5, 5);
            let detail = &report.findings[&Kind::Altered].examples[0].detail;
            assert_eq!(*detail, format!("not as in the topic: {fields}"));
        }
        Ok(())
    });
}

#[test]
fn the_name_of_a_header_is_compared_beyond_its_zero_bytes() {
    run(async {
        let names = |first: &str, second: &str| [first.to_owned(), second.to_owned()];
        for (names, expected) in [
            (names("a\0b", "a\0b"), &[][..]),
            (names("a", "a\0b"), &[(Kind::Altered, 1)]),
            (names("a\0b", "a"), &[(Kind::Altered, 1)]),
        ] {
            // given a record of another client's, the names of whose headers have zero
            // bytes
            let world = World::start(1).await?;
            let headers = vec![(&b"a\0b"[..], Some(&b"1"[..])), (b"a\0b", None)];
            let record = RawRecord { value: Some(b"v"), headers, ..RawRecord::default() };
            let broker = world.kafka.bootstrap();
            raw_client::produce(&broker, &world.topic, 0, 1_000, &[record]).await?;

            // when the object has these names for them
            let mut records = world.kafka.read(&world.topic).await?;
            for (header, name) in records[0].headers.iter_mut().zip(names) {
                header.0 = name;
            }
            let chain = links(&world, &records, 0, &[(0, 1)]);
            Writer::of("jsonl").put_all(&world, &chain).await?;

            // then one that is cut is found
            assert_found(&world.verify().await?, expected);
        }
        Ok(())
    });
}

#[test]
fn headers_that_cannot_be_read_are_not_taken_for_none() {
    run(async {
        // given a record with more headers than librdkafka reads
        let world = World::start(1).await?;
        let headers: Vec<_> = vec![(&b""[..], None); 100_001];
        let record = RawRecord { value: Some(b"v"), headers, ..RawRecord::default() };
        let broker = world.kafka.bootstrap();
        raw_client::produce(&broker, &world.topic, 0, 1_000, &[record]).await?;

        // when it stands in an object without them
        let mut records = world.kafka.read(&world.topic).await?;
        records[0].headers.clear();
        let chain = links(&world, &records, 0, &[(0, 1)]);
        Writer::of("jsonl").put_all(&world, &chain).await?;

        // then it is not as in the topic
        let report = world.verify().await?;
        assert_found(&report, &[(Kind::Altered, 1)]);
        let detail = &report.findings[&Kind::Altered].examples[0].detail;
        assert_eq!(detail, "not as in the topic: headers");
        Ok(())
    });
}

#[test]
fn the_topic_and_partition_of_a_record_are_compared() {
    run(async {
        let world = World::start(2).await?;
        let records = world.fill(4).await?;
        let mut chain = links(&world, &records, 0, &[(0, 2)]);
        let writer = Writer::default();
        // Its body says partition 1, its key and metadata 0.
        chain[0].partition = 1;
        let body = writer.body(&world, &chain[0])?;
        chain[0].partition = 0;
        let crc64 = kafka2oss_sink::crc64(&body);
        let metadata = kafka2oss_chain::ObjectMetadata { crc64, ..chain[0].metadata.clone() };
        writer.put_body(&world, &chain[0], body, metadata).await?;
        let report = world.verify().await?;
        assert_found(&report, &[(Kind::Altered, 2)]);
        let detail = &report.findings[&Kind::Altered].examples[0].detail;
        assert_eq!(detail, "not as in the topic: partition");
        Ok(())
    });
}

#[test]
fn a_dropped_record_is_missing_and_contradicts_the_metadata_unless_that_was_changed() {
    run(async {
        let report = after(|link| drop(link.records.remove(1))).await?;
        assert_found(&report, &[(Kind::Missing, 1), (Kind::Contradictory, 1)]);
        assert_example(&report, Kind::Missing, 5, 5);

        let report = after(|link| {
            link.records.remove(1);
            link.metadata.records -= 1;
        })
        .await?;
        assert_found(&report, &[(Kind::Missing, 1)]);
        Ok(())
    });
}

#[test]
fn a_record_that_stands_twice_in_a_link_is_duplicated() {
    run(async {
        let report = after(|link| {
            link.records.insert(1, link.records[0].clone());
            link.records.remove(2);
        })
        .await?;
        assert_found(&report, &[(Kind::Missing, 1), (Kind::Duplicated, 1)]);
        assert_example(&report, Kind::Duplicated, 4, 4);
        Ok(())
    });
}

#[test]
fn swapped_records_are_out_of_order() {
    run(async {
        let report = after(|link| link.records.swap(0, 2)).await?;
        assert_found(&report, &[(Kind::OutOfOrder, 2)]);
        assert_example(&report, Kind::OutOfOrder, 5, 5);
        Ok(())
    });
}

#[test]
fn a_record_outside_of_its_links_extent_is_out_of_order() {
    run(async {
        let report = after(|link| link.records[2].offset = 8).await?;
        assert_found(&report, &[(Kind::Missing, 1), (Kind::OutOfOrder, 1)]);
        assert_example(&report, Kind::Missing, 6, 6);
        assert_example(&report, Kind::OutOfOrder, 8, 8);
        Ok(())
    });
}
