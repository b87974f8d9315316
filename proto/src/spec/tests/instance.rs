//! Each rule of an instance, violated once, and the way there and back.

use kafka2oss_domain::ErrorCode::{self, *};
use kafka2oss_domain::spec::{Instance, PasswordMechanism, Pool, Sasl};
use proptest::prelude::*;

use super::{environment, found};
use crate::spec::defaults;
use crate::v1::{self, SecurityProtocol, secret::Source};

fn plain_instance() -> v1::Instance {
    v1::Instance {
        region_id: "cn-hangzhou".to_owned(),
        bootstrap_servers: vec!["broker-1:9092".to_owned(), "[fe80::1]:9092".to_owned()],
        security_protocol: SecurityProtocol::Plaintext.into(),
        vpc_id: "vpc-1".to_owned(),
        ..Default::default()
    }
}

fn sasl_instance() -> v1::Instance {
    v1::Instance {
        security_protocol: SecurityProtocol::SaslSsl.into(),
        sasl_mechanism: v1::SaslMechanism::ScramSha512.into(),
        kafka_credentials: Some(v1::KafkaCredentials {
            username: Some(environment("KAFKA_USER")),
            password: Some(v1::Secret { source: Some(Source::File("/run/password".to_owned())) }),
        }),
        ca_certificate: Some(v1::Secret { source: Some(Source::File("/etc/ca.pem".to_owned())) }),
        client_certificate: Some(v1::ClientCertificate {
            certificate: Some(v1::Secret { source: Some(Source::File("/run/c.pem".to_owned())) }),
            private_key: Some(v1::Secret { source: Some(Source::File("/run/k.pem".to_owned())) }),
            private_key_password: Some(environment("KEY_PASSWORD")),
        }),
        ..plain_instance()
    }
}

fn token_instance() -> v1::Instance {
    v1::Instance {
        sasl_mechanism: v1::SaslMechanism::Oauthbearer.into(),
        kafka_credentials: None,
        oauth_token: Some(v1::Secret { source: Some(Source::File("/run/token".to_owned())) }),
        ..sasl_instance()
    }
}

fn plain(value: &str) -> Option<v1::Secret> {
    Some(v1::Secret { source: Some(Source::Plain(value.to_owned())) })
}

type Change = fn(&mut v1::Instance);

/// Of an instance with SASL_SSL: what is changed, its code, its fields.
const RULES: &[(Change, ErrorCode, &str)] = &[
    (|i| i.region_id.clear(), FieldRequired, "region_id"),
    (|i| i.region_id = "CN".into(), FieldInvalid, "region_id"),
    (|i| i.bootstrap_servers.clear(), FieldRequired, "bootstrap_servers"),
    (|i| i.bootstrap_servers = vec!["a:1".into(); 33], FieldInvalid, "bootstrap_servers"),
    (|i| i.bootstrap_servers[1] = "broker".into(), FieldInvalid, "bootstrap_servers[1]"),
    (|i| i.bootstrap_servers[0] = "broker:0".into(), FieldInvalid, "bootstrap_servers[0]"),
    (|i| i.bootstrap_servers[0] = "a:1,b:2".into(), FieldInvalid, "bootstrap_servers[0]"),
    (|i| i.bootstrap_servers[0] = "SSL://a:1".into(), FieldInvalid, "bootstrap_servers[0]"),
    (|i| i.security_protocol = 0, FieldRequired, "security_protocol"),
    (|i| i.security_protocol = 9, FieldInvalid, "security_protocol"),
    (|i| i.sasl_mechanism = 9, FieldInvalid, "sasl_mechanism"),
    (|i| i.sasl_mechanism = 0, FieldRequired, "sasl_mechanism"),
    (|i| i.kafka_credentials = None, FieldRequired, "kafka_credentials"),
    (
        |i| i.kafka_credentials.as_mut().unwrap().username = None,
        FieldRequired,
        "kafka_credentials.username",
    ),
    (
        |i| i.kafka_credentials.as_mut().unwrap().password = plain("s3cret"),
        FieldInvalid,
        "kafka_credentials.password",
    ),
    (|i| i.oauth_token = Some(environment("TOKEN")), FieldInvalid, "oauth_token"),
    (
        |i| {
            i.sasl_mechanism = v1::SaslMechanism::Oauthbearer.into();
            i.oauth_token = Some(environment("TOKEN"));
        },
        FieldInvalid,
        "kafka_credentials",
    ),
    (|i| *i = v1::Instance { oauth_token: None, ..token_instance() }, FieldRequired, "oauth_token"),
    (|i| i.ca_certificate = plain("PEM"), FieldInvalid, "ca_certificate"),
    (
        |i| i.client_certificate = Some(v1::ClientCertificate::default()),
        FieldRequired,
        "client_certificate.certificate, client_certificate.private_key",
    ),
    (
        |i| i.client_certificate.as_mut().unwrap().private_key = plain("s3cret"),
        FieldInvalid,
        "client_certificate.private_key",
    ),
    (
        |i| i.client_certificate.as_mut().unwrap().private_key_password = plain("s3cret"),
        FieldInvalid,
        "client_certificate.private_key_password",
    ),
    (
        |i| i.security_protocol = SecurityProtocol::SaslPlaintext.into(),
        FieldInvalid,
        "ca_certificate, client_certificate",
    ),
    (
        |i| i.security_protocol = SecurityProtocol::Ssl.into(),
        FieldInvalid,
        "sasl_mechanism, kafka_credentials",
    ),
    (|i| i.vpc_id = "a b".into(), FieldInvalid, "vpc_id"),
    (|i| i.vswitch_id = "a b".into(), FieldInvalid, "vswitch_id"),
    (|i| drop(i.labels.insert("k".repeat(64), String::new())), FieldInvalid, "labels"),
];

