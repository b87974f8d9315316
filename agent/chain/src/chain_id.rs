//! The id of a chain of objects.

use std::fmt;
use std::str::FromStr;

use crate::base32::base32;

/// The id of a chain: 8 characters of `a-z0-9`. It stands in keys and in
/// objects' metadata; see [`Identity::chain_id`](crate::Identity::chain_id).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainId([u8; ChainId::LENGTH]);

impl ChainId {
    /// Characters in an id.
    pub const LENGTH: usize = 8;

    /// Reads an id.
    ///
    /// # Errors
    /// When `text` is not 8 characters of `a-z0-9`.
    pub fn parse(text: &str) -> Result<Self, InvalidChainId> {
        let bytes: [u8; Self::LENGTH] = text.as_bytes().try_into().map_err(|_| InvalidChainId)?;
        if bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
            Ok(Self(bytes))
        } else {
            Err(InvalidChainId)
        }
    }

    /// The id of these 40 bits.
    pub(crate) fn of_bits(bits: u64) -> Self {
        Self(base32(bits))
    }

    /// The 8 characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("both makers admit ASCII only")
    }
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ChainId {
    type Err = InvalidChainId;

    fn from_str(text: &str) -> Result<Self, InvalidChainId> {
        Self::parse(text)
    }
}

/// The text is not 8 characters of `a-z0-9`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a chain id is 8 characters of a-z0-9")]
pub struct InvalidChainId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_8_characters_of_a_to_z_and_0_to_9() {
        assert_eq!(ChainId::parse("a1b2c3z9").map(|id| id.to_string()), Ok("a1b2c3z9".into()));
        for text in ["", "a1b2c3z", "a1b2c3z99", "A1b2c3z9", "a1b2-3z9", "a1b2c3é"] {
            assert_eq!(ChainId::parse(text), Err(InvalidChainId), "{text}");
        }
    }
}
