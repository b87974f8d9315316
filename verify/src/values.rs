//! Objects that hold one value each.

use std::io::{self, BufRead};

use crc_fast::{CrcAlgorithm, Digest};
use kafka2oss_chain::{ChainId, ObjectKey};
use kafka2oss_domain::error_code::Problem;
use kafka2oss_sink::ObjectStore;
use tokio::runtime::Handle;

use crate::body::Body;
use crate::catalog::{Catalog, Entry};
use crate::findings::Kind;
use crate::walk::{ValueCheck, Walk};

/// The objects that hold values of one chain and partition.
pub(crate) struct Values<'a> {
    runtime: &'a Handle,
    store: &'a ObjectStore,
    catalog: &'a Catalog,
    chain: Option<ChainId>,
    partition: i32,
    /// By offset, each with whether something refers to it.
    entries: Vec<(Entry, bool)>,
}

impl<'a> Values<'a> {
    pub(crate) fn new(
        runtime: &'a Handle,
        store: &'a ObjectStore,
        catalog: &'a Catalog,
        chain: Option<ChainId>,
        partition: i32,
    ) -> Self {
        let objects = chain.and_then(|chain| catalog.objects(chain, partition));
        let entries = objects.map_or(&[][..], |objects| &objects.values);
        let entries = entries.iter().map(|entry| (*entry, false)).collect();
        Self { runtime, store, catalog, chain, partition, entries }
    }

    /// Something refers to the object of this key.
    pub(crate) fn refer(&mut self, key: &str) {
        let (Some(chain), Some(parsed)) = (self.chain, ObjectKey::parse(key)) else { return };
        let first = self.entries.partition_point(|(entry, _)| entry.offset < parsed.offset);
        for (entry, is_referred_to) in &mut self.entries[first..] {
            if entry.offset != parsed.offset {
                break;
            }
            if self.catalog.key(chain, self.partition, *entry) == key {
                *is_referred_to = true;
            }
        }
    }

    /// Carries out the checks that the walk asks for. Blocks.
    ///
    /// # Errors
    /// The store's.
    pub(crate) fn check_all(&mut self, walk: &mut Walk<'_>) -> Result<(), Problem> {
        for ValueCheck { offset, key, expected } in walk.take_checks() {
            self.refer(&key);
            if let Some((kind, detail)) = self.check(offset, &key, expected.as_deref())? {
                walk.value(kind, offset, &key, detail);
            }
        }
        Ok(())
    }

    /// The objects that nothing refers to, with their offsets.
    pub(crate) fn unreferred(&self) -> impl Iterator<Item = (i64, String)> {
        let of_chain = |chain| move |entry| self.catalog.key(chain, self.partition, entry);
        let key = self.chain.map(of_chain);
        self.entries
            .iter()
            .filter(|(_, is_referred_to)| !is_referred_to)
            .filter_map(move |(entry, _)| Some((entry.offset, key.as_ref()?(*entry))))
    }

    fn check(
        &self,
        offset: i64,
        key: &str,
        expected: Option<&[u8]>,
    ) -> Result<Option<(Kind, String)>, Problem> {
        let Some(mut body) = Body::open(self.runtime, self.store, key)? else {
            return Ok(Some((Kind::MissingValue, "the object of its value is not there".into())));
        };
        let metadata = match body.metadata() {
            Ok(metadata) => metadata.clone(),
            Err(error) => return Ok(Some((Kind::Foreign, error.to_string()))),
        };
        let owner = (Some(metadata.chain_id), metadata.partition, metadata.first_offset);
        if owner != (self.chain, self.partition, offset) {
            let detail = format!(
                "its metadata is of chain {}, partition {}, offset {}",
                metadata.chain_id, metadata.partition, metadata.first_offset
            );
            return Ok(Some((Kind::Foreign, detail)));
        }
        let (crc64, is_equal) = compare(&mut body, expected).map_err(not_fetched)?;
        Ok(if !is_equal {
            Some((Kind::Altered, "the object of its value does not hold what the topic has".into()))
        } else if crc64 != metadata.crc64 {
            let detail = format!("its CRC-64 is {crc64}, its metadata says {}", metadata.crc64);
            Some((Kind::Damaged, detail))
        } else {
            None
        })
    }
}

/// Checksum of a content, and whether it is the expected one, if one is.
fn compare(content: &mut impl BufRead, expected: Option<&[u8]>) -> io::Result<(u64, bool)> {
    let mut sum = Digest::new(CrcAlgorithm::Crc64Xz);
    let (mut rest, mut is_equal) = (expected, true);
    loop {
        let chunk = content.fill_buf()?;
        if chunk.is_empty() {
            break;
        }
        sum.update(chunk);
        if let Some(expected) = rest {
            let next = expected.strip_prefix(chunk);
            is_equal &= next.is_some();
            rest = next.or(Some(&[]));
        }
        let length = chunk.len();
        content.consume(length);
    }
    Ok((sum.finalize(), is_equal && rest.is_none_or(<[u8]>::is_empty)))
}

fn not_fetched(error: io::Error) -> Problem {
    error.downcast::<Problem>().unwrap_or_else(|error| {
        Problem::new(kafka2oss_domain::ErrorCode::StoreUnavailable, error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    #[test]
    fn a_value_is_compared_chunk_by_chunk() {
        let is_equal = |content: &[u8], expected: Option<&[u8]>| {
            let mut content = BufReader::with_capacity(2, content);
            compare(&mut content, expected).map(|(_, is_equal)| is_equal).ok()
        };
        for (content, expected, equal) in [
            (&b"abcde"[..], Some(&b"abcde"[..]), true),
            (b"abcde", Some(b"abcd"), false),
            (b"abcd", Some(b"abcde"), false),
            (b"xbcde", Some(b"abcde"), false),
            (b"", Some(b""), true),
            (b"", Some(b"a"), false),
            (b"anything", None, true),
        ] {
            assert_eq!(is_equal(content, expected), Some(equal), "{content:?} {expected:?}");
        }
    }
}
