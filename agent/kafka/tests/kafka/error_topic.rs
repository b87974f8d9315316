//! Bad records in their error topics.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use futures::future::join_all;
use kafka2oss_domain::ErrorCode;
use kafka2oss_kafka::{ErrorRecord, ErrorStage, ErrorTopicProducer, SendError};
use kafka2oss_tests::kafka::shared_kafka;
use kafka2oss_tests::name::unique;
use rdkafka::message::{Header, OwnedHeaders};

use crate::support::instance;

fn record(error_topic: &str) -> ErrorRecord {
    ErrorRecord {
        error_topic: error_topic.into(),
        key: Some(b"\xffkey".to_vec()),
        value: Some(b"\x00\xc3\x28"[..].into()),
        detached_value: None,
        unfetched_bytes: None,
        headers: None,
        timestamp: Some(1_603_779_578_478),
        source_topic: "orders".into(),
        source_partition: 3,
        source_offset: 42,
        connector: "sink".into(),
        task_index: 1,
        stage: ErrorStage::ValueConverter,
        code: ErrorCode::RecordNotUtf8,
        message: "value is not UTF-8 at byte 1".into(),
    }
}

#[tokio::test]
async fn a_bad_record_is_kept_byte_for_byte_with_headers_that_say_what_is_wrong() -> Result<()> {
    let kafka = shared_kafka().await?;
    let topic = unique("connect-error");
    kafka.admin()?.create_topic(&topic, 1, &[]).await?;
    let producer = ErrorTopicProducer::connect(&instance(&kafka.bootstrap())).await?;
    let own: [(&str, Option<&[u8]>); 3] =
        [("trace", Some(b"\xfe")), ("none", None), ("trace", Some(b""))];
    let headers = own
        .iter()
        .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: *value }));

    let written = producer.send(&ErrorRecord { headers: Some(headers), ..record(&topic) }).await?;

    assert_eq!((written.partition, written.offset), (0, 0));
    let records = kafka.read(&topic).await?;
    let [read] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(read.key.as_deref(), Some(b"\xffkey".as_slice()));
    assert_eq!(read.value.as_deref(), Some(b"\x00\xc3\x28".as_slice()));
    assert_eq!(read.timestamp, Some(1_603_779_578_478));
    let kept: Vec<_> =
        read.headers[..3].iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
    assert_eq!(kept, own);
    let added: Vec<_> = read.headers[3..]
        .iter()
        .map(|(key, value)| (key.as_str(), str::from_utf8(value.as_deref().unwrap()).unwrap()))
        .collect();
    assert_eq!(
        added,
        [
            ("__connect.errors.topic", "orders"),
            ("__connect.errors.partition", "3"),
            ("__connect.errors.offset", "42"),
            ("__connect.errors.connector.name", "sink"),
            ("__connect.errors.task.id", "1"),
            ("__connect.errors.stage", "VALUE_CONVERTER"),
            ("__connect.errors.class.name", "kafka2oss"),
            ("__connect.errors.exception.class.name", "RECORD_NOT_UTF8"),
            ("__connect.errors.exception.message", "value is not UTF-8 at byte 1"),
            (
                "__connect.errors.exception.stacktrace",
                "RECORD_NOT_UTF8: value is not UTF-8 at byte 1"
            ),
            ("kafka2oss.error.code", "RECORD_NOT_UTF8"),
        ]
    );
    Ok(())
}

#[tokio::test]
async fn null_and_empty_keys_and_values_stay_apart() -> Result<()> {
    let kafka = shared_kafka().await?;
    let topic = unique("connect-error");
    kafka.admin()?.create_topic(&topic, 1, &[]).await?;
    let producer = ErrorTopicProducer::connect(&instance(&kafka.bootstrap())).await?;
    let cases =
        [(None, None), (Some(vec![]), None), (None, Some(vec![])), (Some(vec![]), Some(vec![]))];

    for (key, value) in cases.clone() {
        let value = value.map(Into::into);
        producer.send(&ErrorRecord { key, value, ..record(&topic) }).await?;
    }

    let read = kafka.read(&topic).await?.into_iter().map(|record| (record.key, record.value));
    assert_eq!(read.collect::<Vec<_>>(), cases);
    Ok(())
}

#[tokio::test]
async fn a_timestamp_that_the_topic_refuses_is_kept_in_a_header() -> Result<()> {
    let kafka = shared_kafka().await?;
    let topic = unique("connect-error");
    kafka.admin()?.create_topic(&topic, 1, &[]).await?;
    let producer = ErrorTopicProducer::connect(&instance(&kafka.bootstrap())).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let in_two_days = i64::try_from(now)? + 172_800_000;

    for timestamp in [in_two_days, 0] {
        producer.send(&ErrorRecord { timestamp: Some(timestamp), ..record(&topic) }).await?;
    }

    let records = kafka.read(&topic).await?;
    let kept: Vec<_> = records.iter().map(|read| read.header_text("kafka2oss.timestamp")).collect();
    assert_eq!(kept, [Some(in_two_days.to_string().as_str()), Some("0")]);
    Ok(())
}

