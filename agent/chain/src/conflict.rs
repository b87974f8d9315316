//! What an object that stands where the next link belongs means.

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;

use crate::{ChainId, MetadataError, ObjectMetadata};

/// What to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// It is the link: an earlier attempt put it, and its answer or the commit
    /// after it was lost. The chain goes on at its next offset.
    Adopt(ObjectMetadata),
    /// It is nothing of this chain, and is never overwritten.
    Stop(Problem),
}

/// Decides what the object under `key`, which should hold the link of `chain`
/// from offset `first` on, is.
pub fn resolve(
    key: &str,
    found: Result<ObjectMetadata, MetadataError>,
    chain: &ChainId,
    partition: i32,
    first: i64,
) -> Conflict {
    let foreign = |what: String| {
        Conflict::Stop(Problem::new(
            ErrorCode::StoreObjectForeign,
            format!("object `{key}` {what}"),
        ))
    };
    match found {
        Err(error) => foreign(format!("was not written by this service: {error}")),
        Ok(metadata) if metadata.chain_id != *chain || metadata.partition != partition => {
            foreign(format!("is of chain {}, partition {}", metadata.chain_id, metadata.partition))
        }
        Ok(metadata) if metadata.first_offset != first || metadata.next_offset <= first => {
            foreign(format!(
                "stands for offsets {} to {}, not from {first} on",
                metadata.first_offset, metadata.next_offset
            ))
        }
        Ok(metadata) => Conflict::Adopt(metadata),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(chain: &str, partition: i32, first: i64, next: i64) -> ObjectMetadata {
        ObjectMetadata {
            uid: "u".into(),
            chain_id: ChainId::parse(chain).expect("a chain id"),
            partition,
            first_offset: first,
            next_offset: next,
            records: 1,
            crc64: 0,
            leader_epoch: None,
        }
    }

    #[test]
    fn an_object_of_the_chain_at_this_offset_is_adopted() {
        let chain = ChainId::parse("abcd2345").expect("a chain id");
        let own = metadata("abcd2345", 3, 10, 12);
        assert_eq!(resolve("k", Ok(own.clone()), &chain, 3, 10), Conflict::Adopt(own));
    }

    #[test]
    fn any_other_object_stops_the_partition() {
        let chain = ChainId::parse("abcd2345").expect("a chain id");
        let others = [
            metadata("zzzz2345", 3, 10, 12),
            metadata("abcd2345", 4, 10, 12),
            metadata("abcd2345", 3, 11, 12),
            metadata("abcd2345", 3, 10, 10),
        ];
        for other in others {
            let Conflict::Stop(problem) = resolve("k", Ok(other.clone()), &chain, 3, 10) else {
                panic!("{other:?} was adopted")
            };
            assert_eq!(problem.code, ErrorCode::StoreObjectForeign);
        }
    }
}
