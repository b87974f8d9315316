//! Compacted internal topics are written and read back.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kafka2oss_domain::ErrorCode;
use kafka2oss_kafka::{InternalTopics, read_compacted};
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer, shared_kafka};
use kafka2oss_tests::kafka_proxy::{FETCH, KafkaProxy};
use kafka2oss_tests::name::unique;
use kafka2oss_tests::produce::Record;
use kafka2oss_tests::scratch::Scratch;
use kafka2oss_tests::wait::eventually;
use kafka2oss_tests::{environment, port};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tokio::runtime::Runtime;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::support::instance;

/// Longer than any read here takes.
const LIMIT: Duration = Duration::from_secs(30);

/// A compacted topic with this many partitions.
async fn topic(kafka: &KafkaServer, partitions: i32) -> Result<String> {
    let topic = unique("connect-offset");
    kafka.admin()?.create_topic(&topic, partitions, &[("cleanup.policy", "compact")]).await?;
    Ok(topic)
}

fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> BTreeMap<Vec<u8>, Vec<u8>> {
    pairs.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

#[tokio::test]
async fn the_last_value_of_each_key_is_read_and_tombstones_are_not() -> Result<()> {
    let kafka = shared_kafka().await?;
    let (topic, group) = (topic(kafka, 3).await?, unique("connect-cluster"));
    let instance = instance(&kafka.bootstrap());
    let topics = InternalTopics::connect(&instance).await?;
    assert_eq!(read_compacted(&instance, &group, &topic, LIMIT).await?, BTreeMap::new());

    let key: &[u8] = b"\xff\x00key";
    for (key, value) in [
        (key, Some(b"1".as_slice())),
        (b"gone", Some(b"1")),
        (key, Some(b"\xc3\x28")),
        (b"", Some(b"")),
        (b"gone", None),
        (b"never there", None),
    ] {
        topics.write(&topic, key, value, InternalTopics::WRITE_LIMIT).await?;
    }

    let read = read_compacted(&instance, &group, &topic, LIMIT).await?;
    assert_eq!(read, pairs([(key, b"\xc3\x28".as_slice()), (b"", b"")]));
    assert_eq!(kafka.admin()?.group(&group).await?, None, "nothing is committed");
    Ok(())
}

#[tokio::test]
async fn what_is_acknowledged_stands_where_it_is_said() -> Result<()> {
    let kafka = shared_kafka().await?;
    let topic = topic(kafka, 1).await?;
    let topics = InternalTopics::connect(&instance(&kafka.bootstrap())).await?;

    for offset in 0..3 {
        let written = topics
            .write(&topic, b"k", Some(offset.to_string().as_bytes()), InternalTopics::WRITE_LIMIT)
            .await?;

        assert_eq!((written.partition, written.offset), (0, offset));
    }

    let read = kafka.read(&topic).await?;
    let values: Vec<_> = read.iter().filter_map(|record| record.value.as_deref()).collect();
    assert_eq!(values, [b"0", b"1", b"2"]);
    Ok(())
}

/// Writes the value `java` under each key, by Apache Kafka's own producer.
async fn write_by_java(kafka: &KafkaServer, topic: &str, keys: &[String]) -> Result<()> {
    let scratch = Scratch::new("java")?;
    let lines: String = keys.iter().map(|key| format!("{key}\tjava\n")).collect();
    fs::write(scratch.join("lines"), lines)?;
    let java = env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
    let mut command = Command::new(java.unwrap_or_else(|| "java".into()));
    command
        .arg("-cp")
        .arg(environment::kafka_libs()?.join("*"))
        .args(["org.apache.kafka.tools.ConsoleProducer", "--topic", topic])
        .args(["--bootstrap-server", &kafka.bootstrap()])
        .args(["--property", "parse.key=true"])
        .stdin(File::open(scratch.join("lines"))?);
    let ended = spawn_blocking(move || command.output()).await??;
    ensure!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    Ok(())
}

#[tokio::test]
async fn a_key_has_the_partition_that_kafkas_own_clients_give_it() -> Result<()> {
    let kafka = shared_kafka().await?;
    let topic = topic(kafka, 12).await?;
    let topics = InternalTopics::connect(&instance(&kafka.bootstrap())).await?;
    let keys: Vec<_> =
        (0..40).map(|number| format!("[\"sink\",{{\"partition\":{number}}}]")).collect();
    write_by_java(kafka, &topic, &keys).await?;

    let mut ours = BTreeMap::new();
    for key in &keys {
        let written = topics
            .write(&topic, key.as_bytes(), Some(b"ours"), InternalTopics::WRITE_LIMIT)
            .await?;
        ours.insert(key.clone().into_bytes(), written.partition);
    }

    let records = kafka.read(&topic).await?;
    let javas: BTreeMap<_, _> = records
        .into_iter()
        .filter(|record| record.value.as_deref() == Some(b"java"))
        .filter_map(|record| Some((record.key?, record.partition)))
        .collect();
    assert_eq!(javas.len(), keys.len());
    assert_eq!(ours, javas);
    Ok(())
}

#[tokio::test]
async fn transactions_that_are_aborted_or_open_are_neither_read_nor_waited_for() -> Result<()> {
    let kafka = shared_kafka().await?;
    let topic = topic(kafka, 1).await?;
    let transactional = |id: String| -> Result<BaseProducer> {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", kafka.bootstrap())
            .set("transactional.id", id)
            .create()?;
        producer.init_transactions(LIMIT)?;
        producer.begin_transaction()?;
        Ok(producer)
    };
    let (producer, open) = (transactional(unique("tx"))?, transactional(unique("tx"))?);
    let (name, write) = (topic.clone(), |producer: &BaseProducer, topic: &str, value: &str| {
        let sent = producer.send(BaseRecord::to(topic).key("k").payload(value));
        sent.map_err(|(error, _)| error)?;
        producer.flush(LIMIT)
    });
    let open = spawn_blocking(move || -> Result<BaseProducer> {
        write(&producer, &name, "committed")?;
        producer.commit_transaction(LIMIT)?;
        producer.begin_transaction()?;
        write(&producer, &name, "aborted")?;
        producer.abort_transaction(LIMIT)?;
        write(&open, &name, "open")?;
        Ok(open)
    })
    .await??;

    let instance = instance(&kafka.bootstrap());
    let read = read_compacted(&instance, &unique("g"), &topic, LIMIT).await?;
    assert_eq!(read, pairs([(b"k".as_slice(), b"committed".as_slice())]));

    // The log now ends with a transaction's marker, which nobody is given.
    let open = spawn_blocking(move || open.abort_transaction(LIMIT).map(|()| open)).await??;
    let read = read_compacted(&instance, &unique("g"), &topic, LIMIT).await?;
    assert_eq!(read, pairs([(b"k".as_slice(), b"committed".as_slice())]));
    drop(open);
    Ok(())
}

#[tokio::test]
async fn a_topic_that_is_missing_is_told_not_made_and_written_once_it_is_there() -> Result<()> {
    let kafka = shared_kafka().await?;
    let instance = instance(&kafka.bootstrap());
    let absent = unique("connect-offset");
    let topics = InternalTopics::connect(&instance).await?;

    let unread = read_compacted(&instance, "g", &absent, LIMIT).await.unwrap_err();
    let unwritten =
        topics.write(&absent, b"k", Some(b"v"), InternalTopics::WRITE_LIMIT).await.unwrap_err();

    for problem in [unread, unwritten] {
        assert_eq!(problem.code, ErrorCode::KafkaResourceMissing, "{problem}");
        assert!(problem.message.contains(&absent), "{problem}");
    }
    assert_eq!(kafka.admin()?.partitions(&absent).await?, None, "nobody has made it");

    kafka.admin()?.create_topic(&absent, 1, &[("cleanup.policy", "compact")]).await?;
    eventually("the topic is written", LIMIT, async || {
        Ok(Some(topics.write(&absent, b"k", Some(b"v"), InternalTopics::WRITE_LIMIT).await?))
    })
    .await?;
    let read = read_compacted(&instance, "g", &absent, LIMIT).await?;
    assert_eq!(read, pairs([(b"k".as_slice(), b"v".as_slice())]));
    Ok(())
}

#[tokio::test]
async fn names_that_no_topic_can_have_are_problems_and_no_panic() -> Result<()> {
    let kafka = shared_kafka().await?;
    let instance = instance(&kafka.bootstrap());
    let topics = InternalTopics::connect(&instance).await?;

    for name in ["a\0b", "", "a b"] {
        assert!(
            topics.write(name, b"k", None, InternalTopics::WRITE_LIMIT).await.is_err(),
            "{name:?}"
        );
        assert!(read_compacted(&instance, "g", name, LIMIT).await.is_err(), "{name:?}");
    }
    Ok(())
}

#[tokio::test]
async fn reading_ends_within_its_limit_and_says_what_kept_it() -> Result<()> {
    let [port] = port::free()?;
    let address = format!("127.0.0.1:{port}");
    let started = Instant::now();

    let limit = Duration::from_secs(2);
    let problem = read_compacted(&instance(&address), "g", "t", limit).await.unwrap_err();

    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert_eq!(problem.code, ErrorCode::KafkaUnreachable, "{problem}");
    assert!(problem.message.contains("`t`") && problem.message.contains(&address), "{problem}");
    Ok(())
}

/// A process that ends waits for its threads.
#[test]
fn reading_ends_when_nobody_waits_for_it() -> Result<()> {
    const HOUR: Duration = Duration::from_secs(60 * 60);
    let readers = Runtime::new()?;
    Runtime::new()?.block_on(async {
        let [port] = port::free()?;
        let kafka = KafkaServer::start(KafkaOptions::default().behind(port)).await?;
        kafka.admin()?.create_topic("t", 1, &[("cleanup.policy", "compact")]).await?;
        kafka.producer()?.send("t", Record::new("value").key("key")).await?;
        let proxy = KafkaProxy::start(port, kafka.second()).await?;
        let is_held = Arc::new(AtomicBool::new(false));
        let holds = is_held.clone();
        proxy.hold(move |request| {
            let held = request.api_key() == Some(FETCH);
            holds.fetch_or(held, Ordering::Relaxed);
            held.then_some(HOUR)
        });
        let instance = instance(&format!("127.0.0.1:{port}"));
        let reading = readers.spawn(async move { read_compacted(&instance, "g", "t", HOUR).await });
        let held = async || Ok(is_held.load(Ordering::Relaxed).then_some(()));
        eventually("a fetch is held", Duration::from_secs(30), held).await?;

        reading.abort();

        let ended = spawn_blocking(move || drop(readers));
        Ok(timeout(Duration::from_secs(30), ended).await??)
    })
}
