//! Brokers that ask who the agent is by a certificate.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::{ClientCertificate, Instance, SecretSource};
use kafka2oss_kafka::{BrokerAdmin, KafkaAdmin};
use kafka2oss_tests::certificate::{Authority, ENCRYPTED_KEY, Identity};
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};
use kafka2oss_tests::scratch::Scratch;

use crate::support::instance;

fn plain(text: &str) -> SecretSource {
    SecretSource::Plain(text.into())
}

/// With what an agent shows, if anything.
fn showing(address: &str, trusted: &Authority, client: Option<&Identity>) -> Instance {
    let mut instance = instance(address);
    instance.security.tls = true;
    instance.security.ca_certificate = Some(plain(&trusted.certificate()));
    instance.security.client_certificate = client.map(|client| ClientCertificate {
        certificate: plain(&client.certificate),
        private_key: plain(&client.key),
        private_key_password: None,
    });
    instance
}

async fn asked(instance: &Instance) -> Result<Option<String>, Problem> {
    BrokerAdmin::connect(instance).await?.cluster_id().await
}

async fn refused(instance: &Instance, words: &str) -> Result<()> {
    let problem = asked(instance).await.unwrap_err();
    ensure!(problem.code == ErrorCode::KafkaTlsFailed, "{problem}");
    ensure!(problem.message.contains(words), "`{words}` is not in: {problem}");
    Ok(())
}

#[tokio::test]
async fn brokers_that_ask_for_a_certificate_are_shown_it_or_say_what_is_wrong() -> Result<()> {
    let (authority, stranger) = (Authority::new()?, Authority::new()?);
    let options = KafkaOptions::default();
    let options = options.asking_for_certificates(&authority.identity()?, &authority.certificate());
    let kafka = KafkaServer::start(options).await?;
    let address = kafka.second().to_string();
    let own = authority.client()?;

    assert!(asked(&showing(&address, &authority, Some(&own))).await?.is_some());

    let foreign = Identity { key: authority.identity()?.key, ..own.clone() };
    let broken = Identity { key: "no key".to_owned(), ..own.clone() };
    let encrypted = Identity { key: ENCRYPTED_KEY.to_owned(), ..own };
    let shown = |client: &Identity| showing(&address, &authority, Some(client));
    let mut with_password = shown(&encrypted);
    let Some(client) = &mut with_password.security.client_certificate else { unreachable!() };
    client.private_key_password = Some(plain("password"));
    assert!(asked(&with_password).await?.is_some());

    let none = showing(&address, &authority, None);
    let (of_stranger, expired) = (stranger.client()?, authority.client_until(2001)?);
    let (of_stranger, expired) = (shown(&of_stranger), shown(&expired));
    let (foreign, broken, encrypted) = (shown(&foreign), shown(&broken), shown(&encrypted));
    tokio::try_join!(
        refused(&none, "asks for a client's certificate"),
        refused(&of_stranger, "client's certificate"),
        refused(&expired, "refuses this client's certificate, which has expired"),
        refused(&foreign, "key values mismatch"),
        refused(&broken, "ssl.key.pem"),
        refused(&encrypted, "ssl.key.pem"),
    )?;
    Ok(())
}

#[tokio::test]
async fn a_certificate_that_was_renewed_on_disk_is_shown_by_the_next_client() -> Result<()> {
    let authority = Authority::new()?;
    let options = KafkaOptions::default();
    let options = options.asking_for_certificates(&authority.identity()?, &authority.certificate());
    let kafka = KafkaServer::start(options).await?;
    let folder = Scratch::new("certificate")?;
    let (certificate, key) = (folder.join("client.pem"), folder.join("client.key"));
    let write = |client: &Identity| -> Result<()> {
        fs::write(&certificate, &client.certificate)?;
        Ok(fs::write(&key, &client.key)?)
    };
    let file = |path: &Path| SecretSource::File(path.display().to_string());
    let mut instance = showing(&kafka.second().to_string(), &authority, None);
    instance.security.client_certificate = Some(ClientCertificate {
        certificate: file(&certificate),
        private_key: file(&key),
        private_key_password: None,
    });

    write(&authority.client_until(2001)?)?;
    refused(&instance, "expired").await?;

    write(&authority.client()?)?;
    assert!(asked(&instance).await?.is_some());
    Ok(())
}
