//! Links that were lost, doubled, damaged or put by others.

use anyhow::Result;
use kafka2oss_chain::ObjectMetadata;
use kafka2oss_sink::crc64;
use kafka2oss_verify::Kind;

use crate::world::{PREFIX, World, assert_example, assert_found, run};
use crate::writer::{Link, Writer, change, change_metadata, links};

const EXTENTS: [(i64, i64); 3] = [(0, 4), (4, 7), (7, 10)];

/// Ten records and their chain, put.
async fn start(writer: &Writer) -> Result<(World, Vec<Link>)> {
    let world = World::start(1).await?;
    let records = world.fill(10).await?;
    let chain = links(&world, &records, 0, &EXTENTS);
    writer.put_all(&world, &chain).await?;
    Ok((world, chain))
}

#[test]
fn a_deleted_link_is_a_hole_and_its_records_are_missing() {
    run(async {
        let writer = Writer::default();
        let (world, chain) = start(&writer).await?;
        world.bucket.delete(&writer.key(&world, &chain[1])).await?;
        let report = world.verify().await?;
        assert_found(&report, &[(Kind::Missing, 3), (Kind::Hole, 1)]);
        assert_example(&report, Kind::Missing, 4, 6);
        assert_example(&report, Kind::Hole, 4, 6);

        world.bucket.delete(&writer.key(&world, &chain[2])).await?;
        let report = world.verify().await?;
        assert_found(&report, &[(Kind::Missing, 6)]);
        Ok(())
    });
}

#[test]
fn a_link_under_two_keys_is_an_overlap_of_duplicates() {
    run(async {
        let (world, chain) = start(&Writer::default()).await?;
        Writer::of("json.gz").put(&world, &chain[1]).await?;
        let report = world.verify().await?;
        assert_found(&report, &[(Kind::Duplicated, 3), (Kind::Overlap, 1)]);
        assert_example(&report, Kind::Duplicated, 4, 6);
        assert_example(&report, Kind::Overlap, 4, 6);
        Ok(())
    });
}

#[test]
fn links_that_share_offsets_are_an_overlap_of_duplicates() {
    run(async {
        let world = World::start(1).await?;
        let records = world.fill(10).await?;
        let chain = links(&world, &records, 0, &[(0, 6), (4, 7), (7, 10)]);
        Writer::default().put_all(&world, &chain).await?;
        let report = world.verify().await?;
        assert_found(&report, &[(Kind::Duplicated, 2), (Kind::Overlap, 1)]);
        assert_example(&report, Kind::Overlap, 4, 5);
        Ok(())
    });
}

#[test]
fn what_attempts_have_put_under_own_keys_is_repeated_and_no_damage() {
    run(async {
        // given two attempts at the first link and one at the second
        let world = World::start(1).await?;
        let records = world.fill(10).await?;
        let parts = |extents| links(&world, &records, 0, extents);
        Writer::with_own_keys(1).put_all(&world, &parts(&[(0, 6)])).await?;
        Writer::with_own_keys(2).put_all(&world, &parts(&[(0, 4)])).await?;
        Writer::with_own_keys(3).put_all(&world, &parts(&[(6, 10)])).await?;

        let report = world.verify().await?;
        assert_found(&report, &[]);
        let partition = &report.partitions[0];
        assert_eq!((partition.compared, partition.repeated), (10, 4));
        assert!(report.to_string().contains("4 copies by other attempts"), "{report}");

        // when the longer one is gone
        let lost = Writer::with_own_keys(1).key(&world, &parts(&[(0, 6)])[0]);
        world.bucket.delete(&lost).await?;

        // then no other has all of it
        let report = world.verify().await?;
        assert_found(&report, &[(Kind::Missing, 2), (Kind::Hole, 1)]);
        assert_example(&report, Kind::Missing, 4, 5);
        Ok(())
    });
}

#[test]
fn beside_own_keys_those_that_all_share_are_judged_as_ever() {
    run(async {
        let (world, chain) = start(&Writer::default()).await?;
        Writer::with_own_keys(1).put(&world, &chain[1]).await?;
        assert_found(&world.verify().await?, &[]);

        Writer::of("json.gz").put(&world, &chain[1]).await?;
        let report = world.verify().await?;
        assert_found(&report, &[(Kind::Duplicated, 3), (Kind::Overlap, 1)]);
        Ok(())
    });
}

#[test]
fn a_changed_byte_of_a_value_is_altered_and_damaged() {
    run(async {
        let writer = Writer::default();
        let (world, chain) = start(&writer).await?;
        change(&world, &writer.key(&world, &chain[1]), |bytes| {
            let at = bytes.windows(7).position(|window| window == b"value 5").unwrap();
            bytes[at + 6] = b'6';
        })
        .await?;
        let report = world.verify().await?;
        assert_found(&report, &[(Kind::Altered, 1), (Kind::Damaged, 1)]);
        assert_example(&report, Kind::Altered, 5, 5);
        Ok(())
    });
}

