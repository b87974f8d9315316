//! Records arrive readable and as they were, in whatever form.

use anyhow::Result;
use kafka2oss_agent::task::{PartitionSnapshot, Snapshot, StopMode};
use kafka2oss_format::{DecodedHeader, Encoding};
use kafka2oss_proto::v1;
use kafka2oss_tests::produce::{Produced, Record, numbered};
use kafka2oss_tests::raw_client::{self, RawHeader, RawRecord};

use crate::world::World;

/// What text makes trouble with, and what is not there.
fn texts() -> Vec<Record> {
    let value = |value: &str| Record::new(value).partition(0);
    vec![
        value("plain").key("key"),
        value("\"\\\n\r\t\u{0}\u{1f}\u{7f}\u{2028}, é, 北京, 🦀").key("\"\n\u{0}"),
        value("").key(""),
        Record::tombstone().key("tombstone").partition(0),
        Record::tombstone().partition(0),
    ]
}

/// What is no text, and what only looks like base64.
fn bytes() -> Vec<Record> {
    let value = |value: &[u8]| Record::new(value).partition(0);
    vec![
        value(b"\xff\xfe\x00").key(b"\xc3".to_vec()),
        value(b"\xed\xa0\x80").key("text"),
        value(b"AAAA").key(b"\x80".to_vec()),
        value(&(0..=255).collect::<Vec<u8>>()),
    ]
}

