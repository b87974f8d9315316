//! Partitions that the group has given to nobody.
//!
//! In a cooperative rebalance a partition that moves is first taken from one
//! member, and given to the other when the first has joined again. A static
//! member that restarts in between comes back without a rebalance (KIP-345), so
//! that nobody joins again and the partition stays with nobody, for as long as
//! the group stays as it is.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka2oss_kafka::classify;
use kafka2oss_proto::error_code::Problem;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;

use super::consumer::blocking;
use super::task_consumer::TaskConsumer;

/// Limit of each of the two requests.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// From an assignment to the first look, and to the second: between the two
/// halves of a rebalance partitions belong to nobody for a moment.
pub(super) const LOOK_AFTER: Duration = Duration::from_secs(5);

/// The partitions of `topic` that no member of the group has; none while the
/// group rebalances.
pub(super) async fn orphans(
    consumer: &TaskConsumer,
    group: &str,
    topic: &str,
) -> Result<BTreeSet<i32>, Problem> {
    let (consumer, group, topic) = (consumer.clone(), group.to_owned(), topic.to_owned());
    blocking(move || {
        let failed = |error: KafkaError| classify::problem("cannot describe the group", &error);
        let list = consumer.fetch_group_list(Some(&group), REQUEST_TIMEOUT).map_err(failed)?;
        let Some(group) = list.groups().iter().find(|group| group.state() == "Stable") else {
            return Ok(BTreeSet::new());
        };
        let metadata = consumer.fetch_metadata(Some(&topic), REQUEST_TIMEOUT).map_err(failed)?;
        let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
        let mut left: BTreeSet<i32> = partitions.map(|partition| partition.id()).collect();
        for member in group.members() {
            // An assignment of another form says nothing: then nobody knows.
            let Some(given) = given(member.assignment().unwrap_or_default(), &topic) else {
                return Ok(BTreeSet::new());
            };
            left.retain(|partition| !given.contains(partition));
        }
        Ok(left)
    })
    .await?
}

/// The partitions of `topic` in a member's assignment, in the form of Kafka's
/// `ConsumerProtocolAssignment`: version, then topics with their partitions.
fn given(assignment: &[u8], topic: &str) -> Option<BTreeSet<i32>> {
    let mut rest = assignment;
    let mut given = BTreeSet::new();
    if rest.is_empty() {
        return Some(given);
    }
    let _version = take::<2>(&mut rest)?;
    for _ in 0..count(&mut rest)? {
        let length = usize::try_from(i16::from_be_bytes(take(&mut rest)?)).ok()?;
        let name = rest.get(..length)?;
        rest = &rest[length..];
        for _ in 0..count(&mut rest)? {
            let partition = i32::from_be_bytes(take(&mut rest)?);
            if name == topic.as_bytes() {
                given.insert(partition);
            }
        }
    }
    Some(given)
}

fn count(rest: &mut &[u8]) -> Option<u32> {
    u32::try_from(i32::from_be_bytes(take(rest)?)).ok()
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk::<N>()?;
    *rest = left;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(topics: &[(&str, &[i32])]) -> Vec<u8> {
        let mut bytes = vec![0, 3];
        bytes.extend((topics.len() as i32).to_be_bytes());
        for (name, partitions) in topics {
            bytes.extend((name.len() as i16).to_be_bytes());
            bytes.extend(name.as_bytes());
            bytes.extend((partitions.len() as i32).to_be_bytes());
            partitions.iter().for_each(|partition| bytes.extend(partition.to_be_bytes()));
        }
        // User data: null.
        bytes.extend((-1_i32).to_be_bytes());
        bytes
    }

    #[test]
    fn the_topics_own_partitions_are_read() {
        let bytes = encoded(&[("other", &[7]), ("t", &[0, 2])]);
        assert_eq!(given(&bytes, "t"), Some([0, 2].into()));
        assert_eq!(given(&bytes, "none"), Some(BTreeSet::new()));
        assert_eq!(given(&[], "t"), Some(BTreeSet::new()));
        assert_eq!(given(&bytes[..bytes.len() - 6], "t"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = given(&bytes, "t");
        }
    }
}
