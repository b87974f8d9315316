//! A secret value, or where an agent finds it.

use secrecy::{ExposeSecret, SecretString};

use super::checks::Checks;
use super::text_rules;
use crate::v1::{self, secret::Source};
use crate::violation::Violations;

/// Inline values above this many bytes are no secrets of a store.
const MAX_PLAIN_BYTES: usize = 4096;

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

impl TryFrom<v1::Secret> for SecretSource {
    type Error = Violations;

    fn try_from(wire: v1::Secret) -> Result<Self, Violations> {
        let v1::Secret { source } = wire;
        let mut checks = Checks::default();
        let secret = match source {
            Some(Source::Plain(value)) => {
                if value.is_empty() {
                    checks.required("plain");
                } else if value.len() > MAX_PLAIN_BYTES {
                    checks.invalid("plain", format!("is above {MAX_PLAIN_BYTES} bytes"));
                }
                SecretSource::Plain(SecretString::from(value))
            }
            Some(Source::Environment(name)) => {
                checks.legal("environment", text_rules::environment_variable(&name));
                SecretSource::Environment(name)
            }
            Some(Source::File(path)) => {
                checks.legal("file", text_rules::file_path(&path));
                SecretSource::File(path)
            }
            Some(Source::Withheld(true)) => SecretSource::Withheld,
            Some(Source::Withheld(false)) => {
                checks.invalid("withheld", "is true or not set");
                SecretSource::Withheld
            }
            None => {
                checks.required("");
                SecretSource::Withheld
            }
        };
        checks.finish(secret)
    }
}

/// A plain value is exposed: the result is for the agent stream only.
impl From<&SecretSource> for v1::Secret {
    fn from(secret: &SecretSource) -> Self {
        let source = match secret {
            SecretSource::Plain(value) => Source::Plain(value.expose_secret().to_owned()),
            SecretSource::Environment(name) => Source::Environment(name.clone()),
            SecretSource::File(path) => Source::File(path.clone()),
            SecretSource::Withheld => Source::Withheld(true),
        };
        Self { source: Some(source) }
    }
}
