//! The control plane as a process of its own.

mod heap;

use std::io::IsTerminal as _;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use kafka2oss_control_plane::{ControlPlane, Failure, Options};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
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

/// What shutting down may take when something has failed.
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
    log_panics();
    raise_file_limit();
    heap::give_back();

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // A file that is to grow beyond the process's limit is a failed write, not an end
    // without a word.
    let _too_large = signal(SignalKind::from_raw(libc::SIGXFSZ))?;
    let control_plane = match ControlPlane::start(command.options).await {
        Ok(control_plane) => control_plane,
        Err(error) => {
            let failure = error.downcast::<Failure>()?;
            end_of(&failure, "the control plane does not start");
            std::process::exit(failure.exit_status().into());
        }
    };
    tracing::info!(
        address = %control_plane.address(),
        agent_address = %control_plane.agent_address(),
        "control plane is listening"
    );
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        failure = control_plane.failed() => {
            end_of(&failure, "the control plane ends");
            // Everything that was answered is on disk; nothing else is waited for without
            // an end.
            let _ = tokio::time::timeout(FAILED_SHUTDOWN, control_plane.shutdown()).await;
            // The store's thread may never end.
            std::process::exit(failure.exit_status().into());
        }
    }
    tracing::info!("control plane is shutting down");
    control_plane.shutdown().await;
    Ok(())
}

/// Says why the process ends, and what helps.
fn end_of(failure: &Failure, what: &str) {
    let code = failure.code();
    tracing::error!(%code, cause = %failure, "{what}: {}", code.remedy());
}

/// Allows as many files as the system does: each connection is one, and the usual limit is
/// meant for programs that know no more than 1,024 of them.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "could not raise the limit on open files");
    }
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
