//! Records that JSON cannot hold: not UTF-8.

use anyhow::{Context, Result, bail};
use kafka2oss_proto::v1;
use kafka2oss_tests::produce::{Record, numbered};
use tokio::time::timeout;

use crate::connector::{Connector, partitions};
use crate::deployment::LIMIT;
use crate::spec::Parts;
use crate::world::World;

const NOT_UTF8: &[u8] = &[b'o', b'k', 0xc3, 0x28, 0x00, 0xff];

#[tokio::test(flavor = "multi_thread")]
async fn under_log_a_bad_record_goes_to_the_error_topic_as_it_is_and_its_partition_goes_on()
-> Result<()> {
    // given a bad value, with headers of its own, and a bad key
    let world = World::new(2).await?;
    let connector = world.connector().await?;
    let mut produced = world.produce(numbered("a", 0..20, 2)).await?;
    let bad_value = Record::new(NOT_UTF8)
        .key("the key")
        .partition(0)
        .timestamp(1_603_779_578_478)
        .header("trace", [0x00, 0xfe, b'x'])
        .header("trace", "again");
    let bad_key = Record::new("fine").key(NOT_UTF8).partition(1);
    produced.extend(world.produce([bad_value.clone(), bad_key.clone()]).await?);
    produced.extend(world.produce(numbered("b", 0..20, 2)).await?);

    // when
    connector.run().await?;
    connector.delivered(&produced).await?;

    // then the good ones are in objects, the bad ones in the error topic
    world.judge(&produced).await?;
    let letters = world.read(&format!("connect-error-{}", connector.id)).await?;
    assert_eq!(letters.len(), 2, "{letters:?}");
    let letter = |partition: &str| {
        let found = letters
            .iter()
            .find(|letter| letter.header_text("__connect.errors.partition") == Some(partition));
        found.unwrap_or_else(|| panic!("none of partition {partition}: {letters:?}"))
    };
    let value = letter("0");
    assert_eq!((&value.key, &value.value), (&bad_value.key, &bad_value.value));
    assert_eq!(value.timestamp, bad_value.timestamp);
    assert_eq!(value.headers[..2], bad_value.headers, "its own headers, in their order");
    let key = letter("1");
    assert_eq!((&key.key, &key.value), (&bad_key.key, &bad_key.value));
    for (letter, stage) in [(value, "VALUE_CONVERTER"), (key, "KEY_CONVERTER")] {
        let header = |name: &str| letter.header_text(&format!("__connect.errors.{name}"));
        assert_eq!(header("topic"), Some(&world.topic[..]));
        assert_eq!(header("offset"), Some("10"));
        assert_eq!(header("connector.name"), Some(&connector.id[..]));
        assert_eq!(header("stage"), Some(stage));
        assert!(header("task.id").is_some() && header("exception.message").is_some());
        assert_eq!(letter.header_text("kafka2oss.error.code"), Some("RECORD_NOT_UTF8"));
    }

    // and each is told as an event, counted and logged
    let events = dead_letters(&connector, 2).await?;
    let mut positions: Vec<_> = events.iter().map(|e| (e.partition, e.offset)).collect();
    positions.sort_unstable();
    assert_eq!(positions, [(0, 10), (1, 10)]);
    let event = events.iter().find(|event| event.partition == 0).context("the bad value's")?;
    assert_eq!(event.error_code, "RECORD_NOT_UTF8");
    assert_eq!(event.error_topic, format!("connect-error-{}", connector.id));
    assert_eq!((event.error_partition, event.error_offset), (value.partition, value.offset));
    assert_eq!((event.key_size, event.value_size), (Some(7), Some(NOT_UTF8.len() as i64)));
    assert_eq!(event.value_preview, NOT_UTF8);
    let seen = connector
        .sees("two dead letters counted", |connector| {
            let totals = connector.status.as_ref().and_then(|status| status.totals.as_ref());
            totals.is_some_and(|totals| totals.dead_letters == 2)
        })
        .await?;
    assert_eq!(seen.status.context("a status")?.state(), v1::ConnectorState::Running);
    logged(&connector, "RECORD_NOT_UTF8").await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn under_fail_a_bad_record_stops_its_partition_only_and_pause_and_resume_retry_it()
-> Result<()> {
    // given
    let world = World::new(2).await?;
    let connector = world
        .connector_with(|spec| {
            spec.runtime().set_failure_handling_policy(v1::FailureHandlingPolicy::Fail);
        })
        .await?;
    let mut good = world.produce(numbered("a", 0..20, 2)).await?;
    world.produce([Record::new(NOT_UTF8).partition(0)]).await?;
    let behind = world.produce(numbered("behind ", 0..10, 1)).await?;
    good.extend(world.produce([Record::new("other").partition(1)]).await?);

    // when
    connector.deploy().await?;

    // then its partition stops before it, with what stands before committed
    let stopped = stops_at_the_bad_record(&connector).await?;
    connector.delivered(&good).await?;
    world.judge(&good).await?;
    let condition = connector.shows("RECORD_NOT_UTF8").await?;
    assert_eq!(condition.status.context("a status")?.partitions_stopped, 1);
    logged(&connector, "RECORD_NOT_UTF8").await?;

    // and the other goes on
    good.extend(world.produce([Record::new("still").partition(1)]).await?);
    connector.delivered(&good).await?;

    // and after Pause and Resume it is tried again, and stops again
    let tried = tries(&connector).await?;
    connector.pause().await?;
    connector.is(v1::ConnectorState::Paused).await?;
    connector.resume().await?;
    stops_at_the_bad_record(&connector).await?;
    more_tries(&connector, tried).await?;
    world.judge(&good).await?;
    let objects = world.bucket.records(&world.topic).await?;
    let in_objects = objects.iter().flat_map(|object| &object.records);
    let skipped = in_objects.filter(|record| {
        behind.iter().any(|b| record["partition"] == b.partition && record["offset"] == b.offset)
    });
    assert_eq!(skipped.count(), 0, "nothing behind it is taken");
    let error_topic = format!("connect-error-{}", connector.id);
    assert!(world.read(&error_topic).await?.is_empty(), "{:?}", stopped.status);
    Ok(())
}

async fn stops_at_the_bad_record(connector: &Connector) -> Result<v1::Connector> {
    connector
        .sees("DEGRADED, with partition 0 stopped at offset 10 and 1 running", |connector| {
            let state = connector.status.as_ref().map(v1::ConnectorStatus::state);
            let [zero, one] = partitions(connector) else { return false };
            state == Some(v1::ConnectorState::Degraded)
                && zero.state() == v1::PartitionState::Stopped
                && zero.error_code == "RECORD_NOT_UTF8"
                && zero.committed_offset == Some(10)
                && one.state() == v1::PartitionState::Running
        })
        .await
}

/// The events of `count` dead letters.
async fn dead_letters(connector: &Connector, count: usize) -> Result<Vec<v1::DeadLetter>> {
    let request =
        v1::TailDeadLettersRequest { parent: connector.name.clone(), ..Default::default() };
    let mut stream = connector.client().tail_dead_letters(request).await?.into_inner();
    let mut letters = Vec::new();
    let read = async {
        while letters.len() < count {
            match stream.message().await? {
                Some(response) => letters.extend(response.dead_letters),
                None => bail!("the stream ended"),
            }
        }
        Ok(())
    };
    timeout(LIMIT, read).await.with_context(|| format!("{count} dead letters"))??;
    Ok(letters)
}

/// Waits for a line of the connector's log with this code.
async fn logged(connector: &Connector, code: &str) -> Result<v1::LogEntry> {
    let request = v1::TailLogsRequest { parent: connector.name.clone(), ..Default::default() };
    let mut stream = connector.client().tail_logs(request).await?.into_inner();
    let read = async {
        while let Some(response) = stream.message().await? {
            if let Some(entry) = response.entries.into_iter().find(|e| e.error_code == code) {
                return Ok(entry);
            }
        }
        bail!("the stream ended")
    };
    timeout(LIMIT, read).await.with_context(|| format!("a log line with {code}"))?
}

/// How often the bad record was met, by the log.
async fn tries(connector: &Connector) -> Result<usize> {
    let request = v1::TailLogsRequest {
        parent: connector.name.clone(),
        no_follow: true,
        ..Default::default()
    };
    let mut stream = connector.client().tail_logs(request).await?.into_inner();
    let mut tries = 0;
    while let Some(response) = stream.message().await? {
        tries += response.entries.iter().filter(|e| e.error_code == "RECORD_NOT_UTF8").count();
    }
    Ok(tries)
}

async fn more_tries(connector: &Connector, before: usize) -> Result<()> {
    kafka2oss_tests::wait::eventually("the record is tried again", LIMIT, async || {
        Ok((tries(connector).await? > before).then_some(()))
    })
    .await
}
