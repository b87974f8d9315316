//! The records of the demo.

use std::time::Duration;

use anyhow::{Context, anyhow};
use futures::future::try_join_all;
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};

/// Spread over this time, so that there is something to follow.
const DURATION: Duration = Duration::from_secs(3);
const BURSTS: u64 = 30;
const CUSTOMERS: u64 = 97;
const ITEMS: [&str; 5] = ["green tea", "oolong", "pu-erh", "jasmine", "white peony"];

/// A record as the broker acknowledged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Produced {
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) key: String,
    pub(super) value: String,
}

/// Produces this many records in bursts.
pub(super) async fn produce(
    bootstrap: &str,
    topic: &str,
    records: u64,
) -> anyhow::Result<Vec<Produced>> {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("acks", "all")
        // Without a retry that writes twice the count is exact.
        .set("enable.idempotence", "true")
        .set("message.timeout.ms", "30000")
        .create()
        .context("a producer")?;
    let mut produced = Vec::new();
    let mut ticks = tokio::time::interval(DURATION / u32::try_from(BURSTS)?);
    for burst in 0..BURSTS {
        ticks.tick().await;
        let numbers = records * burst / BURSTS..records * (burst + 1) / BURSTS;
        let sent = numbers.map(|number| send(&producer, topic, number));
        produced.extend(try_join_all(sent).await?);
    }
    Ok(produced)
}

async fn send(producer: &FutureProducer, topic: &str, number: u64) -> anyhow::Result<Produced> {
    let (key, value) = order(number);
    let record = FutureRecord::to(topic).key(&key).payload(&value);
    let delivery = producer
        .send(record, Duration::from_secs(30))
        .await
        .map_err(|(error, _)| anyhow!("producing to {topic}: {error}"))?;
    Ok(Produced { partition: delivery.partition, offset: delivery.offset, key, value })
}

/// Key and value of an order.
fn order(number: u64) -> (String, String) {
    let customer = number * 31 % CUSTOMERS;
    let item = ITEMS[(number % ITEMS.len() as u64) as usize];
    let grams = 50 * (1 + number % 8);
    let key = format!("customer-{customer:02}");
    let value = format!(r#"{{"order":{number},"item":"{item}","grams":{grams}}}"#);
    (key, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn orders_are_json_and_no_two_are_the_same() {
        let values: HashSet<_> = (0..1_000).map(|number| order(number).1).collect();
        assert_eq!(values.len(), 1_000);
        for value in values {
            assert!(serde_json::from_str::<serde_json::Value>(&value).is_ok(), "{value}");
        }
    }
}
