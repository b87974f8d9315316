//! How a broker of the harness is set up.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::certificate::Identity;

/// Names of the listeners: each broker's first, and the second that it may have.
const FIRST: &str = "PLAINTEXT";
const SECOND: &str = "SECOND";

/// What a test may choose about its broker.
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// The Java heap in MiB.
    pub heap_mib: u32,
    /// Server properties, over the harness's own.
    pub properties: BTreeMap<String, String>,
    /// A second way in.
    pub second: Option<Listener>,
    /// Users of SASL/SCRAM, with their passwords.
    pub users: Vec<(&'static str, &'static str)>,
}

/// A second way into a broker.
#[derive(Debug, Clone, Copy)]
pub struct Listener {
    /// Kafka's `security.protocol`.
    pub protocol: &'static str,
    /// The port that the broker names to clients which come that way, where it is not
    /// its own: a proxy's.
    pub proxy: Option<u16>,
}

/// Where a broker listens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) first: u16,
    pub(super) second: u16,
    pub(super) controller: u16,
}

impl Default for KafkaOptions {
    fn default() -> Self {
        Self { heap_mib: 512, properties: BTreeMap::new(), second: None, users: Vec::new() }
    }
}

impl KafkaOptions {
    /// With one more server property.
    #[must_use]
    pub fn with(mut self, property: &str, value: &str) -> Self {
        self.properties.insert(property.into(), value.into());
        self
    }

    /// With a property of the second way in.
    fn with_second(self, property: &str, value: &str) -> Self {
        self.with(&format!("listener.name.{}.{property}", SECOND.to_lowercase()), value)
    }

    /// With a second way in that is as the first one, but for a proxy in front of it
    /// that listens at this port.
    #[must_use]
    pub fn behind(self, proxy: u16) -> Self {
        self.advertising("PLAINTEXT", proxy)
    }

    /// With a second way in that asks for user and password by one of these mechanisms
    /// (Kafka's names, with commas in between).
    #[must_use]
    pub fn asking(self, mechanisms: &str, user: &'static str, password: &'static str) -> Self {
        const MODULES: &str = "org.apache.kafka.common.security";
        let plain =
            format!("{MODULES}.plain.PlainLoginModule required user_{user}=\"{password}\";");
        let scram = format!("{MODULES}.scram.ScramLoginModule required;");
        let second = Some(Listener { protocol: "SASL_PLAINTEXT", proxy: None });
        let users = if mechanisms.contains("SCRAM") { vec![(user, password)] } else { Vec::new() };
        Self { second, users, ..self }
            .with_second("sasl.enabled.mechanisms", mechanisms)
            .with_second("plain.sasl.jaas.config", &plain)
            .with_second("scram-sha-256.sasl.jaas.config", &scram)
            .with_second("scram-sha-512.sasl.jaas.config", &scram)
    }

    /// With a second way in that asks for a token, and believes what that says of itself.
    #[must_use]
    pub fn asking_for_tokens(self) -> Self {
        let module = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule \
                      required unsecuredLoginStringClaim_sub=\"broker\";";
        let second = Some(Listener { protocol: "SASL_PLAINTEXT", proxy: None });
        Self { second, ..self }
            .with_second("sasl.enabled.mechanisms", "OAUTHBEARER")
            .with_second("oauthbearer.sasl.jaas.config", module)
    }

