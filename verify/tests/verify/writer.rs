//! Proper chains, and what a test makes of them before they are put.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use kafka2oss_chain::{AttemptId, DETACHED_VALUE, KeyLayout, ObjectMetadata, SPILLED_VALUE};
use kafka2oss_domain::spec::Layout;
use kafka2oss_format::{
    Compression, Encoder, EncoderSettings, Encoding, Format, Header, Record, TextEncoding, Value,
    compress,
};
use kafka2oss_sink::{NewObject, PutOutcome, crc64};
use kafka2oss_tests::read::Consumed;

use crate::world::{PREFIX, World};

/// How a chain is written.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    pub(crate) layout: Layout,
    pub(crate) encoding: Encoding,
    /// Whose own keys are.
    pub(crate) attempt: Option<AttemptId>,
    /// Larger values are spilled, or left out when they are not to be.
    pub(crate) max_value_bytes: usize,
    pub(crate) spill: bool,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            layout: Layout { prefix: PREFIX.into(), time_buckets: None, hash_prefix: false },
            encoding: Encoding { format: Format::JsonArray, compression: Compression::None },
            attempt: None,
            max_value_bytes: 1 << 20,
            spill: true,
        }
    }
}

/// A link before it is put.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) partition: i32,
    /// As the key says.
    pub(crate) first: i64,
    pub(crate) records: Vec<Consumed>,
    pub(crate) metadata: ObjectMetadata,
}

/// The links of a partition, each of `length` offsets, from `start` to `end`.
pub(crate) fn links(
    world: &World,
    records: &[Consumed],
    partition: i32,
    extents: &[(i64, i64)],
) -> Vec<Link> {
    extents
        .iter()
        .map(|&(first, next)| {
            let records: Vec<_> = records
                .iter()
                .filter(|record| record.partition == partition)
                .filter(|record| (first..next).contains(&record.offset))
                .cloned()
                .collect();
            let metadata = ObjectMetadata {
                uid: world.identity.uid.clone(),
                chain_id: world.identity.chain_id(),
                partition,
                first_offset: first,
                next_offset: next,
                records: records.len() as u64,
                crc64: 0,
                leader_epoch: None,
            };
            Link { partition, first, records, metadata }
        })
        .collect()
}

impl Writer {
    pub(crate) fn of(extension: &str) -> Self {
        let encoding = Encoding::from_extension(extension).unwrap();
        Self { encoding, ..Self::default() }
    }

    /// An attempt that has keys of its own.
    pub(crate) fn with_own_keys(number: u64) -> Self {
        Self { attempt: Some(AttemptId::of(number)), ..Self::default() }
    }

    fn keys(&self, world: &World, partition: i32) -> KeyLayout {
        KeyLayout::new(&self.layout, &world.topic, partition, world.identity.chain_id())
    }

    /// The key of a link.
    pub(crate) fn key(&self, world: &World, link: &Link) -> String {
        let timestamp = link.records.first().and_then(|record| record.timestamp).unwrap_or(-1);
        let keys = self.keys(world, link.partition);
        keys.link(link.first, timestamp, self.encoding.extension(), self.attempt).key().to_owned()
    }

    /// The key of the object of a record's value.
    pub(crate) fn value_key(&self, world: &World, offset: i64) -> String {
        self.keys(world, 0).value(offset, SPILLED_VALUE)
    }

    /// The key of the object of a dead letter's value.
    pub(crate) fn letter_key(&self, world: &World, offset: i64) -> String {
        self.keys(world, 0).value(offset, DETACHED_VALUE)
    }

