//! Producing records and knowing exactly what was produced.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _};
use tokio::task::spawn_blocking;

use crate::kafka::client_config;

/// How many records may be under way at once.
const UNDER_WAY: usize = 20_000;

/// What beginning or ending transactions may take.
const TRANSACTION_LIMIT: Duration = Duration::from_secs(60);

/// A header's name and value; a value may be absent.
pub type RecordHeader = (String, Option<Vec<u8>>);

/// A record to produce.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// The partition; by the hash of the key, or at random, when `None`.
    pub partition: Option<i32>,
    /// The key's bytes.
    pub key: Option<Vec<u8>>,
    /// The value's bytes; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Milliseconds since 1970; the time of sending when `None`.
    pub timestamp: Option<i64>,
    /// The headers in order.
    pub headers: Vec<RecordHeader>,
}

impl Record {
    /// A record with this value and nothing else.
    pub fn new(value: impl Into<Vec<u8>>) -> Self {
        Self { value: Some(value.into()), ..Self::default() }
    }

    /// A record without a value.
    pub fn tombstone() -> Self {
        Self::default()
    }

    /// With this key.
    #[must_use]
    pub fn key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// For this partition.
    #[must_use]
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// With this timestamp in milliseconds since 1970.
    #[must_use]
    pub fn timestamp(mut self, timestamp: i64) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), Some(value.into())));
        self
    }
}

/// A record that the broker has acknowledged, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Produced {
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its timestamp, in milliseconds since 1970.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
}

/// A producer that keeps order and never writes a record twice.
#[derive(Clone)]
pub struct Producer {
    client: FutureProducer,
}

impl Producer {
    /// A producer of the broker at `bootstrap`.
    pub fn new(bootstrap: &str) -> Result<Self> {
        let client = client_config(bootstrap)
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .set("message.timeout.ms", "60000")
            // A topic that does not exist is an error soon.
            .set("topic.metadata.propagation.max.ms", "2000")
            // What is too large the topic shall say, not the client.
            .set("message.max.bytes", "1000000000")
            .create()?;
        Ok(Self { client })
    }

    /// A producer whose records come in transactions: [`Producer::commit_all`], or
    /// between [`Producer::begin`] and [`Producer::commit`].
    pub async fn transactional(bootstrap: &str) -> Result<Self> {
        let client: FutureProducer = client_config(bootstrap)
            .set("transactional.id", crate::name::unique("transactions"))
            .set("linger.ms", "0")
            .create()?;
        let starting = client.clone();
        spawn_blocking(move || starting.init_transactions(TRANSACTION_LIMIT)).await??;
        Ok(Self { client })
    }

    /// Produces records in a transaction of their own, and commits it.
    pub async fn commit_all(
        &self,
        topic: &str,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<Vec<Produced>> {
        self.begin()?;
        let produced = self.send_all(topic, records).await?;
        self.commit().await?;
        Ok(produced)
    }

    /// Begins a transaction.
    pub fn begin(&self) -> Result<()> {
        Ok(self.client.begin_transaction()?)
    }

    /// Commits the transaction: its records, which nobody reads before, can be read.
    pub async fn commit(&self) -> Result<()> {
        let client = self.client.clone();
        Ok(spawn_blocking(move || client.commit_transaction(TRANSACTION_LIMIT)).await??)
    }

    /// Aborts the transaction: nobody ever reads its records.
    pub async fn abort(&self) -> Result<()> {
        let client = self.client.clone();
        Ok(spawn_blocking(move || client.abort_transaction(TRANSACTION_LIMIT)).await??)
    }

    /// Produces one record and awaits its acknowledgement.
    pub async fn send(&self, topic: &str, record: Record) -> Result<Produced> {
        let mut produced = self.send_all(topic, [record]).await?;
        produced.pop().context("one record gives one acknowledgement")
    }

    /// Produces records, in their order, and awaits all acknowledgements.
    pub async fn send_all(
        &self,
        topic: &str,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<Vec<Produced>> {
        let mut under_way = VecDeque::new();
        let mut produced = Vec::new();
        for record in records {
            if under_way.len() >= UNDER_WAY {
                produced.extend(acknowledged(topic, under_way.pop_front()).await?);
            }
            let delivery = loop {
                match self.enqueue(topic, &record) {
                    Ok(delivery) => break delivery,
                    // The queue's bytes are bounded too.
                    Err(KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull))
                        if !under_way.is_empty() =>
                    {
                        produced.extend(acknowledged(topic, under_way.pop_front()).await?);
                    }
                    Err(error) => bail!("cannot produce to {topic}: {error}"),
                }
            };
            under_way.push_back((record, delivery));
        }
        while !under_way.is_empty() {
            produced.extend(acknowledged(topic, under_way.pop_front()).await?);
        }
        Ok(produced)
    }

    fn enqueue(&self, topic: &str, record: &Record) -> Result<DeliveryFuture, KafkaError> {
        let mut outgoing: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(topic);
        outgoing.partition = record.partition;
        outgoing.key = record.key.as_deref();
        outgoing.payload = record.value.as_deref();
        outgoing.timestamp = record.timestamp;
        if !record.headers.is_empty() {
            let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
            for (key, value) in &record.headers {
                headers = headers.insert(Header { key, value: value.as_ref() });
            }
            outgoing.headers = Some(headers);
        }
        self.client.send_result(outgoing).map_err(|(error, _)| error)
    }
}

async fn acknowledged(
    topic: &str,
    sent: Option<(Record, DeliveryFuture)>,
) -> Result<Option<Produced>> {
    let Some((record, delivery)) = sent else {
        return Ok(None);
    };
    let delivery = delivery
        .await
        .context("the producer has ended")?
        .map_err(|(error, _)| error)
        .with_context(|| format!("a record was not accepted by {topic}"))?;
    Ok(Some(Produced {
        topic: topic.to_owned(),
        partition: delivery.partition,
        offset: delivery.offset,
        timestamp: delivery.timestamp.to_millis().context("no timestamp")?,
        key: record.key,
        value: record.value,
    }))
}

/// Numbered records `{prefix}{i}` with key `{i}`, round robin over the
/// partitions.
pub fn numbered(prefix: &str, range: Range<u64>, partitions: i32) -> impl Iterator<Item = Record> {
    let prefix = prefix.to_owned();
    range.zip((0..partitions).cycle()).map(move |(i, partition)| {
        Record::new(format!("{prefix}{i}")).key(i.to_string()).partition(partition)
    })
}
