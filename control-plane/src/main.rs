//! The control plane as a process of its own.

use std::io::IsTerminal as _;
use std::time::Duration;

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

/// Exit status where the store has failed: that of an input or output error in
/// `sysexits.h`.
const STORE_FAILED: i32 = 74;

/// What shutting down over a store that has failed may take.
const FAILED_SHUTDOWN: Duration = Duration::from_secs(10);

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
    // A file that is to grow beyond the process's limit is a failed write, not an end
    // without a word.
    let _too_large = signal(SignalKind::from_raw(libc::SIGXFSZ))?;
    let control_plane = ControlPlane::start(command.options).await?;
    tracing::info!(address = %control_plane.address(), "control plane is listening");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        cause = control_plane.failed() => {
            tracing::error!(
                cause,
                "the store takes no writes any more: the control plane ends, to start anew over \
                 what is on disk; make sure that there is room under --data-dir"
            );
            // Everything that was answered is on disk; nothing else is waited for without
            // an end.
            let _ = tokio::time::timeout(FAILED_SHUTDOWN, control_plane.shutdown()).await;
            // The store's thread may never end.
            std::process::exit(STORE_FAILED);
        }
    }
    tracing::info!("control plane is shutting down");
    control_plane.shutdown().await;
    Ok(())
}