#[test]
fn each_rule_violated_once_gives_its_code_and_its_field() {
    for (index, (change, code, fields)) in RULES.iter().enumerate() {
        let mut instance = sasl_instance();
        change(&mut instance);
        let violations = Instance::try_from(instance).unwrap_err();
        let expected: Vec<_> = fields.split(", ").map(|field| (*code, field)).collect();
        assert_eq!(found(&violations), expected, "rule {index}: {violations}");
    }
}

#[test]
fn every_violation_of_an_instance_comes_at_once() {
    let instance = v1::Instance {
        bootstrap_servers: vec!["a".to_owned(), "b:1".to_owned(), "c".to_owned()],
        vpc_id: "/".to_owned(),
        region_id: String::new(),
        ca_certificate: plain("PEM"),
        ..sasl_instance()
    };
    let violations = Instance::try_from(instance).unwrap_err();
    let fields: Vec<_> = found(&violations).into_iter().map(|(_, field)| field).collect();
    let expected =
        ["region_id", "bootstrap_servers[0]", "bootstrap_servers[2]", "ca_certificate", "vpc_id"];
    assert_eq!(fields, expected);
}

#[test]
fn security_left_out_means_plaintext_and_sasl_means_plain() {
    let mut instance = v1::Instance { security_protocol: 0, ..plain_instance() };
    defaults::fill_instance(&mut instance);
    assert_eq!(instance, plain_instance());
    let security = Instance::try_from(instance).unwrap().security;
    assert!(!security.tls && security.sasl.is_none());

    let mut instance = v1::Instance { sasl_mechanism: 0, ..sasl_instance() };
    defaults::fill_instance(&mut instance);
    let security = Instance::try_from(instance).unwrap().security;
    let Some(Sasl::Password { mechanism, .. }) = security.sasl else { panic!("{security:?}") };
    assert_eq!(mechanism, PasswordMechanism::Plain);
}

#[test]
fn the_pool_without_ids_is_called_default() {
    assert_eq!(Pool::default().to_string(), "default");
    assert_eq!(Pool::new("vpc-1", "vsw-1").to_string(), "vpc-1/vsw-1");
}

proptest! {
    #[test]
    fn a_legal_instance_comes_back_as_it_was(
        sasl in any::<bool>(),
        token in any::<bool>(),
        tls in any::<bool>(),
        connectors_disabled in any::<bool>(),
        allow_shared_cluster in any::<bool>(),
    ) {
        let protocol = match (sasl, tls) {
            (false, false) => SecurityProtocol::Plaintext,
            (false, true) => SecurityProtocol::Ssl,
            (true, false) => SecurityProtocol::SaslPlaintext,
            (true, true) => SecurityProtocol::SaslSsl,
        };
        let mut instance = match (sasl, token) {
            (true, true) => token_instance(),
            (true, false) => sasl_instance(),
            (false, _) => plain_instance(),
        };
        instance.ca_certificate = tls.then(|| environment("CA"));
        instance.client_certificate = sasl_instance().client_certificate.filter(|_| tls);
        instance.security_protocol = protocol.into();
        instance.connectors_disabled = connectors_disabled;
        instance.allow_shared_cluster = allow_shared_cluster;
        let domain = Instance::try_from(instance.clone()).unwrap();
        prop_assert_eq!(v1::Instance::from(&domain), instance);
    }
}
