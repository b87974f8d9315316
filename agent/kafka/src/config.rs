//! librdkafka's settings for an instance.

use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::{Instance, PasswordMechanism, Sasl};
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use secrecy::ExposeSecret;

use crate::oauth;

/// Kafka's `sasl.mechanism` by token.
pub(crate) const OAUTHBEARER: &str = "OAUTHBEARER";

/// The settings that every client of an instance starts from: brokers,
/// security with the secrets resolved anew, timeouts.
///
/// Holds secrets in clear, and its `Debug` shows the user name and others:
/// never log it.
///
/// # Errors
/// Those of [`kafka2oss_secrets::resolve`].
pub async fn client_config(instance: &Instance) -> Result<ClientConfig, Problem> {
    let mut config = ClientConfig::new();
    config
        .set("client.id", "kafka2oss")
        .set("bootstrap.servers", instance.bootstrap_servers.join(","))
        .set("security.protocol", security_protocol(instance))
        // Defaults: 30 s to give a connection attempt up, 60 s for a request,
        // 10 s at most between attempts.
        .set("socket.connection.setup.timeout.ms", "10000")
        .set("socket.timeout.ms", "30000")
        .set("reconnect.backoff.max.ms", "5000")
        // Default: 5 min. Without metadata for this long, the addresses in
        // `bootstrap.servers` are asked again.
        .set("metadata.recovery.rebootstrap.trigger.ms", "15000")
        // NAT gateways and load balancers forget silent connections.
        .set("socket.keepalive.enable", "true")
        // rdkafka takes the level from the `log` crate, which nobody sets up
        // here; what is shown is for `tracing`'s filter to decide.
        .set_log_level(RDKafkaLogLevel::Info);
    if instance.security.tls {
        match &instance.security.ca_certificate {
            Some(source) => {
                let certificates = kafka2oss_secrets::resolve(source).await?;
                config.set("ssl.ca.pem", certificates.expose_secret());
            }
            // The vendored OpenSSL has no certificates of its own: look in the
            // places where systems keep theirs.
            None => {
                config.set("ssl.ca.location", "probe");
            }
        }
        if let Some(client) = &instance.security.client_certificate {
            let certificate = kafka2oss_secrets::resolve(&client.certificate).await?;
            let key = kafka2oss_secrets::resolve(&client.private_key).await?;
            config
                .set("ssl.certificate.pem", certificate.expose_secret())
                .set("ssl.key.pem", key.expose_secret());
            if let Some(password) = &client.private_key_password {
                let password = kafka2oss_secrets::resolve(password).await?;
                config.set("ssl.key.password", password.expose_secret());
            }
        }
    }
    match &instance.security.sasl {
        None => {}
        Some(Sasl::Password { mechanism, username, password }) => {
            let username = kafka2oss_secrets::resolve(username).await?;
            let password = kafka2oss_secrets::resolve(password).await?;
            config
                .set("sasl.mechanism", name(*mechanism))
                .set("sasl.username", username.expose_secret())
                .set("sasl.password", password.expose_secret());
        }
        Some(Sasl::Token(token)) => {
            // One that cannot be read is told at once.
            kafka2oss_secrets::resolve(token).await?;
            config
                .set("sasl.mechanism", OAUTHBEARER)
                .set("sasl.oauthbearer.config", oauth::place(token)?);
        }
    }
    Ok(config)
}

fn security_protocol(instance: &Instance) -> &'static str {
    match (instance.security.sasl.is_some(), instance.security.tls) {
        (false, false) => "PLAINTEXT",
        (false, true) => "SSL",
        (true, false) => "SASL_PLAINTEXT",
        (true, true) => "SASL_SSL",
    }
}

fn name(mechanism: PasswordMechanism) -> &'static str {
    match mechanism {
        PasswordMechanism::Plain => "PLAIN",
        PasswordMechanism::ScramSha256 => "SCRAM-SHA-256",
        PasswordMechanism::ScramSha512 => "SCRAM-SHA-512",
    }
}
