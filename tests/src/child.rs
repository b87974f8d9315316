//! Child processes that never outlive the tests.
//!
//! A child ends when its handle is dropped, when this process exits, and, by
//! the kernel's parent-death signal, also when this process is killed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::ptr;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getppid};

use crate::wait::eventually;

/// How many of a log's last lines an error or a failing test shows.
const TAIL: usize = 60;

/// A running (or ended) child whose output goes to a file.
#[derive(Debug)]
pub struct ChildProcess {
    name: String,
    child: Child,
    log: PathBuf,
    status: Option<ExitStatus>,
}

impl ChildProcess {
    /// Starts `command` with both its outputs appended to the file `log`.
    pub fn spawn(name: impl Into<String>, mut command: Command, log: PathBuf) -> Result<Self> {
        let name = name.into();
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("cannot open {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        die_with_parent(&mut command);
        let program = command.get_program().to_owned();
        let child = spawn_from_lasting_thread(command)
            .with_context(|| format!("cannot start {name} ({})", program.display()))?;
        Ok(Self { name, child, log, status: None })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where its output goes.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// Its output up to now. Bytes that are not UTF-8 are replaced.
    pub fn log(&self) -> Result<String> {
        let bytes =
            fs::read(&self.log).with_context(|| format!("cannot read the log of {}", self.name))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The last lines of its output, with a heading, for an error message.
    pub fn log_tail(&self) -> String {
        let log = self.log().unwrap_or_else(|error| format!("{error:#}"));
        let lines: Vec<_> = log.lines().collect();
        let tail = &lines[lines.len().saturating_sub(TAIL)..];
        format!(
            "--- end of the log of {} (pid {}) ---\n{}\n---",
            self.name,
            self.pid(),
            tail.join("\n")
        )
    }

    /// Awaits a line of its output that contains `text` and returns that line.
    pub async fn logged(&self, text: &str, limit: Duration) -> Result<String> {
        let what = format!("{} logs {text:?}", self.name);
        eventually(what, limit, async || {
            let log = self.log()?;
            Ok(log.lines().find(|line| line.contains(text)).map(str::to_owned))
        })
        .await
        .with_context(|| self.log_tail())
    }

    /// The status with which it ended, if it has.
    pub fn exit_status(&mut self) -> Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
            if self.status.is_some() {
                living().remove(&self.child.id());
            }
        }
        Ok(self.status)
    }

    /// Awaits its end.
    pub async fn wait_exit(&mut self, limit: Duration) -> Result<ExitStatus> {
        let what = format!("{} (pid {}) ends", self.name, self.pid());
        let ended = eventually(what, limit, async || self.exit_status()).await;
        ended.with_context(|| self.log_tail())
    }

    /// Sends SIGTERM: asks it to stop. [`ChildProcess::wait_exit`] awaits that.
    pub fn term(&mut self) -> Result<()> {
        self.signal(Signal::SIGTERM)
    }

    /// Sends SIGKILL and returns when it is gone; does nothing when it was.
    pub fn kill9(&mut self) -> Result<()> {
        if self.exit_status()?.is_none() {
            self.signal(Signal::SIGKILL)?;
            self.status = Some(self.child.wait()?);
            living().remove(&self.child.id());
        }
        Ok(())
    }

    /// Sends SIGSTOP: it holds still, with its connections open.
    pub fn pause(&mut self) -> Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Sends SIGCONT: it goes on after [`ChildProcess::pause`].
    pub fn resume(&mut self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    /// Lets no file of it grow beyond this many bytes from now on, as a full disk does:
    /// it is sent SIGXFSZ, and its writes fail where it lives on.
    pub fn limit_files(&mut self, bytes: u64) -> Result<()> {
        ensure!(self.exit_status()?.is_none(), "{} has ended", self.name);
        let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
        let pid = libc::pid_t::try_from(self.child.id())?;
        // SAFETY: the new limit lives for the call, and the old one is not asked for.
        let done =
            unsafe { libc::prlimit(pid, libc::RLIMIT_FSIZE, &raw const limit, ptr::null_mut()) };
        ensure!(done == 0, "cannot limit {}: {}", self.name, io::Error::last_os_error());
        Ok(())
    }

    fn signal(&mut self, signal: Signal) -> Result<()> {
        if let Some(status) = self.exit_status()? {
            // Its process id may be another's by now.
            bail!(
                "cannot send {signal} to {}: it has ended ({status})\n{}",
                self.name,
                self.log_tail()
            );
        }
        send(self.child.id(), signal)
            .with_context(|| format!("cannot send {signal} to {}", self.name))
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", self.log_tail());
        }
        if let Err(error) = self.kill9() {
            eprintln!("cannot end {}: {error:#}", self.name);
        }
    }
}

/// Has the kernel kill what `command` starts as soon as the thread that starts
/// it ends. That is the thread, not the process: see
/// `spawn_from_lasting_thread`.
pub(crate) fn die_with_parent(command: &mut Command) {
    let parent = Pid::this();
    let in_child = move || {
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        // The parent may have died before the line above.
        if getppid() == parent { Ok(()) } else { Err(io::Error::other("the parent has ended")) }
    };
    // SAFETY: between fork and exec only two system calls are made; nothing
    // allocates where all is well, and no lock is taken.
    unsafe { command.pre_exec(in_child) };
}

/// Kills every living child and awaits its end, for the process's exit.
pub(crate) fn kill_all() {
    for pid in living().iter() {
        let _ = send(*pid, Signal::SIGKILL);
    }
    for pid in living().iter() {
        let _ = raw(*pid).map(|pid| nix::sys::wait::waitpid(pid, None));
    }
}

/// The parent-death signal comes when the starting *thread* ends, and a test's
/// thread ends with the test, while a shared server is to stay. So one thread,
/// which lasts as long as the process, starts all children.
fn spawn_from_lasting_thread(command: Command) -> Result<Child> {
    type Request = (Command, mpsc::SyncSender<io::Result<Child>>);
    static STARTER: OnceLock<Mutex<mpsc::Sender<Request>>> = OnceLock::new();

    let starter = STARTER.get_or_init(|| {
        let (sender, requests) = mpsc::channel::<Request>();
        thread::spawn(move || {
            for (mut command, reply) in requests {
                let child = command.spawn();
                if let Ok(child) = &child {
                    living().insert(child.id());
                }
                // The one who asked awaits this.
                let _ = reply.send(child);
            }
        });
        Mutex::new(sender)
    });
    let (reply, child) = mpsc::sync_channel(1);
    starter
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send((command, reply))
        .map_err(|_| anyhow!("the thread that starts children has ended"))?;
    Ok(child.recv()??)
}

/// The process ids of children that were not seen to end.
fn living() -> MutexGuard<'static, BTreeSet<u32>> {
    static LIVING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());
    LIVING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn raw(pid: u32) -> Result<Pid> {
    Ok(Pid::from_raw(i32::try_from(pid)?))
}

