//! What stands in the bucket, whatever its form, read back and compared with
//! what was produced.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use kafka2oss_chain::{ObjectKey, ObjectMetadata};
use kafka2oss_format::{DecodedRecord, DecodedValue, Decoder, Encoding, reader};
use kafka2oss_sink::crc64;
use kafka2oss_tests::produce::Produced;

use crate::world::World;

/// An object that stands for an extent.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) key: String,
    pub(crate) metadata: ObjectMetadata,
    pub(crate) records: Vec<DecodedRecord>,
}

impl Link {
    /// Its extent.
    pub(crate) fn extent(&self) -> (i64, i64) {
        (self.metadata.first_offset, self.metadata.next_offset)
    }

    /// What its key says of its form.
    pub(crate) fn extension(&self) -> &str {
        ObjectKey::parse(&self.key).unwrap().extension
    }
}

impl World {
    /// Every link, by partition and offset. Fails unless each is what its own
    /// metadata says, and unless they meet.
    pub(crate) async fn links(&self) -> Result<Vec<Link>> {
        let mut links = Vec::new();
        for key in self.bucket.keys("").await? {
            let parsed = ObjectKey::parse(&key).context("every object is of this service")?;
            if !parsed.is_value() {
                links.push(self.link(&key).await.with_context(|| key.clone())?);
            }
        }
        links.sort_by_key(|link: &Link| (link.metadata.partition, link.metadata.first_offset));
        for pair in
            links.windows(2).filter(|pair| pair[0].metadata.partition == pair[1].metadata.partition)
        {
            let (before, after) = (pair[0].extent(), pair[1].extent());
            ensure!(before.1 == after.0, "{before:?} and {after:?} do not meet");
        }
        Ok(links)
    }

    async fn link(&self, key: &str) -> Result<Link> {
        let extension = ObjectKey::parse(key).context("a key of this service")?.extension;
        let encoding = Encoding::from_extension(extension).context("a form of this service")?;
        let object = self.bucket.get(key).await?;
        let metadata = ObjectMetadata::decode(&object.metadata)?;
        ensure!(object.content_type.as_deref() == Some(encoding.content_type()), "content type");
        ensure!(crc64(&object.bytes) == metadata.crc64, "checksum");
        let body = reader(encoding.compression, object.bytes.as_slice())?;
        let records: Vec<_> = Decoder::new(encoding.format, body).collect::<Result<_, _>>()?;
        ensure!(records.len() as u64 == metadata.records, "number of records");
        let mut next = metadata.first_offset;
        for record in &records {
            ensure!(record.partition == metadata.partition, "partition");
            ensure!((next..metadata.next_offset).contains(&record.offset), "order or extent");
            next = record.offset + 1;
        }
        Ok(Link { key: key.to_owned(), metadata, records })
    }

    /// Every link. Fails unless each of these records, and no other, stands in
    /// them once as it was produced, or in an object of its own that it names.
    pub(crate) async fn arrived(&self, produced: &[Produced]) -> Result<Vec<Link>> {
        let links = self.links().await?;
        let mut expected: BTreeMap<_, _> =
            produced.iter().map(|record| ((record.partition, record.offset), record)).collect();
        for record in links.iter().flat_map(|link| &link.records) {
            let at = (record.partition, record.offset);
            let produced = expected.remove(&at).with_context(|| format!("{at:?} is too much"))?;
            self.compare(produced, record).await?;
        }
        ensure!(expected.is_empty(), "missing: {:?}", expected.keys());
        Ok(links)
    }

    async fn compare(&self, produced: &Produced, record: &DecodedRecord) -> Result<()> {
        let value = match &record.value {
            DecodedValue::Absent if record.overflow => produced.value.clone(),
            DecodedValue::Absent => None,
            DecodedValue::Bytes(value) => Some(value.clone()),
            DecodedValue::Object(key) => Some(self.bucket.get(key).await?.bytes),
        };
        let size = produced.value.as_ref().map_or(0, Vec::len) as u64;
        let same = record.topic == produced.topic
            && record.timestamp == produced.timestamp
            && record.key == produced.key
            && value == produced.value
            && record.value_size == size;
        if !same {
            let (partition, offset) = (record.partition, record.offset);
            bail!("partition {partition} offset {offset} is not as it was produced");
        }
        Ok(())
    }

    /// Keys of the objects that hold one value each.
    pub(crate) async fn value_keys(&self) -> Result<Vec<String>> {
        let mut keys = self.bucket.keys("").await?;
        keys.retain(|key| ObjectKey::parse(key).is_some_and(|key| key.is_value()));
        Ok(keys)
    }
}
