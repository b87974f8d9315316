//! A secret value, or where an agent finds it.

use secrecy::{ExposeSecret, SecretString};

/// A secret value, or where an agent finds it. `Debug` shows no value.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// The value itself.
    Plain(SecretString),
    /// Name of an environment variable of the agent process.
    Environment(String),
    /// Absolute path of a file on the agent's host.
    File(String),
    /// A plain value that the control plane no longer has.
    Withheld,
}

impl SecretSource {
    /// Inline values above this many bytes are no secrets of a store.
    pub const MAX_PLAIN_BYTES: usize = 4096;

    /// Whether an agent finds it by itself.
    pub fn is_reference(&self) -> bool {
        match self {
            SecretSource::Environment(_) | SecretSource::File(_) => true,
            SecretSource::Plain(_) | SecretSource::Withheld => false,
        }
    }
}

impl PartialEq for SecretSource {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Plain(own), Self::Plain(other)) => own.expose_secret() == other.expose_secret(),
            (Self::Environment(own), Self::Environment(other)) => own == other,
            (Self::File(own), Self::File(other)) => own == other,
            (Self::Withheld, Self::Withheld) => true,
            _ => false,
        }
    }
}
