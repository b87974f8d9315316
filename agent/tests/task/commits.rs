//! What the group was told, in order, as Kafka keeps it.

use anyhow::{Context, Result, bail};
use kafka2oss_chain::{CommitMetadata, ObjectKey};

use crate::world::World;

const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// A commit that the broker took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// Key of the next object.
    pub(crate) next_key: Option<String>,
}

impl Taken {
    /// Its offset, and that of the link that it announces.
    pub(crate) fn announces(&self) -> (i64, Option<i64>) {
        let next = self.next_key.as_deref().map(|key| ObjectKey::parse(key).unwrap().offset);
        (self.offset, next)
    }
}

impl World {
    /// Every commit to the tasks' group.
    pub(crate) async fn commits(&self) -> Result<Vec<Taken>> {
        let mut taken = Vec::new();
        for record in self.kafka.read(OFFSETS_TOPIC).await? {
            let (Some(key), Some(value)) = (record.key, record.value) else { continue };
            let mut key = Fields(&key);
            // Kafka's OffsetCommitKey; others are of groups and their members.
            if key.int16()? > 1 || key.string()? != self.group() || key.string()? != self.topic {
                continue;
            }
            let partition = key.int32()?;
            let (offset, metadata) = commit(&value)?;
            let metadata = CommitMetadata::decode(&metadata).context("ours")?;
            taken.push(Taken { partition, offset, next_key: metadata.next_key });
        }
        Ok(taken)
    }
}

/// Offset and metadata of Kafka's OffsetCommitValue.
fn commit(value: &[u8]) -> Result<(i64, Vec<u8>)> {
    let mut value = Fields(value);
    let version = value.int16()?;
    let offset = value.int64()?;
    let _leader_epoch = value.int32()?;
    match version {
        3 => Ok((offset, value.string()?.into_bytes())),
        4 => Ok((offset, value.compact_string()?.into_bytes())),
        other => bail!("a commit of version {other}"),
    }
}

/// The rest of a message of Kafka's.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().context("it is cut off")?;
        self.0 = rest;
        Ok(*taken)
    }

    fn int16(&mut self) -> Result<i16> {
        Ok(i16::from_be_bytes(self.take()?))
    }

    fn int32(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.take()?))
    }

    fn int64(&mut self) -> Result<i64> {
        Ok(i64::from_be_bytes(self.take()?))
    }

    fn string(&mut self) -> Result<String> {
        let length = usize::try_from(self.int16()?)?;
        self.text(length)
    }

    /// Its length is one more, as a varint.
    fn compact_string(&mut self) -> Result<String> {
        let mut length = 0;
        for shift in (0..28).step_by(7) {
            let [byte] = self.take()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return self.text(length.saturating_sub(1));
            }
        }
        bail!("a length of more than four bytes")
    }

    fn text(&mut self, length: usize) -> Result<String> {
        let (taken, rest) = self.0.split_at_checked(length).context("it is cut off")?;
        self.0 = rest;
        Ok(str::from_utf8(taken)?.to_owned())
    }
}
