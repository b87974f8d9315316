//! A partition's first position is found while the broker is slow to answer.

use std::time::Duration;

use anyhow::Result;
use kafka2oss_tests::kafka_proxy::LIST_OFFSETS;
use kafka2oss_tests::produce::Record;

use crate::slow_broker::SlowBroker;

/// Longer than it takes to find the position.
const HELD: Duration = Duration::from_millis(1_500);

/// Records come all the while, one after each of these pauses.
const PAUSE: Duration = Duration::from_millis(20);
const RECORDS: u32 = 300;

/// librdkafka (2.12.1) asks again after an answer that is out of date, and goes
/// on at the offset that this gives it, whatever it reads by then
/// (`rd_kafka_toppar_handle_Offset`): it must never have asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_about_the_log_skips_no_record() -> Result<()> {
    let broker = SlowBroker::start().await?;
    let world = broker.world(1).await?;
    let topic = world.topic.clone();
    broker.proxy.hold(move |request| {
        let held = request.api_key() == Some(LIST_OFFSETS) && request.has(&topic);
        held.then_some(HELD)
    });

    let task = world.start(0).await?;
    let producer = broker.kafka.producer()?;
    let mut pauses = tokio::time::interval(PAUSE);
    let mut produced = Vec::new();
    for number in 0..RECORDS {
        pauses.tick().await;
        let record = Record::new(format!("record {number}")).partition(0);
        produced.push(producer.send(&world.topic, record).await?);
    }

    task.delivered(&produced).await?;
    world.judge(&produced).await
}
