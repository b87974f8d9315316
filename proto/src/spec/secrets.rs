//! Inline secrets in wire messages: taken out of everything that leaves the
//! control plane or is stored, held in memory, and put back for the agents.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use crate::v1::{self, secret::Source, store_credentials::Kind};

/// A message that holds secrets.
///
/// The implementations take the messages apart whole, so that a new field
/// does not compile until someone decided whether it holds a secret.
pub trait HasSecrets {
    /// Its secrets, each with a path that is the same for the credentials and
    /// for a spec or connector that holds them.
    fn secrets(&self) -> Vec<(&'static str, &v1::Secret)>;

    /// The same, to be changed.
    fn secrets_mut(&mut self) -> Vec<(&'static str, &mut v1::Secret)>;
}

/// Replaces every plain secret by `withheld`; references stay. The plain
/// values are wiped from memory.
pub fn redact(message: &mut impl HasSecrets) {
    for (_, secret) in message.secrets_mut() {
        if let Some(Source::Plain(value)) = &mut secret.source {
            drop(SecretString::from(std::mem::take(value)));
            secret.source = Some(Source::Withheld(true));
        }
    }
}

/// Whether some secret is plain.
pub fn has_plain(message: &impl HasSecrets) -> bool {
    message.secrets().iter().any(|(_, secret)| matches!(secret.source, Some(Source::Plain(_))))
}

/// Whether some secret is withheld, that is, not known from the message.
pub fn has_withheld(message: &impl HasSecrets) -> bool {
    message.secrets().iter().any(|(_, secret)| matches!(secret.source, Some(Source::Withheld(_))))
}

/// Plain secrets of a message, held in memory only.
#[derive(Debug, Clone, Default)]
pub struct HeldSecrets(BTreeMap<&'static str, SecretString>);

impl HeldSecrets {
    /// The plain secrets of `message`.
    pub fn of(message: &impl HasSecrets) -> Self {
        let plain = |(path, secret): (_, &v1::Secret)| match &secret.source {
            Some(Source::Plain(value)) => Some((path, SecretString::from(value.as_str()))),
            _ => None,
        };
        Self(message.secrets().into_iter().filter_map(plain).collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Calls `visit` with the path and the value of each, in the order of the paths.
    pub fn visit(&self, mut visit: impl FnMut(&str, &str)) {
        for (path, value) in &self.0 {
            visit(path, value.expose_secret());
        }
    }
}

/// Puts the plain values that are held in the place of withheld ones. What is
/// not held stays withheld.
pub fn restore(message: &mut impl HasSecrets, held: &HeldSecrets) {
    for (path, secret) in message.secrets_mut() {
        if matches!(secret.source, Some(Source::Withheld(_)))
            && let Some(value) = held.0.get(path)
        {
            secret.source = Some(Source::Plain(value.expose_secret().to_owned()));
        }
    }
}

/// Calls `visit` with each secret of `credentials` and its path.
pub(super) fn visit_credentials(
    credentials: &v1::StoreCredentials,
    visit: &mut dyn FnMut(&str, &v1::Secret),
) {
    for (path, secret) in credentials.secrets() {
        visit(path, secret);
    }
}

/// Implements both methods by one body, which reads the same for a shared
/// and for a mutable reference.
macro_rules! has_secrets {
    ($message:ty, |$this:ident, $found:ident| $body:block) => {
        impl HasSecrets for $message {
            fn secrets(&self) -> Vec<(&'static str, &v1::Secret)> {
                let ($this, mut $found) = (self, Vec::new());
                $body
                $found
            }

            fn secrets_mut(&mut self) -> Vec<(&'static str, &mut v1::Secret)> {
                let ($this, mut $found) = (self, Vec::new());
                $body
                $found
            }
        }
    };
}

has_secrets!(v1::StoreCredentials, |this, found| {
    let v1::StoreCredentials { kind } = this;
    match kind {
        Some(Kind::AccessKey(v1::AccessKey { id, secret: value, session_token })) => {
            if let Some(secret) = id {
                found.push(("access_key.id", secret));
            }
            if let Some(secret) = value {
                found.push(("access_key.secret", secret));
            }
            if let Some(secret) = session_token {
                found.push(("access_key.session_token", secret));
            }
        }
        None => {}
    }
});

has_secrets!(v1::Instance, |this, found| {
    let v1::Instance {
        name: _,
        uid: _,
        create_time: _,
        update_time: _,
        etag: _,
        labels: _,
        description: _,
        max_connectors: _,
        max_tasks: _,
        region_id: _,
        bootstrap_servers: _,
        security_protocol: _,
        sasl_mechanism: _,
        kafka_credentials,
        ca_certificate,
        vpc_id: _,
        vswitch_id: _,
        connectors_disabled: _,
        allow_shared_cluster: _,
        kafka_cluster_id: _,
        client_certificate,
        oauth_token,
    } = this;
    if let Some(v1::KafkaCredentials { username, password }) = kafka_credentials {
        if let Some(secret) = username {
            found.push(("kafka_credentials.username", secret));
        }
        if let Some(secret) = password {
            found.push(("kafka_credentials.password", secret));
        }
    }
    if let Some(secret) = ca_certificate {
        found.push(("ca_certificate", secret));
    }
    if let Some(secret) = oauth_token {
        found.push(("oauth_token", secret));
    }
    if let Some(client) = client_certificate {
        let v1::ClientCertificate { certificate, private_key, private_key_password } = client;
        if let Some(secret) = certificate {
            found.push(("client_certificate.certificate", secret));
        }
        if let Some(secret) = private_key {
            found.push(("client_certificate.private_key", secret));
        }
        if let Some(secret) = private_key_password {
            found.push(("client_certificate.private_key_password", secret));
        }
    }
});

impl HasSecrets for v1::ConnectorSpec {
    fn secrets(&self) -> Vec<(&'static str, &v1::Secret)> {
        let v1::ConnectorSpec {
            task_type: _,
            source: _,
            destination,
            runtime: _,
            resources: _,
            output: _,
        } = self;
        let credentials = destination.as_ref().and_then(|to| to.credentials.as_ref());
        credentials.map(HasSecrets::secrets).unwrap_or_default()
    }

    fn secrets_mut(&mut self) -> Vec<(&'static str, &mut v1::Secret)> {
        let credentials = self.destination.as_mut().and_then(|to| to.credentials.as_mut());
        credentials.map(HasSecrets::secrets_mut).unwrap_or_default()
    }
}

impl HasSecrets for v1::Connector {
    fn secrets(&self) -> Vec<(&'static str, &v1::Secret)> {
        let specs = [self.spec.as_ref(), self.effective_spec.as_deref()].into_iter().flatten();
        specs.flat_map(HasSecrets::secrets).collect()
    }

    fn secrets_mut(&mut self) -> Vec<(&'static str, &mut v1::Secret)> {
        let specs = [self.spec.as_mut(), self.effective_spec.as_deref_mut()].into_iter().flatten();
        specs.flat_map(HasSecrets::secrets_mut).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(source: Source) -> Option<v1::Secret> {
        Some(v1::Secret { source: Some(source) })
    }

    fn connector() -> v1::Connector {
        let access_key = v1::AccessKey {
            id: secret(Source::Environment("KEY_ID".into())),
            secret: secret(Source::Plain("s3cret".into())),
            session_token: secret(Source::Plain("t0ken".into())),
        };
        let credentials = v1::StoreCredentials { kind: Some(Kind::AccessKey(access_key)) };
        let destination =
            v1::ObjectStoreDestination { credentials: Some(credentials), ..Default::default() };
        let spec = v1::ConnectorSpec { destination: Some(destination), ..Default::default() };
        v1::Connector { spec: Some(spec), ..Default::default() }
    }

    #[test]
    fn a_redacted_message_holds_references_and_no_values() {
        let mut redacted = connector();
        assert!(has_plain(&redacted) && !has_withheld(&redacted));
        redact(&mut redacted);
        assert!(!has_plain(&redacted) && has_withheld(&redacted));
        let bytes = prost::Message::encode_to_vec(&redacted);
        assert!(!bytes.windows(6).any(|window| window == b"s3cret"));
        assert!(!bytes.windows(5).any(|window| window == b"t0ken"));
        assert!(bytes.windows(6).any(|window| window == b"KEY_ID"));
    }

    #[test]
    fn held_values_are_put_back_where_they_were() {
        let held = HeldSecrets::of(&connector());
        let mut redacted = connector();
        redact(&mut redacted);
        let mut restored = redacted.clone();
        restore(&mut restored, &held);
        assert_eq!(restored, connector());

        let mut lost = redacted.clone();
        restore(&mut lost, &HeldSecrets::default());
        assert_eq!(lost, redacted);
    }

    #[test]
    fn values_of_credentials_alone_are_put_back_into_a_spec() {
        let whole = connector();
        let credentials = whole.spec.as_ref().and_then(|spec| {
            spec.destination.as_ref().and_then(|destination| destination.credentials.as_ref())
        });
        let held = credentials.map(HeldSecrets::of).unwrap_or_default();
        assert!(!held.is_empty());
        let mut spec = connector().spec.unwrap_or_default();
        redact(&mut spec);
        restore(&mut spec, &held);
        assert_eq!(Some(spec), whole.spec);
    }

    #[test]
    fn an_instances_secrets_are_redacted_too() {
        let plain = || secret(Source::Plain("s3cret".into()));
        let mut instance = v1::Instance {
            kafka_credentials: Some(v1::KafkaCredentials { username: plain(), password: plain() }),
            ca_certificate: plain(),
            client_certificate: Some(v1::ClientCertificate {
                certificate: plain(),
                private_key: plain(),
                private_key_password: plain(),
            }),
            oauth_token: plain(),
            ..Default::default()
        };
        assert_eq!(instance.secrets().len(), 7);
        redact(&mut instance);
        assert!(!has_plain(&instance));
    }
}
