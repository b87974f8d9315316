//! The control plane as a process.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::instance_service_client::InstanceServiceClient;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::process::Child;
use tokio::time::{Instant, sleep};
use tonic::transport::{Channel, Endpoint};

use crate::bound::within;

/// Between two tries to reach it.
const TRY: Duration = Duration::from_millis(20);
/// Lines of its log that an error shows.
const TAIL: usize = 20;
/// The most that a stream, and a connection, may have under way: that the generator
/// reads late is not to hold up the control plane.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;

/// A running control plane, and its folder. It ends with this.
#[derive(Debug)]
pub(crate) struct Plane {
    program: PathBuf,
    address: SocketAddr,
    child: Child,
    folder: TempDir,
}

impl Plane {
    /// Starts one with an empty store and these options, and waits until it answers.
    pub(crate) async fn start(
        program: Option<&Path>,
        options: &[String],
        bound: Duration,
    ) -> Result<Self> {
        let program = program.map_or_else(beside_this, |path| Ok(path.to_path_buf()))?;
        let folder = tempfile::tempdir()?;
        let address = free_address()?;
        let child = spawn(&program, address, folder.path(), options)?;
        let mut plane = Self { program, address, child, folder };
        plane.answers(bound).await?;
        Ok(plane)
    }

    /// Kills it.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Starts it again over the same store, with these options. Returns when that was.
    pub(crate) fn start_again(&mut self, options: &[String]) -> Result<Instant> {
        let started = Instant::now();
        self.child = spawn(&self.program, self.address, self.folder.path(), options)?;
        Ok(started)
    }

    /// Waits until it answers.
    pub(crate) async fn answers(&mut self, bound: Duration) -> Result<()> {
        let mut client = InstanceServiceClient::new(self.endpoint()?.connect_lazy());
        let answer = within(bound, async {
            loop {
                if client.list_instances(v1::ListInstancesRequest::default()).await.is_ok() {
                    return Ok(());
                }
                if let Some(status) = self.child.try_wait()? {
                    bail!("it has ended: {status}");
                }
                sleep(TRY).await;
            }
        });
        let answer = answer.await.map_err(anyhow::Error::from).flatten();
        answer.with_context(|| format!("the control plane does not answer\n{}", self.log_tail()))
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("the control plane has ended")
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How it is reached.
    pub(crate) fn endpoint(&self) -> Result<Endpoint> {
        Ok(Endpoint::from_shared(format!("http://{}", self.address))?
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW))
    }

    /// A connection of one's own, which is opened again when it breaks.
    pub(crate) fn channel(&self) -> Result<Channel> {
        Ok(self.endpoint()?.connect_lazy())
    }

    /// The last lines of its log.
    pub(crate) fn log_tail(&self) -> String {
        let log = std::fs::read(self.folder.path().join(LOG)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}

const LOG: &str = "log";

fn spawn(program: &Path, address: SocketAddr, folder: &Path, options: &[String]) -> Result<Child> {
    let log = File::options().create(true).append(true).open(folder.join(LOG))?;
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KAFKA2OSS_") {
            command.env_remove(name);
        }
    }
    command
        .arg("--listen")
        .arg(address.to_string())
        .arg("--data-dir")
        .arg(folder.join("store"))
        .args(options)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    // SAFETY: between fork and exec one system call is made; nothing allocates.
    // The signal comes when the thread ends that starts it: the main one.
    unsafe { command.pre_exec(|| Ok(prctl::set_pdeathsig(Signal::SIGKILL)?)) };
    let child = tokio::process::Command::from(command).kill_on_drop(true).spawn();
    child.with_context(|| format!("cannot start {}", program.display()))
}

/// The program beside this one: in the folder of the profile, also where this is a test,
/// which cargo puts in `deps/` below it.
fn beside_this() -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let folder = this.parent().context("this program is in no folder")?;
    let folder = match folder.file_name() {
        Some(name) if name == "deps" => folder.parent().unwrap_or(folder),
        _ => folder,
    };
    let path = folder.join("kafka2oss-control-plane");
    ensure!(
        path.exists(),
        "{} does not exist: start this by tests/bench, or `cargo build --workspace --bins`",
        path.display()
    );
    Ok(path)
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
