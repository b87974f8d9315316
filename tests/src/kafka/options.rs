//! How a broker of the harness is set up.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::certificate::Identity;

/// What a test may choose about its broker.
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// The Java heap in MiB.
    pub heap_mib: u32,
    /// Server properties, over the harness's own.
    pub properties: BTreeMap<String, String>,
    /// More ways in.
    pub listeners: Vec<Listener>,
    /// Users of SASL/SCRAM, with their passwords.
    pub users: Vec<(&'static str, &'static str)>,
}

/// One more way into a broker.
#[derive(Debug, Clone)]
pub struct Listener {
    /// Its name, in capitals, and nobody else's.
    pub name: &'static str,
    /// Kafka's `security.protocol`.
    pub protocol: &'static str,
    /// The port that it listens at.
    pub port: u16,
    /// The port that the broker names to clients which come that way: another one,
    /// where they come by a proxy.
    pub named: u16,
}

impl Listener {
    fn at(&self, port: u16) -> String {
        format!(",{}://127.0.0.1:{port}", self.name)
    }
}

impl Default for KafkaOptions {
    fn default() -> Self {
        Self {
            heap_mib: 512,
            properties: BTreeMap::new(),
            listeners: Vec::new(),
            users: Vec::new(),
        }
    }
}

impl KafkaOptions {
    /// With one more server property.
    #[must_use]
    pub fn with(mut self, property: &str, value: &str) -> Self {
        self.properties.insert(property.into(), value.into());
        self
    }

    /// With one more way in.
    #[must_use]
    pub fn listening(mut self, listener: Listener) -> Self {
        self.listeners.push(listener);
        self
    }

    /// With users and passwords asked for by these mechanisms (Kafka's names, with
    /// commas in between) where the listener of this name is.
    #[must_use]
    pub fn asking(
        mut self,
        listener: &str,
        mechanisms: &str,
        user: &'static str,
        password: &'static str,
    ) -> Self {
        const MODULES: &str = "org.apache.kafka.common.security";
        let of = |property| format!("listener.name.{}.{property}", listener.to_lowercase());
        let plain =
            format!("{MODULES}.plain.PlainLoginModule required user_{user}=\"{password}\";");
        let scram = format!("{MODULES}.scram.ScramLoginModule required;");
        self.users.push((user, password));
        self.with(&of("sasl.enabled.mechanisms"), mechanisms)
            .with(&of("plain.sasl.jaas.config"), &plain)
            .with(&of("scram-sha-256.sasl.jaas.config"), &scram)
            .with(&of("scram-sha-512.sasl.jaas.config"), &scram)
    }

    /// With a way in by TLS, where it shows this certificate.
    #[must_use]
    pub fn encrypted(self, listener: Listener, identity: &Identity) -> Self {
        let of =
            |property| format!("listener.name.{}.ssl.{property}", listener.name.to_lowercase());
        // A line's end in a property's value.
        let lines = |pem: &str| pem.trim_end().replace('\n', "\\n");
        self.with(&of("keystore.type"), "PEM")
            .with(&of("keystore.certificate.chain"), &lines(&identity.certificate))
            .with(&of("keystore.key"), &lines(&identity.key))
            .listening(listener)
    }
}

/// The text of a broker's `server.properties`, with its log in the folder `data`.
pub(super) fn server_properties(
    options: &KafkaOptions,
    port: u16,
    controller_port: u16,
    data: &Path,
) -> String {
    let log_dirs = data.display().to_string();
    let mut listeners =
        format!("PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}");
    let mut advertised = format!("PLAINTEXT://127.0.0.1:{port}");
    let mut protocols = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned();
    for listener in &options.listeners {
        listeners += &listener.at(listener.port);
        advertised += &listener.at(listener.named);
        protocols += &format!(",{}:{}", listener.name, listener.protocol);
    }
    let voters = format!("1@127.0.0.1:{controller_port}");
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
