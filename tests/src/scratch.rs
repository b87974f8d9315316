//! Temporary folders that are gone after the tests, however these end.
//!
//! All folders of one test process lie in one folder of its own, which is
//! removed when the process exits. A process that was killed cannot do that, so
//! each new one first removes what dead ones left. A lock tells the living from
//! the dead: it ends with the process that holds it.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow};

use crate::child;
use crate::name;

const LOCK: &str = ".lock";

/// A temporary folder, removed with all it holds when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// A new, empty folder; `label` is a part of its name.
    pub fn new(label: &str) -> Result<Self> {
        let path = process_folder()?.join(name::unique(label));
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path in it.
    pub fn join(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.path.join(relative)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left here goes with the process's folder.
        let _ = fs::remove_dir_all(&self.path);
    }
}

struct ProcessFolder {
    path: PathBuf,
    _lock: File,
}

static PROCESS_FOLDER: OnceLock<Result<ProcessFolder, String>> = OnceLock::new();

fn process_folder() -> Result<&'static Path> {
    PROCESS_FOLDER
        .get_or_init(|| create_process_folder().map_err(|error| format!("{error:#}")))
        .as_ref()
        .map(|folder| folder.path.as_path())
        .map_err(|message| anyhow!("{message}"))
}

fn create_process_folder() -> Result<ProcessFolder> {
    let all = std::env::temp_dir().join("kafka2oss-tests");
    fs::create_dir_all(&all).with_context(|| format!("cannot create {}", all.display()))?;
    // Serializes this with another process's sweep, which could take a folder
    // that is not locked yet for a dead one's.
    let gate = File::create(all.join(LOCK))?;
    gate.lock()?;
    sweep(&all);

    let path = all.join(name::unique(&std::process::id().to_string()));
    fs::create_dir(&path)?;
    let lock = File::create(path.join(LOCK))?;
    lock.lock()?;
    // SAFETY: the callback is a plain function that stays loaded and does not
    // unwind (an extern "C" function aborts instead).
    unsafe { nix::libc::atexit(clean_up_at_exit) };
    Ok(ProcessFolder { path, _lock: lock })
}

/// Removes the folders of processes that are gone.
fn sweep(all: &Path) {
    let Ok(entries) = fs::read_dir(all) else {
        return;
    };
    for folder in entries.flatten().map(|entry| entry.path()) {
        if !folder.is_dir() {
            continue;
        }
        let held = File::open(folder.join(LOCK))
            .is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
        if !held {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

/// Statics are never dropped, so shared servers are still up here.
extern "C" fn clean_up_at_exit() {
    child::kill_all();
    if let Some(Ok(folder)) = PROCESS_FOLDER.get() {
        let _ = fs::remove_dir_all(&folder.path);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Scratch;

    #[test]
    fn a_dropped_folder_is_gone_with_its_files() {
        let scratch = Scratch::new("gone").expect("a folder");
        let path = scratch.path().to_path_buf();
        fs::write(scratch.join("file"), "text").expect("a file");

        drop(scratch);

        assert!(!path.exists());
    }
}