    /// The bytes of a link.
    pub(crate) fn body(&self, world: &World, link: &Link) -> Result<Vec<u8>> {
        let encoder = Encoder::new(EncoderSettings {
            topic: &world.topic,
            partition: link.partition,
            format: self.encoding.format,
            key_encoding: TextEncoding::Utf8OrBase64,
            value_encoding: TextEncoding::Utf8OrBase64,
            include_headers: true,
        });
        let mut body = Vec::new();
        for record in &link.records {
            let headers: Vec<_> = record
                .headers
                .iter()
                .map(|(key, value)| Header { key: key.as_bytes(), value: value.as_deref() })
                .collect();
            let object_key = self.value_key(world, record.offset);
            let value = match record.value.as_deref() {
                None => Value::Null,
                Some(value) if value.len() <= self.max_value_bytes => Value::Bytes(value),
                Some(value) if self.spill => {
                    Value::Spilled { object_key: &object_key, size: value.len() as u64 }
                }
                Some(value) => Value::Omitted { size: value.len() as u64 },
            };
            encoder.append(
                &mut body,
                &Record {
                    offset: record.offset,
                    timestamp: record.timestamp.unwrap_or(-1),
                    key: record.key.as_deref(),
                    value,
                    headers: &headers,
                },
            )?;
        }
        encoder.finish(&mut body);
        Ok(compress(self.encoding.compression, body)?)
    }

    /// Puts links and the values that they refer to.
    pub(crate) async fn put_all(&self, world: &World, links: &[Link]) -> Result<()> {
        for link in links {
            self.put(world, link).await?;
        }
        Ok(())
    }

    /// Puts a link and the values that it refers to.
    pub(crate) async fn put(&self, world: &World, link: &Link) -> Result<()> {
        for record in &link.records {
            let value = record.value.as_deref().unwrap_or_default();
            if self.spill && value.len() > self.max_value_bytes {
                let key = self.value_key(world, record.offset);
                put_value(world, &key, record.offset, value).await?;
            }
        }
        let body = self.body(world, link)?;
        let metadata = ObjectMetadata { crc64: crc64(&body), ..link.metadata.clone() };
        self.put_body(world, link, body, metadata).await
    }

    /// Puts these bytes with this metadata in the place of a link.
    pub(crate) async fn put_body(
        &self,
        world: &World,
        link: &Link,
        body: Vec<u8>,
        metadata: ObjectMetadata,
    ) -> Result<()> {
        let content_type = self.encoding.content_type();
        let key = self.key(world, link);
        create(world, NewObject { key, body: body.into(), content_type, metadata }).await
    }
}

/// Puts the object of a value of partition 0.
pub(crate) async fn put_value(world: &World, key: &str, offset: i64, value: &[u8]) -> Result<()> {
    let metadata = ObjectMetadata {
        uid: world.identity.uid.clone(),
        chain_id: world.identity.chain_id(),
        partition: 0,
        first_offset: offset,
        next_offset: offset + 1,
        records: 1,
        crc64: crc64(value),
        leader_epoch: None,
    };
    let content_type = "application/octet-stream";
    let body = value.to_vec().into();
    create(world, NewObject { key: key.to_owned(), body, content_type, metadata }).await
}

async fn create(world: &World, object: NewObject) -> Result<()> {
    let outcome = world.store.put(&object).await?;
    ensure!(outcome == PutOutcome::Created { version_id: None }, "{}: {outcome:?}", object.key);
    Ok(())
}

/// Writes over an object: the bytes are changed, its metadata is what it was.
pub(crate) async fn change(
    world: &World,
    key: &str,
    change: impl FnOnce(&mut Vec<u8>),
) -> Result<()> {
    let mut object = world.bucket.get(key).await?;
    change(&mut object.bytes);
    write_over(world, key, object.bytes, object.metadata).await
}

/// Writes over an object: its metadata is changed, the bytes are what they were.
pub(crate) async fn change_metadata(
    world: &World,
    key: &str,
    change: impl FnOnce(&mut HashMap<String, String>),
) -> Result<()> {
    let mut object = world.bucket.get(key).await?;
    change(&mut object.metadata);
    write_over(world, key, object.bytes, object.metadata).await
}

async fn write_over(
    world: &World,
    key: &str,
    bytes: Vec<u8>,
    metadata: HashMap<String, String>,
) -> Result<()> {
    let put = world.bucket.client().put_object().bucket(world.bucket.name()).key(key);
    put.set_metadata(Some(metadata)).body(bytes.into()).send().await?;
    Ok(())
}
