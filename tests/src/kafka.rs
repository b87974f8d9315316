//! Apache Kafka 4.1.0 in KRaft mode, one node that is broker and controller.

mod options;

use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use self::options::{Ports, server_properties};
use crate::child::ChildProcess;
use crate::kafka_access::KafkaAccess;
use crate::scratch::Scratch;
use crate::wait::eventually;
use crate::{environment, name, port};

pub use self::options::{KafkaOptions, Listener};

const START_LIMIT: Duration = Duration::from_secs(90);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const BIND_ATTEMPTS: usize = 3;
const LOG4J: &str = include_str!("../kafka/log4j2.properties");

/// A running broker with data of its own.
#[derive(Debug)]
pub struct KafkaServer {
    // Before the folder: fields are dropped in order.
    child: ChildProcess,
    scratch: Scratch,
    options: KafkaOptions,
    access: KafkaAccess,
    ports: Ports,
}

impl Deref for KafkaServer {
    type Target = KafkaAccess;

    fn deref(&self) -> &KafkaAccess {
        &self.access
    }
}

/// The one broker that the tests of a test binary share: started by the first
/// that asks, ended with the process. Tests keep apart by names
/// ([`crate::name::unique`]) and leave its settings alone; one that stops or
/// freezes its broker starts its own.
pub async fn shared_kafka() -> Result<&'static KafkaServer> {
    static SHARED: OnceCell<KafkaServer> = OnceCell::const_new();
    SHARED.get_or_try_init(|| KafkaServer::start(KafkaOptions::default())).await
}

impl KafkaServer {
    /// Formats a new data folder, starts a broker on it and awaits its answer.
    pub async fn start(options: KafkaOptions) -> Result<Self> {
        let mut attempt = 1;
        loop {
            match Self::start_on_free_ports(options.clone()).await {
                // Another process took a port after it was found free.
                Err(error)
                    if attempt < BIND_ATTEMPTS
                        && format!("{error:#}").contains("Address already in use") =>
                {
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn start_on_free_ports(options: KafkaOptions) -> Result<Self> {
        let [first, second, controller] = port::free()?;
        let ports = Ports { first, second, controller };
        let scratch = Scratch::new("kafka")?;
        write_properties(&scratch, &options, ports)?;

        let mut format = java(&scratch, "kafka.tools.StorageTool", 256)?;
        format.args(["format", "--cluster-id", &name::unique("cluster")]);
        format.arg("--config").arg(scratch.join("server.properties"));
        for (user, password) in &options.users {
            for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
                let user = format!("{mechanism}=[name={user},password={password}]");
                format.arg("--add-scram").arg(user);
            }
        }
        let mut format = ChildProcess::spawn("Kafka's format", format, scratch.join("format.log"))?;
        let status = format.wait_exit(START_LIMIT).await?;
        ensure!(status.success(), "cannot format Kafka's storage\n{}", format.log_tail());

        let child = spawn(&scratch, &options)?;
        let mut server = Self { child, scratch, options, access: KafkaAccess::at(first), ports };
        server.ready().await?;
        Ok(server)
    }

    /// The way to it.
    pub fn access(&self) -> KafkaAccess {
        self.access
    }

    /// Where its second way in is: of a broker that has one.
    pub fn second(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports.second))
    }

    /// Stops it as an operator would, by SIGTERM; data and port stay its own.
    pub async fn stop(&mut self) -> Result<()> {
        self.child.term()?;
        self.child.wait_exit(STOP_LIMIT).await?;
        Ok(())
    }

    /// Starts it again after [`KafkaServer::stop`] or [`KafkaServer::kill9`], on
    /// the same port and data, and awaits its answer.
    ///
    /// After a kill the controller refuses the broker until the dead one's
    /// session is over: 9 s by `broker.session.timeout.ms`, which a test that
    /// kills may lower.
    pub async fn start_again(&mut self) -> Result<()> {
        ensure!(self.child.exit_status()?.is_some(), "the broker still runs: stop it first");
        self.child = spawn(&self.scratch, &self.options)?;
        self.ready().await
    }

    /// The same at another port, which it names to clients from then on, too: what had
    /// been its way in leads nowhere.
    pub async fn start_again_at(&mut self, port: u16) -> Result<()> {
        ensure!(self.child.exit_status()?.is_some(), "the broker still runs: stop it first");
        self.ports.first = port;
        self.access = KafkaAccess::at(port);
        write_properties(&self.scratch, &self.options, self.ports)?;
        self.start_again().await
    }

    /// Takes from it all that it holds of a partition, as a disk that is lost does:
    /// the next start begins with an empty log, under a later leader epoch. To be
    /// called after [`KafkaServer::stop`].
    pub fn lose_log(&mut self, topic: &str, partition: i32) -> Result<()> {
        ensure!(self.child.exit_status()?.is_some(), "the broker still runs: stop it first");
        let log = self.scratch.join("data").join(format!("{topic}-{partition}"));
        fs::remove_dir_all(&log).with_context(|| format!("no log at {}", log.display()))
    }

    /// Kills it: nothing is flushed, no connection is closed in order.
    pub fn kill9(&mut self) -> Result<()> {
        self.child.kill9()
    }

    /// Freezes it: connections stay open, nothing is answered.
    pub fn pause(&mut self) -> Result<()> {
        self.child.pause()
    }

    /// Lets it go on after [`KafkaServer::pause`].
    pub fn resume(&mut self) -> Result<()> {
        self.child.resume()
    }

    /// The process, for its id and its log.
    pub fn process(&self) -> &ChildProcess {
        &self.child
    }

    async fn ready(&mut self) -> Result<()> {
        let consumer: BaseConsumer = client_config(&self.bootstrap()).create()?;
        let consumer = Arc::new(consumer);
        let child = &mut self.child;
        let what = "Kafka answers with itself as a live broker";
        let answered = eventually(what, START_LIMIT, async || {
            if let Some(status) = child.exit_status()? {
                return Ok(Some(Err(status)));
            }
            let consumer = consumer.clone();
            // A broker is in the answer from the moment that the controller has
            // unfenced it.
            let metadata =
                spawn_blocking(move || consumer.fetch_metadata(None, Duration::from_secs(2)))
                    .await??;
            Ok((!metadata.brokers().is_empty()).then_some(Ok(())))
        })
        .await
        .with_context(|| child.log_tail())?;
        if let Err(status) = answered {
            bail!("Kafka ended while it started ({status})\n{}", child.log_tail());
        }
        Ok(())
    }
}

/// A client of a test: as librdkafka's defaults, but quick to connect again
/// after a broker's restart.
pub(crate) fn client_config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("broker.address.family", "v4")
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "200");
    config
}

