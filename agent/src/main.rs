//! The agent as a process of its own: `kafka2oss-agent`.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use kafka2oss_agent::{Agent, Alarm, Environment, OnShutdown, Options, StopReason, Stopped};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Exit code of a process whose agent id another one has taken over: a service
/// manager that restarts it takes the id back.
const SUPERSEDED: u8 = 3;

/// Exit code of a process of which a part has ended that has to run: that of an internal
/// error in `sysexits.h`.
const FAILED: u8 = 70;

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
    let _alarm = Alarm::of(runtime.handle()).context("cannot start a thread")?;
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
        stopped = agent.stopped() => match stopped {
            Stopped::Superseded(_) => Ok(ExitCode::from(SUPERSEDED)),
            Stopped::Failed(failed) => {
                let (code, remedy) = (failed.code(), failed.code().remedy());
                tracing::error!(%code, cause = %failed, "the agent ends: {remedy}");
                // What still runs closes and commits, within a deadline of its own.
                agent.stop(StopReason::Restarting).await;
                Ok(ExitCode::from(FAILED))
            }
        },
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
    log_panics();
}

/// Has a panic logged in one line, as everything else is.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let words = panic.payload_as_str().unwrap_or("without words");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        tracing::error!(thread, place, "panicked: {}", words.replace('\n', " "));
    }));
}
