//! Where an object stands in the bucket.

use kafka2oss_sink::ChainId;

/// Returns `{prefix}{topic}/{partition}/{topic}+{partition}+{first}-{chain
/// id}.{extension}`, with `first` in 20 digits, so that a listing of a
/// partition is in the order of its offsets and people can read a chain off
/// it.
pub fn object_key(
    prefix: &str,
    topic: &str,
    partition: i32,
    first: i64,
    chain: &ChainId,
    extension: &str,
) -> String {
    format!("{prefix}{topic}/{partition}/{topic}+{partition}+{first:020}-{chain}.{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_of_a_partition_is_in_the_order_of_its_offsets() {
        let chain = ChainId::parse("abcd2345").expect("a chain id");
        let keys = [0, 9, 10, 1_000_000, i64::MAX]
            .map(|first| object_key("p/", "oss-test-input", 0, first, &chain, "json"));
        assert_eq!(
            keys[2],
            "p/oss-test-input/0/oss-test-input+0+00000000000000000010-abcd2345.json"
        );
        assert!(keys.is_sorted());
    }
}
