//! What the key of an object says.

use crate::{AttemptId, ChainId};

/// Extension of an object that holds one spilled value.
pub const SPILLED_VALUE: &str = "value";

/// Extension of an object that holds the value of a record that its error topic
/// refused as too large.
pub const DETACHED_VALUE: &str = "dead-letter";

/// What the last segment of a key, `{topic}+{partition}+{offset, 20
/// digits}-{chain id}.{extension}`, says. Where each attempt has a key of its own,
/// `-{attempt id}` stands behind the chain id of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectKey<'a> {
    /// The source topic.
    pub topic: &'a str,
    /// The partition; not negative.
    pub partition: i32,
    /// The first offset of a link, or the offset of the record whose value it
    /// is; not negative.
    pub offset: i64,
    /// The chain.
    pub chain: ChainId,
    /// The attempt whose own the key is.
    pub attempt: Option<AttemptId>,
    /// What follows the first dot after these, for example `json.gz`.
    pub extension: &'a str,
}

impl<'a> ObjectKey<'a> {
    /// Reads a key, whatever stands in front of its last segment; `None` when
    /// it is not of the form.
    pub fn parse(key: &'a str) -> Option<Self> {
        let segment = key.rsplit_once('/').map_or(key, |(_, segment)| segment);
        // A topic's name has no `+`.
        let (topic, rest) = segment.split_once('+')?;
        let (partition, rest) = rest.split_once('+')?;
        let (offset, rest) = rest.split_once('-')?;
        let (ids, extension) = rest.split_once('.')?;
        let (chain, attempt) = match ids.split_once('-') {
            Some((chain, attempt)) => (chain, Some(AttemptId::parse(attempt)?)),
            None => (ids, None),
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if topic.is_empty() || extension.is_empty() || offset.len() != 20 || !digits(offset) {
            return None;
        }
        let number: i32 = partition.parse().ok().filter(|_| digits(partition))?;
        // The one form in which it is written.
        if number.to_string() != partition {
            return None;
        }
        let key = Self {
            topic,
            partition: number,
            offset: offset.parse().ok()?,
            chain: ChainId::parse(chain).ok()?,
            attempt,
            extension,
        };
        // Whoever puts a value puts the same.
        (attempt.is_none() || !key.is_value()).then_some(key)
    }

    /// Whether it is an object of one value, and no link of the chain.
    pub fn is_value(&self) -> bool {
        matches!(self.extension, SPILLED_VALUE | DETACHED_VALUE)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_says_what_it_stands_for() {
        for (attempt, written) in [(None, ""), (AttemptId::parse("mnop6723abcd"), "-mnop6723abcd")]
        {
            let key = format!(
                "p/t-1.x/2026/01/t-1.x/7/t-1.x+7+00000000000000000010-abcd2345{written}.json.gz"
            );
            assert_eq!(
                ObjectKey::parse(&key),
                Some(ObjectKey {
                    topic: "t-1.x",
                    partition: 7,
                    offset: 10,
                    chain: ChainId::parse("abcd2345").expect("a chain id"),
                    attempt,
                    extension: "json.gz",
                })
            );
        }
    }

    #[test]
    fn keys_of_others_are_not_read() {
        for key in [
            "",
            "t",
            "t+0+10-abcd2345.json",
            "t+00+00000000000000000010-abcd2345.json",
            "t+-1+00000000000000000010-abcd2345.json",
            "+0+00000000000000000010-abcd2345.json",
            "t+0+00000000000000000010-abcd234.json",
            "t+0+00000000000000000010-abcd2345.",
            "t+0+00000000000000000010-abcd2345",
            "t+0+99999999999999999999-abcd2345.json",
            "t+0+00000000000000000010-abcd2345-.json",
            "t+0+00000000000000000010-abcd2345-mnop6723abc.json",
            "t+0+00000000000000000010-abcd2345-mnop6723abcd-.json",
            "t+0+00000000000000000010-abcd2345-mnop6723abcd.value",
        ] {
            assert_eq!(ObjectKey::parse(key), None, "{key}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(key: String) {
            let _ = ObjectKey::parse(&key);
        }
    }
}
