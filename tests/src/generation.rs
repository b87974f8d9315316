//! How often a group has rebalanced.

use anyhow::{Context, Result, ensure};

use crate::read::read_topic;

/// Where the broker keeps the groups: for each rebalance that ends, a record
/// with the group's new generation (Kafka's `GroupMetadataKey` and
/// `GroupMetadataValue`).
const GROUPS: &str = "__consumer_offsets";

/// Version of the keys of groups; those of committed offsets have lower ones.
const GROUP_KEY_VERSION: u16 = 2;

/// From this version on values have compact strings, which are not read here.
const FLEXIBLE_VALUE_VERSION: u16 = 4;

/// The generation of a group: a number that rises with each rebalance that ends.
/// For groups of the classic protocol; `None` when there is no such group.
pub async fn generation(bootstrap: &str, group: &str) -> Result<Option<u32>> {
    let records = read_topic(bootstrap, GROUPS).await?;
    // All records of a group are in one partition, in order.
    let mut of_group = records.iter().filter(|record| {
        record.key.as_deref().and_then(group_of_key).is_some_and(|name| name == group.as_bytes())
    });
    let Some(last) = of_group.next_back() else { return Ok(None) };
    let Some(value) = &last.value else { return Ok(None) };
    generation_in(value).map(Some)
}

/// The group that a key names, if it is the key of a group.
fn group_of_key(key: &[u8]) -> Option<&[u8]> {
    let (version, rest) = two_bytes(key)?;
    let (length, rest) = two_bytes(rest)?;
    (version == GROUP_KEY_VERSION && rest.len() == usize::from(length)).then_some(rest)
}

fn generation_in(value: &[u8]) -> Result<u32> {
    let cut = || "the record of a group ends early";
    let (version, rest) = two_bytes(value).with_context(cut)?;
    ensure!(version < FLEXIBLE_VALUE_VERSION, "the record of a group has version {version}");
    let (length, rest) = two_bytes(rest).with_context(cut)?;
    let rest = rest.get(usize::from(length)..).with_context(cut)?;
    Ok(u32::from_be_bytes(*rest.first_chunk().with_context(cut)?))
}

fn two_bytes(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*number), rest))
}
