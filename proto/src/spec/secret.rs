//! A secret value, or where an agent finds it.

use secrecy::SecretString;

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