fn send(pid: u32, signal: Signal) -> Result<()> {
    Ok(kill(raw(pid)?, signal)?)
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;
    use std::time::Duration;

    use super::ChildProcess;
    use crate::scratch::Scratch;

    fn start(scratch: &Scratch, script: &str) -> ChildProcess {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        ChildProcess::spawn("a shell", command, scratch.join("log")).expect("a shell")
    }

    fn exists(pid: u32) -> bool {
        std::path::Path::new(&format!("/proc/{pid}")).exists()
    }

    #[tokio::test]
    async fn a_child_that_ends_gives_its_status_and_its_output() {
        let scratch = Scratch::new("child").expect("a folder");
        let mut child = start(&scratch, "echo said; echo warned >&2; exit 3");

        let status = child.wait_exit(Duration::from_secs(10)).await;

        assert_eq!(status.expect("it ends").code(), Some(3));
        let log = child.log().expect("a log");
        assert!(log.contains("said") && log.contains("warned"), "{log}");
    }

    #[test]
    fn a_dropped_child_is_gone() {
        let scratch = Scratch::new("child").expect("a folder");
        let child = start(&scratch, "exec sleep 1000");
        let pid = child.pid();
        assert!(exists(pid));

        drop(child);

        assert!(!exists(pid));
    }

    #[test]
    fn a_child_outlives_the_thread_that_asked_for_it() {
        let scratch = Scratch::new("child").expect("a folder");

        let mut child = thread::scope(|scope| {
            scope.spawn(|| start(&scratch, "exec sleep 1000")).join().expect("the thread ends well")
        });

        assert!(child.exit_status().expect("a status").is_none());
    }

    #[tokio::test]
    async fn an_unfulfilled_wait_shows_the_log() {
        let scratch = Scratch::new("child").expect("a folder");
        let mut child = start(&scratch, "echo stuck; exec sleep 1000");
        child.logged("stuck", Duration::from_secs(10)).await.expect("it says so");

        let error = child.wait_exit(Duration::from_millis(100)).await.expect_err("it sleeps");

        assert!(format!("{error:#}").contains("stuck"), "{error:#}");
    }
}
