//! The id of one attempt to add a link, where each has a key of its own.

use std::fmt;

use crate::base32::base32;

/// The id of one attempt to add a link: 12 characters of `a-z0-9` that nobody else
/// has drawn. It stands in the key of what that attempt puts, so that no two bodies
/// have one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptId([u8; AttemptId::LENGTH]);

impl AttemptId {
    /// Characters in an id.
    pub const LENGTH: usize = 12;

    /// The id that 60 bits of `random` make. These are to be random ones: a clock or a
    /// count would give two agents the same.
    pub fn of(random: u64) -> Self {
        Self(base32(random))
    }

    /// Reads an id; `None` when `text` is not 12 characters of `a-z0-9`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; Self::LENGTH] = text.as_bytes().try_into().ok()?;
        let is_legal = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        bytes.iter().all(is_legal).then_some(Self(bytes))
    }

    /// The 12 characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("both makers admit ASCII only")
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_is_12_characters_of_a_to_z_and_0_to_9() {
        assert_eq!(
            AttemptId::parse("a1b2c3z9a1b2").map(|id| id.to_string()),
            Some("a1b2c3z9a1b2".into())
        );
        for text in ["", "a1b2c3z9a1b", "a1b2c3z9a1b2c", "A1b2c3z9a1b2", "a1b2-3z9a1b2"] {
            assert_eq!(AttemptId::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn each_60_bits_make_an_id_of_their_own(one: u64, other: u64) {
            let (first, second) = (AttemptId::of(one), AttemptId::of(other));
            prop_assert_eq!(AttemptId::parse(first.as_str()), Some(first));
            prop_assert_eq!(first == second, one << 4 == other << 4);
        }
    }
}
