//! Brokers that ask for a password over TLS and a store behind https, as most are that
//! are not on the same host.

use std::fs;

use anyhow::Result;
use kafka2oss_proto::v1;
use kafka2oss_tests::certificate::Authority;
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer, Listener};
use kafka2oss_tests::minio::MinioServer;
use kafka2oss_tests::name::unique;
use kafka2oss_tests::port;
use kafka2oss_tests::produce::numbered;
use kafka2oss_tests::scratch::Scratch;

use crate::deployment::Settings;
use crate::spec::file;
use crate::world::{Store, World};

#[tokio::test(flavor = "multi_thread")]
async fn records_move_where_everything_is_encrypted() -> Result<()> {
    // given servers with certificates of an authority that only the agent is told of
    let authority = Authority::new()?;
    let [port] = port::free()?;
    let listener = Listener { name: "APP", protocol: "SASL_SSL", port, named: port };
    let options = KafkaOptions::default()
        .asking(listener.name, "SCRAM-SHA-512", "app", "right")
        .encrypted(listener, &authority.identity()?);
    let kafka = KafkaServer::start(options).await?;
    let store = MinioServer::start_encrypted(&authority).await?;
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
    let mut world = World::by(&kafka, 3, settings, |instance| {
        instance.bootstrap_servers = vec![format!("127.0.0.1:{port}")];
        instance.set_security_protocol(v1::SecurityProtocol::SaslSsl);
        instance.set_sasl_mechanism(v1::SaslMechanism::ScramSha512);
        instance.kafka_credentials = Some(v1::KafkaCredentials {
            username: Some(file(&user)),
            password: Some(file(&password)),
        });
        instance.ca_certificate = Some(file(&trusted));
    })
    .await?;
    world.store = Store::Encrypted(store);
    let name = unique("bucket");
    world.store.create_bucket(&name).await?;
    world.bucket = world.store.bucket(&name);
    let produced = world.produce(numbered("r", 0..300, 3)).await?;

    // when
    let connector = world.connector().await?;
    connector.run().await?;

    // then
    connector.delivered(&produced).await?;
    world.judge(&produced).await
}
