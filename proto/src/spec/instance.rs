//! A registered Kafka instance.

use kafka2oss_domain::spec::{
    ClientCertificate, Instance, KafkaSecurity, PasswordMechanism, Pool, Sasl, SecretSource,
    check_description, check_labels, text_rules,
};
use kafka2oss_domain::violation::Violations;

use super::checks::Checks;
use super::runtime::check_pool;
use crate::v1;

impl From<PasswordMechanism> for v1::SaslMechanism {
    fn from(mechanism: PasswordMechanism) -> Self {
        match mechanism {
            PasswordMechanism::Plain => Self::Plain,
            PasswordMechanism::ScramSha256 => Self::ScramSha256,
            PasswordMechanism::ScramSha512 => Self::ScramSha512,
        }
    }
}

/// Fields that only the service sets (name, uid, times, etag, cluster id) and
/// what its user says of it (labels, description, quotas) are not part of the domain type;
/// the latter are checked.
impl TryFrom<v1::Instance> for Instance {
    type Error = Violations;

    fn try_from(wire: v1::Instance) -> Result<Self, Violations> {
        let v1::Instance {
            name: _,
            uid: _,
            create_time: _,
            update_time: _,
            etag: _,
            labels,
            description,
            max_connectors,
            max_tasks,
            region_id,
            bootstrap_servers,
            security_protocol,
            sasl_mechanism,
            kafka_credentials,
            ca_certificate,
            vpc_id,
            vswitch_id,
            connectors_disabled,
            allow_shared_cluster,
            kafka_cluster_id: _,
            client_certificate,
            oauth_token,
        } = wire;
        let mut checks = Checks::default();
        checks.append(check_labels(&labels));
        checks.append(check_description(&description));
        for (field, most) in [("max_connectors", max_connectors), ("max_tasks", max_tasks)] {
            if let Some(most) = most.filter(|most| *most < 0) {
                checks.invalid(field, format!("is {most}; it cannot be below 0"));
            }
        }
        if region_id.is_empty() {
            checks.required("region_id");
        } else {
            checks.legal("region_id", text_rules::region_id(&region_id));
        }
        check_bootstrap_servers(&mut checks, &bootstrap_servers);
        let security = check_security(
            &mut checks,
            security_protocol,
            SaslParts { mechanism: sasl_mechanism, credentials: kafka_credentials, oauth_token },
            Certificates { ca: ca_certificate, client: client_certificate },
        );
        let pool = check_pool(&mut checks, vpc_id, vswitch_id);
        let Some(security) = security else {
            return Err(checks.into_violations());
        };
        checks.finish(Self {
            region_id,
            bootstrap_servers,
            security,
            pool,
            connectors_disabled,
            allow_shared_cluster,
        })
    }
}

fn check_bootstrap_servers(checks: &mut Checks, servers: &[String]) {
    if servers.is_empty() {
        return checks.required("bootstrap_servers");
    }
    let (given, most) = (servers.len(), Instance::MAX_BOOTSTRAP_SERVERS);
    if given > most {
        return checks.invalid("bootstrap_servers", format!("has {given}; {most} are allowed"));
    }
    for (index, server) in servers.iter().enumerate() {
        checks.legal(&format!("bootstrap_servers[{index}]"), text_rules::bootstrap_server(server));
    }
}

/// What belongs to SASL only.
struct SaslParts {
    mechanism: i32,
    credentials: Option<v1::KafkaCredentials>,
    oauth_token: Option<v1::Secret>,
}

/// What belongs to TLS only.
struct Certificates {
    ca: Option<v1::Secret>,
    client: Option<v1::ClientCertificate>,
}

fn check_security(
    checks: &mut Checks,
    security_protocol: i32,
    sasl: SaslParts,
    Certificates { ca, client }: Certificates,
) -> Option<KafkaSecurity> {
    use v1::SecurityProtocol as Protocol;

    let (tls, with_sasl) = match Protocol::try_from(security_protocol) {
        Ok(Protocol::Plaintext) => (false, false),
        Ok(Protocol::Ssl) => (true, false),
        Ok(Protocol::SaslPlaintext) => (false, true),
        Ok(Protocol::SaslSsl) => (true, true),
        Ok(Protocol::Unspecified) => {
            checks.required("security_protocol");
            return None;
        }
        Err(_) => {
            checks.invalid("security_protocol", format!("has no value {security_protocol}"));
            return None;
        }
    };
    let sasl = if with_sasl {
        check_sasl(checks, sasl).map(Some)
    } else {
        const ONLY_SASL: &str = "is set; it belongs to SASL_PLAINTEXT and SASL_SSL only";
        let SaslParts { mechanism, credentials, oauth_token } = sasl;
        for (field, is_set) in [
            ("sasl_mechanism", mechanism != 0),
            ("kafka_credentials", credentials.is_some()),
            ("oauth_token", oauth_token.is_some()),
        ] {
            if is_set {
                checks.invalid(field, ONLY_SASL);
            }
        }
        Some(None)
    };
    const ONLY_TLS: &str = "is set; it belongs to SSL and SASL_SSL only";
    if !tls {
        for (field, is_set) in
            [("ca_certificate", ca.is_some()), ("client_certificate", client.is_some())]
        {
            if is_set {
                checks.invalid(field, ONLY_TLS);
            }
        }
        return Some(KafkaSecurity { sasl: sasl?, ..KafkaSecurity::default() });
    }
    let ca_certificate = optional_reference(checks, "ca_certificate", ca);
    let client_certificate = match client {
        Some(wire) => check_client_certificate(checks, wire).map(Some),
        None => Some(None),
    };
    Some(KafkaSecurity {
        tls,
        ca_certificate: ca_certificate?,
        client_certificate: client_certificate?,
        sasl: sasl?,
    })
}

