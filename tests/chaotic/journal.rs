//! What happened in a run, with the time, beside the logs of its processes.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jiff::Timestamp;
use kafka2oss_tests::name::unique;

/// The run's own log.
const LOG: &str = "chaos.log";

/// Lines of a failed run that are printed.
const LAST: usize = 40;

/// A folder of logs that stays where a run fails, with the run's own log.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    log: File,
    /// Whether each line is printed, too, as it is written.
    echoes: bool,
}

impl Journal {
    pub(crate) fn open(label: &str, echoes: bool) -> Result<Self> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chaos").join(unique(label));
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let log = File::create(folder.join(LOG))?;
        Ok(Self { folder, log, echoes })
    }

    /// Where the logs are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file for the log of a process.
    pub(crate) fn log_of(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    /// Notes what happens. Times are UTC, as in the processes' logs.
    pub(crate) fn note(&mut self, what: impl Display) -> Result<()> {
        let line = format!("{:.3} {what}", Timestamp::now());
        if self.echoes {
            eprintln!("{line}");
        }
        writeln!(self.log, "{line}").context("cannot write the run's log")
    }

    /// The last of what happened, where that was not printed as it did.
    pub(crate) fn last(&self) -> Result<String> {
        if self.echoes {
            return Ok(String::new());
        }
        let log = fs::read_to_string(self.folder.join(LOG))?;
        let lines: Vec<_> = log.lines().collect();
        Ok(lines[lines.len().saturating_sub(LAST)..].join("\n"))
    }

    /// Fails where a process has panicked.
    pub(crate) fn check_panics(&self) -> Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let log = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
            let panicked = log.lines().find(|line| line.contains("panicked: "));
            anyhow::ensure!(panicked.is_none(), "{}: {panicked:?}", path.display());
        }
        Ok(())
    }

    /// Removes the logs: the run was a success.
    pub(crate) fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.folder).context("cannot remove the logs")
    }
}
