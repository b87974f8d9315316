//! The control plane as a process of its own.

use std::io::IsTerminal as _;

use clap::{Parser, ValueEnum};
use kafka2oss_control_plane::{ControlPlane, Options};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Control plane of kafka2oss: knows what should run where, and shows what
/// does.
#[derive(Debug, Parser)]
#[command(name = "kafka2oss-control-plane", version)]
struct Command {
    #[command(flatten)]
    options: Options,

    /// How the log is written, to standard error.
    #[arg(long, env = "KAFKA2OSS_LOG_FORMAT", value_enum, default_value_t = LogFormat::Human)]
    log_format: LogFormat,

    /// What is logged, as tracing-subscriber's EnvFilter has it.
    #[arg(long, env = "KAFKA2OSS_LOG", default_value = "info")]
    log: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let command = Command::parse();
    let filter = EnvFilter::try_new(&command.log)?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match command.log_format {
        LogFormat::Human => log.init(),
        LogFormat::Json => log.json().init(),
    }

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let control_plane = ControlPlane::start(command.options).await?;
    tracing::info!(address = %control_plane.address(), "control plane is listening");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("control plane is shutting down");
    control_plane.shutdown().await;
    Ok(())
}
