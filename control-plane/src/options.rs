//! What an operator can set.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

/// Port that the control plane listens on unless told otherwise.
const DEFAULT_PORT: u16 = 7250;

/// When running tasks move to agents that are less full than others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Rebalancing {
    /// Whenever that evens out a pool, as after agents joined; gently.
    #[default]
    Auto,
    /// When AgentService.Rebalance asks for it.
    Off,
}

/// Whether Deploy checks before what a connector needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Preflight {
    /// It does not.
    #[default]
    Off,
    /// It does so beside the deployment, and the connector's log says what is wrong.
    Warn,
    /// It does so before, and refuses where a check fails.
    Strict,
}

/// What an operator can set of a control plane.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Options {
    /// Address to listen on for clients; for agents, too, unless they have one of their own.
    #[arg(long, env = "KAFKA2OSS_LISTEN", default_value_t = default_listen())]
    pub listen: SocketAddr,

    /// Address to listen on for agents alone; the other one does not serve them then.
    #[arg(long, env = "KAFKA2OSS_AGENT_LISTEN", value_name = "ADDRESS")]
    pub agent_listen: Option<SocketAddr>,

    /// Allow an address that is not loopback although there is no TLS.
    #[arg(long, env = "KAFKA2OSS_INSECURE_LISTEN")]
    pub insecure_listen: bool,

    /// Folder of the store; made when missing. One process a folder.
    #[arg(long, env = "KAFKA2OSS_DATA_DIR", default_value = "kafka2oss-data")]
    pub data_dir: PathBuf,

    /// Go on where the store has lost data: with what is left of it. For one
    /// start, when there is no backup to restore.
    #[arg(long, env = "KAFKA2OSS_ACCEPT_LOSS")]
    pub accept_loss: bool,

    /// An agent that is not heard of for this long loses its tasks.
    #[arg(long, env = "KAFKA2OSS_LEASE", default_value = "30s", value_parser = parse_duration)]
    pub lease: Duration,

    /// How often agents should be heard of; a sixth of the lease by default.
    #[arg(long, env = "KAFKA2OSS_HEARTBEAT_INTERVAL", value_parser = parse_duration)]
    pub heartbeat_interval: Option<Duration>,

    /// Whether running tasks move by themselves to agents that are less full, as
    /// after agents joined.
    #[arg(long, env = "KAFKA2OSS_REBALANCE", value_enum, default_value_t)]
    pub rebalance: Rebalancing,

    /// How often tasks move to even out a pool: each time one, or a hundredth of
    /// the pool's. The first ones move so long after a pool became uneven.
    #[arg(
        long,
        env = "KAFKA2OSS_REBALANCE_INTERVAL",
        default_value = "10s",
        value_parser = parse_duration
    )]
    pub rebalance_interval: Duration,

    /// Values that thread_concurrency may have.
    #[arg(
        long,
        env = "KAFKA2OSS_ALLOWED_CONCURRENCY",
        value_delimiter = ',',
        default_values_t = [6, 12]
    )]
    pub allowed_concurrency: Vec<u32>,

    /// Whether Deploy checks before what a connector needs, where a request does not say.
    #[arg(long, env = "KAFKA2OSS_PREFLIGHT", value_enum, default_value_t)]
    pub preflight: Preflight,

    /// Time that an agent has for the checks of ValidateConnector, which end by themselves
    /// after 30 s.
    #[arg(
        long,
        env = "KAFKA2OSS_PREFLIGHT_TIMEOUT",
        default_value = "40s",
        value_parser = parse_duration
    )]
    pub preflight_timeout: Duration,

    /// Unary requests under way at most; more are refused.
    #[arg(long, env = "KAFKA2OSS_MAX_REQUESTS", default_value_t = 256)]
    pub max_requests: usize,

    /// Watches of connectors that are open at most; more are refused.
    #[arg(long, env = "KAFKA2OSS_MAX_WATCHES", default_value_t = 4_096)]
    pub max_watches: usize,

    /// Those of one address, of which several clients may come.
    #[arg(long, env = "KAFKA2OSS_MAX_WATCHES_OF_PEER", default_value_t = 2_048)]
    pub max_watches_of_peer: usize,

    /// Connections that are open at most; more are closed as they come. Never more than the
    /// process may have files, less 256.
    #[arg(long, env = "KAFKA2OSS_MAX_CONNECTIONS", default_value_t = 8_192)]
    pub max_connections: usize,

    /// Those of one address, of which many agents may come.
    #[arg(long, env = "KAFKA2OSS_MAX_CONNECTIONS_OF_PEER", default_value_t = 4_096)]
    pub max_connections_of_peer: usize,

    /// How much of connectors' logs and of previews of dead letters the data folder keeps, in
    /// MiB, so that a restart does not lose them; 0 for nothing.
    #[arg(long, env = "KAFKA2OSS_CONNECTOR_LOGS_MIB", default_value_t = 256)]
    pub connector_logs_mib: u32,

    /// Deadline of unary requests that come without one.
    #[arg(
        long,
        env = "KAFKA2OSS_REQUEST_TIMEOUT",
        default_value = "60s",
        value_parser = parse_duration
    )]
    pub request_timeout: Duration,
}

