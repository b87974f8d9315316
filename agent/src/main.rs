//! The agent as a process of its own: `kafka2oss-agent`.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use kafka2oss_agent::{Agent, Environment, OnShutdown, Options, StopReason};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Exit code of a process whose agent id another one has taken over: a service
/// manager that restarts it takes the id back.
const SUPERSEDED: u8 = 3;

/// Runs the connectors that the control plane places on this agent.
#[derive(Debug, Parser)]
#[command(name = "kafka2oss-agent", version)]
struct Arguments {
    #[command(flatten)]
    options: Options,

    /// Form of the log on standard error; RUST_LOG filters it
    #[arg(long, env = "KAFKA2OSS_AGENT_LOG_FORMAT", value_enum, default_value_t = LogFormat::Human)]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Human,
    Json,
}

fn main() -> anyhow::Result<ExitCode> {
    kafka2oss_memory::give_back_large_blocks();
    let Arguments { options, log_format } = Arguments::parse();
    start_log(log_format);
    // Control only: data has a runtime of its own.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("kafka2oss-control")
        .enable_all()
        .build()
        .context("cannot start the threads for control")?;
    let code = runtime.block_on(run(options));
    // A blocking call that hangs does not keep the process.
    runtime.shutdown_background();
    code
}

async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let reason = match options.on_shutdown {
        OnShutdown::Leave => StopReason::Leaving,
        OnShutdown::Restart => StopReason::Restarting,
    };
    let agent = Agent::start(options, Environment::default()).await?;
    tokio::select! {
        _ = agent.stopped() => Ok(ExitCode::from(SUPERSEDED)),
        () = signals.next() => {
            tracing::info!(?reason, "stopping");
            tokio::select! {
                () = agent.stop(reason) => Ok(ExitCode::SUCCESS),
                () = signals.next() => {
                    tracing::warn!("told twice: ending at once");
                    Ok(ExitCode::FAILURE)
                }
            }
        }
    }
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("SIGINT")?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Human => log.init(),
        LogFormat::Json => log.json().init(),
    }
}