#[tokio::test]
async fn a_missing_error_topic_is_undeliverable_and_not_made() -> Result<()> {
    let kafka = shared_kafka().await?;
    let absent = unique("absent");
    let producer = ErrorTopicProducer::connect(&instance(&kafka.bootstrap())).await?;

    let error = producer.send(&record(&absent)).await.unwrap_err();

    let SendError::Failed(problem) = error else { panic!("{error:?}") };
    assert_eq!(problem.code, ErrorCode::DeadLetterUndeliverable, "{problem}");
    assert_eq!(kafka.admin()?.partitions(&absent).await?, None, "nobody has made it");
    Ok(())
}

#[tokio::test]
async fn a_record_too_large_for_its_error_topic_passes_without_its_value() -> Result<()> {
    let kafka = shared_kafka().await?;
    let small = unique("small");
    kafka.admin()?.create_topic(&small, 1, &[("max.message.bytes", "2000")]).await?;
    let producer = ErrorTopicProducer::connect(&instance(&kafka.bootstrap())).await?;
    let own = OwnedHeaders::new().insert(Header { key: "trace", value: Some(b"\xfe") });
    let value = Some(incompressible(5_000).into());
    let large = ErrorRecord { value, headers: Some(own), ..record(&small) };
    let detached = ErrorRecord { detached_value: Some("p/values/42.bin".into()), ..large.clone() };

    let error = producer.send(&large).await.unwrap_err();
    producer.send(&detached).await?;

    let SendError::TooLarge(problem) = error else { panic!("{error:?}") };
    assert_eq!(problem.code, ErrorCode::DeadLetterUndeliverable, "{problem}");
    let records = kafka.read(&small).await?;
    let [read] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!((read.key.as_deref(), &read.value), (Some(b"\xffkey".as_slice()), &None));
    assert_eq!(read.headers[0], ("trace".to_owned(), Some(b"\xfe".to_vec())));
    assert_eq!(read.header_text("__connect.errors.offset"), Some("42"));
    assert_eq!(read.header_text("kafka2oss.value.object"), Some("p/values/42.bin"));
    assert_eq!(read.header_text("kafka2oss.value.size"), Some("5000"));
    Ok(())
}

#[tokio::test]
async fn a_key_that_is_too_large_by_itself_stays_too_large() -> Result<()> {
    let kafka = shared_kafka().await?;
    let small = unique("small");
    kafka.admin()?.create_topic(&small, 1, &[("max.message.bytes", "2000")]).await?;
    let producer = ErrorTopicProducer::connect(&instance(&kafka.bootstrap())).await?;
    let large = ErrorRecord {
        key: Some(incompressible(5_000)),
        detached_value: Some("p/values/42.bin".into()),
        ..record(&small)
    };

    let error = producer.send(&large).await.unwrap_err();
    let value = Some(vec![0; 100_000_001].into());
    let beyond_every_limit = ErrorRecord { value, ..record(&small) };
    let refused_here = producer.send(&beyond_every_limit).await.unwrap_err();

    assert!(matches!(error, SendError::TooLarge(_)), "{error:?}");
    assert!(matches!(refused_here, SendError::TooLarge(_)), "{refused_here:?}");
    Ok(())
}

#[tokio::test]
async fn records_that_are_too_large_only_together_are_not_too_large() -> Result<()> {
    let kafka = shared_kafka().await?;
    let small = unique("small");
    kafka.admin()?.create_topic(&small, 1, &[("max.message.bytes", "2000")]).await?;
    let producer = ErrorTopicProducer::connect(&instance(&kafka.bootstrap())).await?;
    // Different ones, so that no batch of them is compressed.
    let values = incompressible(20_000);
    let records: Vec<_> = values
        .chunks(1_000)
        .map(|value| ErrorRecord { value: Some(value.to_vec().into()), ..record(&small) })
        .collect();

    let written = join_all(records.iter().map(|record| producer.send(record))).await;

    for outcome in written {
        outcome?;
    }
    assert_eq!(kafka.read(&small).await?.len(), 20);
    Ok(())
}

#[tokio::test]
async fn a_record_that_passed_its_own_topics_limit_compressed_passes_the_error_topics() -> Result<()>
{
    let kafka = shared_kafka().await?;
    let topic = unique("small");
    kafka.admin()?.create_topic(&topic, 1, &[("max.message.bytes", "2000")]).await?;
    let producer = ErrorTopicProducer::connect(&instance(&kafka.bootstrap())).await?;
    let value = vec![0x80; 5_000];

    producer.send(&ErrorRecord { value: Some(value.clone().into()), ..record(&topic) }).await?;

    assert_eq!(kafka.read(&topic).await?[0].value.as_ref(), Some(&value));
    Ok(())
}

/// Bytes of a small generator (xorshift), which no codec makes shorter.
fn incompressible(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}