#[test]
fn a_body_that_was_cut_off_is_damaged_and_what_cannot_be_read_is_missing() {
    run(async {
        for extension in ["json", "json.gz", "jsonl.zst"] {
            let writer = Writer::of(extension);
            let (world, chain) = start(&writer).await?;
            let key = writer.key(&world, &chain[1]);
            let length = world.bucket.get(&key).await?.bytes.len();
            change(&world, &key, |bytes| bytes.truncate(length - 1)).await?;
            let report = world.verify().await?;
            assert_eq!(report.count(Kind::Damaged), 1, "{extension}: {report}");
            let example = &report.findings[&Kind::Damaged].examples[0];
            assert_eq!(example.key.as_deref(), Some(key.as_str()));

            change(&world, &key, Vec::clear).await?;
            let report = world.verify().await?;
            assert_found(&report, &[(Kind::Missing, 3), (Kind::Damaged, 1)]);
        }
        Ok(())
    });
}

#[test]
fn lines_that_were_cut_off_between_two_are_found_by_number_and_checksum() {
    run(async {
        let writer = Writer::of("jsonl");
        let (world, chain) = start(&writer).await?;
        change(&world, &writer.key(&world, &chain[1]), |bytes| {
            let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
            bytes.truncate(end + 1);
        })
        .await?;
        let report = world.verify().await?;
        let expected = [(Kind::Missing, 2), (Kind::Contradictory, 1), (Kind::Damaged, 1)];
        assert_found(&report, &expected);
        Ok(())
    });
}

#[test]
fn objects_of_others_below_the_topics_folder_are_foreign() {
    run(async {
        let (world, chain) = start(&Writer::default()).await?;
        let folder = format!("{PREFIX}{}/", world.topic);
        for key in ["readme.txt", "0/other+0+00000000000000000001-abcd2345.json", "a\u{1}&<b>"] {
            world.bucket.put(&format!("{folder}{key}"), "theirs").await?;
        }
        // Of no concern: a console's folder, and what is elsewhere.
        world.bucket.put(&format!("{folder}0/"), "").await?;
        world.bucket.put(&format!("{PREFIX}readme.txt"), "theirs").await?;
        // The key of a link, without its metadata.
        let end = Link { first: 10, ..chain[2].clone() };
        world.bucket.put(&Writer::default().key(&world, &end), "[]").await?;
        let report = world.verify().await?;
        assert_found(&report, &[(Kind::Foreign, 4)]);
        assert_eq!(report.total(|partition| partition.links), 3);
        Ok(())
    });
}

#[test]
fn metadata_that_contradicts_key_or_content_is_found() {
    run(async {
        let writer = Writer::default();
        let name = |part: &str| format!("kafka2oss-{part}");
        for (part, value, expected) in [
            (
                "chain-id",
                "zzzz2345",
                &[(Kind::Missing, 3), (Kind::Hole, 1), (Kind::Foreign, 1)][..],
            ),
            ("partition", "1", &[(Kind::Missing, 3), (Kind::Hole, 1), (Kind::Foreign, 1)]),
            ("first-offset", "3", &[(Kind::Missing, 3), (Kind::Hole, 1), (Kind::Foreign, 1)]),
            ("uid", "another", &[(Kind::Missing, 3), (Kind::Hole, 1), (Kind::Foreign, 1)]),
            ("version", "2", &[(Kind::Missing, 3), (Kind::Hole, 1), (Kind::Foreign, 1)]),
            ("next-offset", "8", &[(Kind::Overlap, 1)]),
            ("next-offset", "6", &[(Kind::Missing, 1), (Kind::OutOfOrder, 1), (Kind::Hole, 1)]),
            ("records", "2", &[(Kind::Contradictory, 1)]),
            ("crc64", "1", &[(Kind::Damaged, 1)]),
        ] {
            let (world, chain) = start(&writer).await?;
            change_metadata(&world, &writer.key(&world, &chain[1]), |metadata| {
                let records = value == "6";
                metadata.insert(name(part), value.to_owned());
                if records {
                    metadata.insert(name("records"), "2".to_owned());
                }
            })
            .await?;
            let report = world.verify().await?;
            let mut expected = expected.to_vec();
            if value == "6" {
                expected.push((Kind::Contradictory, 1));
                expected.sort();
            }
            assert_found(&report, &expected);
        }
        Ok(())
    });
}

#[test]
fn a_link_without_records_is_one() {
    run(async {
        let world = World::start(1).await?;
        let records = world.fill(4).await?;
        let mut chain = links(&world, &records, 0, &[(0, 2), (2, 4)]);
        chain[1].records.clear();
        let writer = Writer::default();
        writer.put(&world, &chain[0]).await?;
        let body = writer.body(&world, &chain[1])?;
        assert_eq!(body, b"[]");
        let crc64 = crc64(&body);
        let metadata = ObjectMetadata { records: 0, crc64, ..chain[1].metadata.clone() };
        writer.put_body(&world, &chain[1], body, metadata).await?;
        // Nothing is wrong with it but that its records are nowhere else.
        assert_found(&world.verify().await?, &[(Kind::Missing, 2)]);
        Ok(())
    });
}
