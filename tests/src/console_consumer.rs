//! Apache Kafka's own console consumer, as somebody runs it to have a look at a topic.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use crate::child::ChildProcess;
use crate::kafka::java_program;
use crate::name::unique;
use crate::scratch::Scratch;

/// A console consumer that is a member of a group. Dropped, it is killed: its session
/// then ends after 6 s.
#[derive(Debug)]
pub struct ConsoleConsumer {
    process: ChildProcess,
    _scratch: Scratch,
}

impl ConsoleConsumer {
    /// Has one join `group` with these further settings of a consumer; without any it
    /// has Java's default assignors, range and cooperative-sticky.
    ///
    /// # Errors
    /// When Java or its settings cannot be made.
    pub fn join(
        bootstrap: &str,
        topic: &str,
        group: &str,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let scratch = Scratch::new("console-consumer")?;
        let class = "org.apache.kafka.tools.consumer.ConsoleConsumer";
        let options = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m"];
        let mut command = java_program(&scratch, class, &options)?;
        command.args(["--bootstrap-server", bootstrap, "--topic", topic, "--group", group]);
        for (name, value) in [("session.timeout.ms", "6000")].iter().chain(settings) {
            command.args(["--consumer-property", &format!("{name}={value}")]);
        }
        let log: PathBuf = scratch.join(unique("log"));
        let process = ChildProcess::spawn("console consumer", command, log)?;
        Ok(Self { process, _scratch: scratch })
    }

    /// Waits until it has printed this: it has been given the partition of a record
    /// with this value.
    ///
    /// # Errors
    /// When it does not within `limit`.
    pub async fn printed(&self, text: &str, limit: Duration) -> Result<()> {
        self.process.logged(text, limit).await.map(|_| ())
    }
}