async fn delivered(world: &World, records: Vec<Record>) -> Result<Vec<Produced>> {
    let produced = world.kafka.producer()?.send_all(&world.topic, records).await?;
    let task = world.start(0).await?;
    task.delivered(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(produced)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_format_and_compression_arrives_as_it_was_produced() -> Result<()> {
    let mut world = World::new(1).await?;
    let mut produced = Vec::new();
    for format in [v1::OutputFormat::JsonArray, v1::OutputFormat::JsonLines] {
        for compression in [v1::Compression::None, v1::Compression::Gzip, v1::Compression::Zstd] {
            world.output().format = format.into();
            world.output().compression = compression.into();
            let records = texts().into_iter().chain(numbered("v", 0..1_000, 1)).collect();
            produced.extend(delivered(&world, records).await?);
        }
    }

    let links = world.arrived(&produced).await?;

    let extensions: Vec<_> = links.iter().map(|link| link.extension()).collect();
    assert_eq!(extensions, Encoding::ALL.map(Encoding::extension));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_arrive_in_their_order_where_they_are_included() -> Result<()> {
    let mut world = World::new(1).await?;
    let mut record = Record::new("v").partition(0).header("b", "1").header("a", "é");
    record = record.header("b", b"\xff".to_vec()).header("", "");
    record.headers.push(("null".into(), None));

    let mut produced = delivered(&world, vec![record.clone()]).await?;
    world.output().include_headers = true;
    produced.extend(delivered(&world, vec![record, Record::new("none").partition(0)]).await?);

    let links = world.arrived(&produced).await?;
    assert_eq!(links[0].records[0].headers, None, "by default they are left out");
    let header = |key: &str, value: Option<&[u8]>| DecodedHeader {
        key: key.into(),
        value: value.map(<[u8]>::to_vec),
    };
    let expected = [
        header("b", Some(b"1")),
        header("a", Some("é".as_bytes())),
        header("b", Some(b"\xff")),
        header("", Some(b"")),
        header("null", None),
    ];
    assert_eq!(links[1].records[0].headers.as_deref(), Some(&expected[..]));
    assert_eq!(links[1].records[1].headers, None);
    Ok(())
}

/// Names that end elsewhere for who takes them for C strings, or that are no text.
const ODD_HEADERS: [RawHeader<'static>; 6] = [
    (b"a\0b", Some(b"1")),
    (b"a\0b", None),
    (b"\0", Some(b"\0")),
    (b"", None),
    (b"c\0", Some(b"")),
    (b"a", Some(b"another")),
];

impl World {
    /// What is seen of a task that has delivered this record of another client's.
    async fn raw_delivered(&self, record: RawRecord<'_>) -> Result<Snapshot> {
        let broker = self.kafka.bootstrap();
        let end = raw_client::produce(&broker, &self.topic, 0, 1_000, &[record]).await? + 1;
        let task = self.start(0).await?;
        let is_delivered = |seen: &PartitionSnapshot| seen.committed_offset == Some(end);
        let seen = task.partition("it is delivered", 0, is_delivered).await?;
        task.handle.stop(StopMode::Leave).await;
        Ok(seen)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_headers_arrive_with_their_zero_bytes() -> Result<()> {
    // given a record of another client's, whose headers have names with zero bytes
    let mut world = World::new(1).await?;
    world.output().include_headers = true;
    let headers = ODD_HEADERS.to_vec();
    let record = RawRecord { value: Some(b"v"), headers, ..RawRecord::default() };

    // when
    world.raw_delivered(record).await?;

    // then
    let keys = world.bucket.keys("").await?;
    let object = String::from_utf8(world.bucket.get(&keys[0]).await?.bytes)?;
    for name in [r#""a\u0000b""#, r#""\u0000""#, r#""c\u0000""#, r#""""#, r#""a""#] {
        assert!(object.contains(&format!(r#""key":{name}"#)), "{name} is not in {object}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_keeps_the_names_of_its_headers_byte_for_byte() -> Result<()> {
    let world = World::new(1).await?;
    // The broker undoes the producer's compression, so that bytes can be looked for. It
    // reads names as text for that: they are text here.
    let error_topic = world.error_topic_with(&[("compression.type", "uncompressed")]).await?;
    let headers = ODD_HEADERS.to_vec();
    let bad = RawRecord { value: Some(b"\xff"), headers, ..RawRecord::default() };

    world.raw_delivered(bad).await?;

    let log = raw_client::fetch(&world.kafka.bootstrap(), &error_topic, 0, 0).await?;
    let all: Vec<u8> = ODD_HEADERS.into_iter().flat_map(raw_client::header_bytes).collect();
    assert!(log.windows(all.len()).any(|part| part == all), "{}", log.escape_ascii());
    Ok(())
}

/// One more than librdkafka reads.
const UNREADABLE: usize = 100_001;

#[tokio::test(flavor = "multi_thread")]
async fn a_record_with_more_headers_than_can_be_read_is_not_written_without_them() -> Result<()> {
    // given
    let mut world = World::new(1).await?;
    world.output().include_headers = true;
    let error_topic = world.error_topic().await?;
    let headers: Vec<_> = vec![(&b""[..], None); UNREADABLE];
    let record = RawRecord { key: Some(b"k"), value: Some(b"v"), headers };

    // when
    let seen = world.raw_delivered(record).await?;

    // then
    assert_eq!((seen.totals.records, seen.totals.dead_letters), (0, 1));
    let letters = world.kafka.read(&error_topic).await?;
    assert_eq!(
        (letters[0].key.as_deref(), letters[0].value.as_deref()),
        (Some(&b"k"[..]), Some(&b"v"[..]))
    );
    let code = letters[0].header_text("kafka2oss.error.code");
    assert_eq!(code, Some("RECORD_HEADERS_UNREADABLE"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_nobody_asked_for_need_not_be_readable() -> Result<()> {
    let world = World::new(1).await?;
    let headers: Vec<_> = vec![(&b""[..], None); UNREADABLE];
    let record = RawRecord { value: Some(b"v"), headers, ..RawRecord::default() };

    let seen = world.raw_delivered(record).await?;

    assert_eq!((seen.totals.records, seen.totals.dead_letters), (1, 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn in_base64_any_bytes_arrive() -> Result<()> {
    let mut world = World::new(1).await?;
    world.output().key_encoding = v1::TextEncoding::Base64.into();
    world.output().value_encoding = v1::TextEncoding::Base64.into();

    let produced = delivered(&world, [texts(), bytes()].concat()).await?;

    let links = world.arrived(&produced).await?;
    let body = String::from_utf8(world.bucket.get(&links[0].key).await?.bytes)?;
    assert!(body.contains(r#""keyBase64":"a2V5""#) && !body.contains(r#""value":"#), "{body}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_text_arrives_in_base64_and_text_as_text() -> Result<()> {
    let mut world = World::new(1).await?;
    world.output().key_encoding = v1::TextEncoding::Utf8OrBase64.into();
    world.output().value_encoding = v1::TextEncoding::Utf8OrBase64.into();

    let produced = delivered(&world, [texts(), bytes()].concat()).await?;

    let links = world.arrived(&produced).await?;
    let body = String::from_utf8(world.bucket.get(&links[0].key).await?.bytes)?;
    assert!(body.contains(r#""value":"plain""#), "{body}");
    assert!(body.contains(r#""value":"AAAA""#), "{body}");
    assert!(body.contains(r#""valueBase64":"//4A""#), "{body}");
    Ok(())
}
