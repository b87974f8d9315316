//! A secret value, or where an agent finds it.

use kafka2oss_domain::spec::{SecretSource, text_rules};
use kafka2oss_domain::violation::Violations;
use secrecy::{ExposeSecret, SecretString};

use super::checks::Checks;
use crate::v1::{self, secret::Source};

impl TryFrom<v1::Secret> for SecretSource {
    type Error = Violations;

    fn try_from(wire: v1::Secret) -> Result<Self, Violations> {
        let v1::Secret { source } = wire;
        let mut checks = Checks::default();
        let secret = match source {
            Some(Source::Plain(value)) => {
                if value.is_empty() {
                    checks.required("plain");
                } else if value.len() > SecretSource::MAX_PLAIN_BYTES {
                    let most = SecretSource::MAX_PLAIN_BYTES;
                    checks.invalid("plain", format!("is above {most} bytes"));
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