fn check_client_certificate(
    checks: &mut Checks,
    wire: v1::ClientCertificate,
) -> Option<ClientCertificate> {
    let v1::ClientCertificate { certificate, private_key, private_key_password } = wire;
    let certificate = reference(checks, "client_certificate.certificate", certificate);
    let private_key = reference(checks, "client_certificate.private_key", private_key);
    let password = "client_certificate.private_key_password";
    let private_key_password = optional_reference(checks, password, private_key_password);
    Some(ClientCertificate {
        certificate: certificate?,
        private_key: private_key?,
        private_key_password: private_key_password?,
    })
}

/// The same as [`reference`], of one that may be left out; `None` where it is wrong.
fn optional_reference(
    checks: &mut Checks,
    field: &str,
    wire: Option<v1::Secret>,
) -> Option<Option<SecretSource>> {
    match wire {
        Some(wire) => reference(checks, field, Some(wire)).map(Some),
        None => Some(None),
    }
}

fn check_sasl(checks: &mut Checks, parts: SaslParts) -> Option<Sasl> {
    use v1::SaslMechanism as Wire;

    let SaslParts { mechanism, credentials, oauth_token } = parts;
    let mechanism = match Wire::try_from(mechanism) {
        Ok(Wire::Oauthbearer) => {
            if credentials.is_some() {
                checks.invalid("kafka_credentials", "is set; OAUTHBEARER takes a token");
            }
            return reference(checks, "oauth_token", oauth_token).map(Sasl::Token);
        }
        Ok(Wire::Plain) => Some(PasswordMechanism::Plain),
        Ok(Wire::ScramSha256) => Some(PasswordMechanism::ScramSha256),
        Ok(Wire::ScramSha512) => Some(PasswordMechanism::ScramSha512),
        Ok(Wire::Unspecified) => {
            checks.required("sasl_mechanism");
            None
        }
        Err(_) => {
            checks.invalid("sasl_mechanism", format!("has no value {mechanism}"));
            None
        }
    };
    if oauth_token.is_some() {
        checks.invalid("oauth_token", "is set; it belongs to OAUTHBEARER only");
    }
    let Some(v1::KafkaCredentials { username, password }) = credentials else {
        checks.required("kafka_credentials");
        return None;
    };
    let username = reference(checks, "kafka_credentials.username", username);
    let password = reference(checks, "kafka_credentials.password", password);
    Some(Sasl::Password { mechanism: mechanism?, username: username?, password: password? })
}

/// A secret that an agent finds by itself: those of an instance never pass
/// through the control plane.
fn reference(checks: &mut Checks, field: &str, wire: Option<v1::Secret>) -> Option<SecretSource> {
    let secret: SecretSource = checks.part(field, wire)?;
    if secret.is_reference() {
        return Some(secret);
    }
    checks.invalid(field, "is not a reference; use `environment` or `file`");
    None
}

/// Only what the domain type holds; name, uid, times, etag, labels and
/// cluster id are left empty.
impl From<&Instance> for v1::Instance {
    fn from(instance: &Instance) -> Self {
        use v1::SecurityProtocol as Protocol;

        let Instance {
            region_id,
            bootstrap_servers,
            security: KafkaSecurity { tls, ca_certificate, client_certificate, sasl },
            pool: Pool { vpc_id, vswitch_id },
            connectors_disabled,
            allow_shared_cluster,
        } = instance;
        let protocol = match (tls, sasl) {
            (false, None) => Protocol::Plaintext,
            (true, None) => Protocol::Ssl,
            (false, Some(_)) => Protocol::SaslPlaintext,
            (true, Some(_)) => Protocol::SaslSsl,
        };
        let (mechanism, kafka_credentials, oauth_token) = match sasl {
            None => (v1::SaslMechanism::Unspecified, None, None),
            Some(Sasl::Password { mechanism, username, password }) => {
                let (username, password) = (Some(username.into()), Some(password.into()));
                let credentials = v1::KafkaCredentials { username, password };
                ((*mechanism).into(), Some(credentials), None)
            }
            Some(Sasl::Token(token)) => (v1::SaslMechanism::Oauthbearer, None, Some(token.into())),
        };
        Self {
            region_id: region_id.clone(),
            bootstrap_servers: bootstrap_servers.clone(),
            security_protocol: protocol.into(),
            sasl_mechanism: mechanism.into(),
            kafka_credentials,
            oauth_token,
            ca_certificate: ca_certificate.as_ref().map(Into::into),
            client_certificate: client_certificate.as_ref().map(|client| {
                let ClientCertificate { certificate, private_key, private_key_password } = client;
                v1::ClientCertificate {
                    certificate: Some(certificate.into()),
                    private_key: Some(private_key.into()),
                    private_key_password: private_key_password.as_ref().map(Into::into),
                }
            }),
            vpc_id: vpc_id.clone(),
            vswitch_id: vswitch_id.clone(),
            connectors_disabled: *connectors_disabled,
            allow_shared_cluster: *allow_shared_cluster,
            ..Self::default()
        }
    }
}
