#![allow(clippy::unwrap_used, reason = "a test may end at once")]

use kafka2oss_domain::ErrorCode;
use kafka2oss_tests::wait::eventually;
use rdkafka::producer::PurgeConfig;
use tokio::runtime::Builder;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::*;

const LIMIT: Duration = Duration::from_secs(10);

async fn producer(settings: &[(&str, &str)], memory: &ErrorMemory) -> AsyncProducer {
    let mut config = ClientConfig::new();
    config.set_log_level(RDKafkaLogLevel::Info);
    for (name, value) in settings {
        config.set(*name, *value);
    }
    AsyncProducer::create(config, memory.clone(), "cannot make a producer").await.unwrap()
}

/// A producer without brokers, of which nothing is heard unless it is asked, and
/// whose task has served the queue and sleeps.
async fn asleep() -> AsyncProducer {
    let producer = producer(&[], &ErrorMemory::default()).await;
    yield_now().await;
    assert!(producer.served.queue.is_empty());
    producer
}

fn record() -> FutureRecord<'static, [u8], [u8]> {
    FutureRecord::to("topic").payload(b"value")
}

#[tokio::test]
async fn what_keeps_it_from_the_brokers_is_heard_without_a_request() {
    let memory = ErrorMemory::default();
    let producer = producer(&[("bootstrap.servers", "127.0.0.1:1")], &memory).await;

    let cause = eventually("a cause", LIMIT, async || Ok(memory.cause())).await.unwrap();

    assert_eq!(cause.code, ErrorCode::KafkaUnreachable, "{cause}");
    drop(producer);
}

#[tokio::test]
async fn a_record_that_librdkafka_gives_up_is_an_error() {
    let producer = asleep().await;

    let sent = timeout(LIMIT, producer.send(record(), LIMIT));
    let purge = || producer.served.producer.purge(PurgeConfig::default().queue().inflight());
    let (outcome, ()) = tokio::join!(biased; sent, async { purge() });

    assert_eq!(outcome, Ok(Err(KafkaError::MessageProduction(RDKafkaErrorCode::PurgeQueue))));
}

#[tokio::test]
async fn a_record_that_the_queue_has_no_room_for_is_refused_after_the_patience() {
    let settings = [("queue.buffering.max.messages", "1")];
    let producer = producer(&settings, &ErrorMemory::default()).await;
    let patience = 2 * QUEUE_FULL_PAUSE;
    let started = Instant::now();

    let refused = tokio::select! {
        biased;
        first = producer.send(record(), LIMIT) => panic!("{first:?}"),
        second = producer.send(record(), patience) => second,
    };

    assert_eq!(refused, Err(KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)));
    assert!(started.elapsed() >= patience);
}

#[test]
fn a_record_is_not_waited_for_when_nobody_serves_the_producer_any_more() {
    let runtime = || Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let producer = first.block_on(asleep());
    drop(first);

    let outcome =
        runtime().block_on(async { timeout(LIMIT, producer.send(record(), LIMIT)).await });

    assert_eq!(outcome, Ok(Err(KafkaError::Canceled)));
}

#[tokio::test]
async fn a_producer_that_is_dropped_leaves_neither_task_nor_client() {
    let producer = asleep().await;
    let client = Arc::downgrade(producer.client().context());
    let task = producer.task.clone();
    let unsent = tokio::select! {
        biased;
        outcome = producer.send(record(), LIMIT) => Some(outcome),
        () = async {} => None,
    };
    assert_eq!(unsent, None);

    drop(producer);

    timeout(LIMIT, task.closed()).await.unwrap();
    let gone = async || Ok((client.strong_count() == 0).then_some(()));
    eventually("the client is gone", LIMIT, gone).await.unwrap();
}
