//! Who may talk to the brokers.

use anyhow::Result;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::spec::{Instance, PasswordMechanism, Sasl, SecretSource};
use kafka2oss_kafka::{BrokerAdmin, KafkaAdmin, TestMessage};
use kafka2oss_tests::certificate::Authority;
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};

use crate::support::{connect, instance, write_test_message};

/// A broker with a second listener that asks for user and password (user `app`,
/// password `right`), and that listener's address.
async fn start(options: KafkaOptions) -> Result<(KafkaServer, String)> {
    let kafka = KafkaServer::start(options).await?;
    let address = kafka.second().to_string();
    Ok((kafka, address))
}

fn as_app(address: &str, mechanism: PasswordMechanism, password: &str) -> Instance {
    let mut instance = instance(address);
    instance.security.sasl = Some(Sasl::Password {
        mechanism,
        username: SecretSource::Plain("app".into()),
        password: SecretSource::Plain(password.into()),
    });
    instance
}

#[tokio::test]
async fn a_refused_password_is_told_from_an_unreachable_broker() -> Result<()> {
    let (_kafka, address) = start(KafkaOptions::default().asking("PLAIN", "app", "right")).await?;
    let right = as_app(&address, PasswordMechanism::Plain, "right");
    let wrong = as_app(&address, PasswordMechanism::Plain, "wrong");
    let unknown = as_app(&address, PasswordMechanism::ScramSha256, "right");
    let admin = BrokerAdmin::connect(&wrong).await?;
    let no_scram = BrokerAdmin::connect(&unknown).await?;
    let anonymous = connect(&address).await;

    let (cluster, committed, written, mechanism, without) = tokio::join!(
        admin.cluster_id(),
        admin.committed("g", "t", &[0]),
        async { write_test_message(&wrong, "t", &TestMessage::default()).await },
        no_scram.cluster_id(),
        anonymous.cluster_id(),
    );

    let written = written.unwrap_err();
    assert!(!written.may_stand, "{written}");
    for problem in [cluster.unwrap_err(), committed.unwrap_err(), written.problem] {
        assert_eq!(problem.code, ErrorCode::KafkaAuthenticationFailed, "{problem}");
        assert!(problem.message.contains("Invalid username or password"), "{problem}");
    }
    let mechanism = mechanism.unwrap_err();
    assert_eq!(mechanism.code, ErrorCode::KafkaAuthenticationFailed, "{mechanism}");
    let without = without.unwrap_err();
    assert_eq!(without.code, ErrorCode::KafkaUnreachable, "{without}");
    assert!(without.message.contains("closed by peer"), "what is seen of it: {without}");
    assert!(BrokerAdmin::connect(&right).await?.cluster_id().await?.is_some());
    Ok(())
}

#[tokio::test]
async fn each_mechanism_works_over_tls_and_nobody_talks_to_a_stranger() -> Result<()> {
    let authority = Authority::new()?;
    let mechanisms = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512";
    let options = KafkaOptions::default();
    let options = options.asking_by_tls(mechanisms, "app", "right", &authority.identity()?);
    let (_kafka, address) = start(options).await?;
    let over_tls = |mechanism, trusted: Option<&Authority>| {
        let mut instance = as_app(&address, mechanism, "right");
        instance.security.tls = true;
        instance.security.ca_certificate =
            trusted.map(|authority| SecretSource::Plain(authority.certificate().into()));
        instance
    };

    for mechanism in
        [PasswordMechanism::Plain, PasswordMechanism::ScramSha256, PasswordMechanism::ScramSha512]
    {
        let instance = over_tls(mechanism, Some(&authority));
        assert!(BrokerAdmin::connect(&instance).await?.cluster_id().await?.is_some());
    }

    for trusted in [None, Some(&Authority::new()?)] {
        let instance = over_tls(PasswordMechanism::Plain, trusted);
        let refused = BrokerAdmin::connect(&instance).await?.cluster_id().await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::KafkaTlsFailed, "{refused}");
        assert!(refused.message.contains("certificate verify failed"), "{refused}");
    }
    Ok(())
}
