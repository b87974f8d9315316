//! Who may talk to the brokers.

use std::fs::OpenOptions;
use std::io::Write as _;

use anyhow::{Context as _, Result};
use kafka2oss_kafka::{BrokerAdmin, KafkaAdmin, TestMessage, produce_test_message};
use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::spec::{Instance, Sasl, SaslMechanism, SecretSource};
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};
use kafka2oss_tests::port;

use crate::support::{connect, instance};

/// A broker with a second listener that asks for user and password (user `app`,
/// password `right`), and that listener's address.
async fn sasl_broker() -> Result<(KafkaServer, String)> {
    let options = KafkaOptions::default()
        .with(
            "listener.security.protocol.map",
            "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT",
        )
        .with("listener.name.sasl.sasl.enabled.mechanisms", "PLAIN")
        .with(
            "listener.name.sasl.plain.sasl.jaas.config",
            "org.apache.kafka.common.security.plain.PlainLoginModule required user_app=\"right\";",
        );
    let mut kafka = KafkaServer::start(options).await?;
    kafka.stop().await?;
    let [port, controller] = port::free()?;
    let (plain, address) = (kafka.bootstrap(), format!("127.0.0.1:{port}"));
    let folder = kafka.process().log_path().parent().context("the log has a folder")?;
    let mut properties = OpenOptions::new().append(true).open(folder.join("server.properties"))?;
    // Of a property that stands twice the last counts.
    let brokers = format!("PLAINTEXT://{plain},SASL://{address}");
    writeln!(properties, "listeners={brokers},CONTROLLER://127.0.0.1:{controller}")?;
    writeln!(properties, "advertised.listeners={brokers}")?;
    writeln!(properties, "controller.quorum.voters=1@127.0.0.1:{controller}")?;
    kafka.start_again().await?;
    Ok((kafka, address))
}

fn as_app(address: &str, mechanism: SaslMechanism, password: &str) -> Instance {
    let mut instance = instance(address);
    instance.security.sasl = Some(Sasl {
        mechanism,
        username: SecretSource::Plain("app".into()),
        password: SecretSource::Plain(password.into()),
    });
    instance
}

#[tokio::test]
async fn a_refused_password_is_told_from_an_unreachable_broker() -> Result<()> {
    let (_kafka, address) = sasl_broker().await?;
    let right = as_app(&address, SaslMechanism::Plain, "right");
    let wrong = as_app(&address, SaslMechanism::Plain, "wrong");
    let unknown = as_app(&address, SaslMechanism::ScramSha256, "right");
    let admin = BrokerAdmin::connect(&wrong).await?;
    let no_scram = BrokerAdmin::connect(&unknown).await?;
    let anonymous = connect(&address).await;

    let (cluster, committed, written, mechanism, without) = tokio::join!(
        admin.cluster_id(),
        admin.committed("g", "t", &[0]),
        async { produce_test_message(&wrong, "t", &TestMessage::default()).await },
        no_scram.cluster_id(),
        anonymous.cluster_id(),
    );

    for problem in [cluster.unwrap_err(), committed.unwrap_err(), written.unwrap_err()] {
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
