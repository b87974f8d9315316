//! Brokers that ask for a password over TLS and a store behind https, as most are that
//! are not on the same host.

use std::fs;

use anyhow::Result;
use kafka2oss_proto::v1;
use kafka2oss_tests::certificate::Authority;
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};
use kafka2oss_tests::minio::MinioServer;
use kafka2oss_tests::produce::numbered;
use kafka2oss_tests::scratch::Scratch;

use crate::deployment::Settings;
use crate::spec::file;
use crate::world::{Minio, Store, World};

#[tokio::test(flavor = "multi_thread")]
async fn records_move_where_everything_is_encrypted() -> Result<()> {
    // given servers with certificates of an authority that the agent is told of
    let authority = Authority::new()?;
    let options = KafkaOptions::default();
    let options = options.asking_by_tls("SCRAM-SHA-512", "app", "right", &authority.identity()?);
    let kafka = KafkaServer::start(options).await?;
    let store = Store::Minio(Minio::Own(MinioServer::start_encrypted(&authority).await?));
    let folder = Scratch::new("secrets")?;
    let secret = |name: &str, content: &str| {
        let path = folder.join(name);
        fs::write(&path, content).map(|()| path)
    };
    let trusted = secret("authority.pem", &authority.certificate())?;
    let (user, password) = (secret("user", "app")?, secret("password", "right")?);
    let settings = Settings {
        environment: vec![("SSL_CERT_FILE", trusted.display().to_string())],
        ..Settings::default()
    };
    let world = World::between(&kafka, store, 3, settings, |instance| {
        instance.bootstrap_servers = vec![kafka.second().to_string()];
        instance.set_security_protocol(v1::SecurityProtocol::SaslSsl);
        instance.set_sasl_mechanism(v1::SaslMechanism::ScramSha512);
        instance.kafka_credentials = Some(v1::KafkaCredentials {
            username: Some(file(&user)),
            password: Some(file(&password)),
        });
        instance.ca_certificate = Some(file(&trusted));
    })
    .await?;
    let produced = world.produce(numbered("r", 0..300, 3)).await?;

    // when
    let connector = world.connector().await?;
    connector.run().await?;

    // then
    connector.delivered(&produced).await?;
    world.judge(&produced).await
}