impl Options {
    /// The defaults, with the store in `data_dir`.
    pub fn at(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            listen: default_listen(),
            agent_listen: None,
            insecure_listen: false,
            data_dir: data_dir.into(),
            accept_loss: false,
            lease: Duration::from_secs(30),
            heartbeat_interval: None,
            rebalance: Rebalancing::Auto,
            rebalance_interval: Duration::from_secs(10),
            allowed_concurrency: vec![6, 12],
            preflight: Preflight::Off,
            preflight_timeout: Duration::from_secs(40),
            max_requests: 256,
            max_watches: 4_096,
            max_watches_of_peer: 2_048,
            max_connections: 8_192,
            max_connections_of_peer: 4_096,
            connector_logs_mib: 256,
            request_timeout: Duration::from_secs(60),
        }
    }

    /// How often agents should be heard of.
    pub(crate) fn heartbeat(&self) -> Duration {
        self.heartbeat_interval.unwrap_or(self.lease / 6).max(Duration::from_millis(10))
    }

    /// What is wrong with these options, for the operator.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        for address in std::iter::once(self.listen).chain(self.agent_listen) {
            anyhow::ensure!(
                self.insecure_listen || address.ip().is_loopback(),
                "{address} is not a loopback address and there is no TLS yet: listen on \
                 127.0.0.1, or allow it with --insecure-listen where the network is trusted"
            );
        }
        anyhow::ensure!(
            self.agent_listen != Some(self.listen) || self.listen.port() == 0,
            "--listen and --agent-listen are both {}: leave --agent-listen out to serve clients \
             and agents there",
            self.listen
        );
        anyhow::ensure!(
            (Duration::from_millis(100)..=Duration::from_secs(24 * 60 * 60)).contains(&self.lease),
            "a lease of {:?} is not 100 ms to 24 h",
            self.lease
        );
        anyhow::ensure!(
            self.heartbeat() < self.lease,
            "the heartbeat interval ({:?}) must be shorter than the lease ({:?})",
            self.heartbeat(),
            self.lease
        );
        anyhow::ensure!(
            (Duration::from_millis(100)..=Duration::from_secs(24 * 60 * 60))
                .contains(&self.rebalance_interval),
            "a rebalance interval of {:?} is not 100 ms to 24 h",
            self.rebalance_interval
        );
        anyhow::ensure!(
            !self.allowed_concurrency.is_empty() && !self.allowed_concurrency.contains(&0),
            "allowed_concurrency needs at least one value, each 1 or more"
        );
        anyhow::ensure!(
            (Duration::from_millis(100)..=Duration::from_secs(10 * 60))
                .contains(&self.preflight_timeout),
            "a preflight timeout of {:?} is not 100 ms to 10 min",
            self.preflight_timeout
        );
        anyhow::ensure!(self.max_requests > 0, "max_requests must be 1 or more");
        anyhow::ensure!(
            self.max_watches > 0 && self.max_watches_of_peer > 0,
            "max_watches and max_watches_of_peer must be 1 or more"
        );
        anyhow::ensure!(
            self.max_connections > 0 && self.max_connections_of_peer > 0,
            "max_connections and max_connections_of_peer must be 1 or more"
        );
        Ok(())
    }
}

fn default_listen() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT))
}

/// Reads `500ms`, `30s`, `5m` or `1h`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration: a number with ms, s, m or h, such as 30s");
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => None,
    };
    milliseconds.map(Duration::from_millis).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_unit() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("5m"), Ok(Duration::from_secs(300)));
        for wrong in ["", "30", "s", "1d", "-1s", "99999999999999999h"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_address_that_is_not_loopback_needs_consent() {
        let mut options = Options::at("data");
        assert!(options.check().is_ok());
        options.listen = SocketAddr::from(([0, 0, 0, 0], 7250));
        let refusal = options.check().expect_err("refused").to_string();
        assert!(refusal.contains("--insecure-listen"), "{refusal}");
        options.insecure_listen = true;
        assert!(options.check().is_ok());

        let mut options = Options::at("data");
        options.agent_listen = Some(SocketAddr::from(([0, 0, 0, 0], 7251)));
        let refusal = options.check().expect_err("refused").to_string();
        assert!(refusal.contains("0.0.0.0:7251"), "{refusal}");
    }

    #[test]
    fn an_address_that_is_named_twice_is_refused() {
        let mut options = Options::at("data");
        options.agent_listen = Some(options.listen);
        let refusal = options.check().expect_err("refused").to_string();
        assert!(refusal.contains("leave --agent-listen out"), "{refusal}");
    }

    #[test]
    fn flags_have_the_documented_defaults() {
        #[derive(clap::Parser)]
        struct Command {
            #[command(flatten)]
            options: Options,
        }
        let parsed = <Command as clap::Parser>::try_parse_from(["control-plane"]);
        let parsed = parsed.expect("no flag is required").options;
        assert_eq!(parsed, Options::at("kafka2oss-data"));
    }
}