    /// With access rules: who comes the first way may do everything, a user of the
    /// second one only what [`crate::topic::KafkaAdmin::allow`] says.
    #[must_use]
    pub fn with_access_rules(self) -> Self {
        self.with(
            "authorizer.class.name",
            "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        )
        .with("super.users", "User:ANONYMOUS")
    }

    /// With a second way in of which it says to clients that it is at this port of
    /// loopback, by this protocol (Kafka's `security.protocol`).
    #[must_use]
    pub fn advertising(self, protocol: &'static str, port: u16) -> Self {
        Self { second: Some(Listener { protocol, proxy: Some(port) }), ..self }
    }

    /// The same by TLS, where it shows this certificate.
    #[must_use]
    pub fn asking_by_tls(
        self,
        mechanisms: &str,
        user: &'static str,
        password: &'static str,
        identity: &Identity,
    ) -> Self {
        let asking = self.asking(mechanisms, user, password);
        let second = Some(Listener { protocol: "SASL_SSL", proxy: None });
        Self { second, ..asking }.showing(identity)
    }

    /// With a second way in by TLS, where it shows this certificate and asks for one of
    /// this authority (PEM).
    #[must_use]
    pub fn asking_for_certificates(self, identity: &Identity, authority: &str) -> Self {
        let second = Some(Listener { protocol: "SSL", proxy: None });
        Self { second, ..self }
            .showing(identity)
            .with_second("ssl.client.auth", "required")
            .with_second("ssl.truststore.type", "PEM")
            .with_second("ssl.truststore.certificates", &lines(authority))
    }

    /// Showing this certificate at the second way in.
    fn showing(self, identity: &Identity) -> Self {
        self.with_second("ssl.keystore.type", "PEM")
            .with_second("ssl.keystore.certificate.chain", &lines(&identity.certificate))
            .with_second("ssl.keystore.key", &lines(&identity.key))
    }
}

/// With its ends of lines as a property's value has them.
fn lines(pem: &str) -> String {
    pem.trim_end().replace('\n', "\\n")
}

/// The text of a broker's `server.properties`, with its log in the folder `data`.
pub(super) fn server_properties(options: &KafkaOptions, ports: Ports, data: &Path) -> String {
    let log_dirs = data.display().to_string();
    let at = |name: &str, port: u16| format!("{name}://127.0.0.1:{port}");
    let (mut listeners, mut advertised) = (at(FIRST, ports.first), at(FIRST, ports.first));
    let mut protocols = format!("{FIRST}:PLAINTEXT,CONTROLLER:PLAINTEXT");
    if let Some(Listener { protocol, proxy }) = options.second {
        listeners += &format!(",{}", at(SECOND, ports.second));
        advertised += &format!(",{}", at(SECOND, proxy.unwrap_or(ports.second)));
        protocols += &format!(",{SECOND}:{protocol}");
    }
    listeners += &format!(",{}", at("CONTROLLER", ports.controller));
    let voters = format!("1@127.0.0.1:{}", ports.controller);
    let mut properties: BTreeMap<&str, &str> = BTreeMap::from([
        ("process.roles", "broker,controller"),
        ("node.id", "1"),
        ("listeners", &listeners),
        ("advertised.listeners", &advertised),
        ("listener.security.protocol.map", &protocols),
        ("controller.listener.names", "CONTROLLER"),
        ("controller.quorum.voters", &voters),
        ("log.dirs", &log_dirs),
        // Topics exist when a test or the product creates them.
        ("auto.create.topics.enable", "false"),
        // One node.
        ("offsets.topic.replication.factor", "1"),
        ("transaction.state.log.replication.factor", "1"),
        ("transaction.state.log.min.isr", "1"),
        ("share.coordinator.state.topic.replication.factor", "1"),
        ("share.coordinator.state.topic.min.isr", "1"),
        // Fewer files than the default of 50 partitions each.
        ("offsets.topic.num.partitions", "4"),
        ("transaction.state.log.num.partitions", "4"),
        // Groups form at once, and tests may use short sessions.
        ("group.initial.rebalance.delay.ms", "0"),
        ("group.min.session.timeout.ms", "1000"),
        // Records with timestamps of years ago stay.
        ("log.retention.ms", "-1"),
        // The default of 128 MiB does not fit a small heap.
        ("log.cleaner.dedupe.buffer.size", "2097152"),
        ("num.network.threads", "2"),
        ("num.io.threads", "4"),
    ]);
    for (property, value) in &options.properties {
        properties.insert(property, value);
    }
    let mut text = String::new();
    for (property, value) in properties {
        writeln!(text, "{property}={value}").expect("a String takes all");
    }
    text
}