fn write_properties(scratch: &Scratch, options: &KafkaOptions, ports: Ports) -> Result<()> {
    let properties = server_properties(options, ports, &scratch.join("data"));
    Ok(fs::write(scratch.join("server.properties"), properties)?)
}

fn spawn(scratch: &Scratch, options: &KafkaOptions) -> Result<ChildProcess> {
    let mut command = java(scratch, "kafka.Kafka", options.heap_mib)?;
    command.arg(scratch.join("server.properties"));
    ChildProcess::spawn("Kafka", command, scratch.join("server.log"))
}

fn java(scratch: &Scratch, class: &str, heap_mib: u32) -> Result<Command> {
    let heap = format!("-Xmx{heap_mib}m");
    // On the few cores that the tests share, the quick compiler and one collector
    // thread leave more for the product than the defaults do.
    java_program(scratch, class, &["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", &heap])
}

/// Runs a class of Apache Kafka's jars in the folder `scratch`, with these options
/// of the Java machine. Its warnings and errors go to its standard output.
pub fn java_program(scratch: &Scratch, class: &str, options: &[&str]) -> Result<Command> {
    let log4j_file = scratch.join("log4j2.properties");
    fs::write(&log4j_file, LOG4J)?;
    let mut log4j = OsString::from("-Dlog4j2.configurationFile=");
    log4j.push(log4j_file);
    let mut command = Command::new(environment::java());
    command
        .args(options)
        .arg(log4j)
        .arg("-cp")
        .arg(environment::kafka_libs()?.join("*"))
        .arg(class)
        .current_dir(scratch.path());
    Ok(command)
}
