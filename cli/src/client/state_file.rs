//! `dev.json`: how the client commands find a running `kafka2oss dev`.
//!
//! `dev` holds a lock on the file as long as it runs, so that a file that a
//! killed one left behind is told from that of a living one.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What `kafka2oss dev` tells the client commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DevState {
    /// `HOST:PORT` of the control plane's gRPC services.
    pub(crate) address: String,
    /// Bootstrap servers of Kafka.
    pub(crate) kafka: String,
    /// URL of the object store.
    pub(crate) endpoint: String,
    /// Bucket in it.
    pub(crate) bucket: String,
    /// ID of the registered instance.
    pub(crate) instance: String,
    /// Process that runs all this.
    pub(crate) pid: u32,
}

/// The file of this process's own `dev`; removed when dropped.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    _locked: File,
}

/// Why the file was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateFileError {
    #[error("another `kafka2oss dev` runs and holds {0}")]
    Taken(PathBuf),
    #[error("neither XDG_STATE_HOME nor HOME is set")]
    NoHome,
    #[error("cannot write {0}: {1}")]
    Io(PathBuf, io::Error),
}

impl StateFile {
    /// Writes the file and locks it.
    pub(crate) fn write(state: &DevState) -> Result<Self, StateFileError> {
        Self::write_to(&path().ok_or(StateFileError::NoHome)?, state)
    }

    fn write_to(path: &Path, state: &DevState) -> Result<Self, StateFileError> {
        let failed = |error| StateFileError::Io(path.to_owned(), error);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateFileError::Taken(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let text = serde_json::to_string_pretty(state).map_err(|error| failed(error.into()))?;
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        Ok(Self { path: path.to_owned(), _locked: file })
    }

    /// What a running `dev` wrote; `None` when none runs.
    pub(crate) fn of_running_dev() -> Option<DevState> {
        Self::read_from(&path()?)
    }

    fn read_from(path: &Path) -> Option<DevState> {
        let mut file = File::open(path).ok()?;
        if !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            // Nobody holds it: its writer was killed.
            return None;
        }
        let mut text = String::new();
        file.read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }
}

impl Drop for StateFile {
    fn drop(&mut self) {
        // A file that stays is told by its missing lock.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// `$XDG_STATE_HOME/kafka2oss/dev.json`, by default under `~/.local/state`
/// (XDG Base Directory Specification 0.8).
fn path() -> Option<PathBuf> {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local").join("state")))?;
    Some(state.join("kafka2oss").join("dev.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(address: &str) -> DevState {
        DevState {
            address: address.to_owned(),
            kafka: "k:1".to_owned(),
            endpoint: "http://localhost:2".to_owned(),
            bucket: "b".to_owned(),
            instance: "dev".to_owned(),
            pid: 1,
        }
    }

    #[test]
    fn a_running_dev_is_found_and_a_stopped_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state").join("dev.json");
        assert_eq!(StateFile::read_from(&path), None);

        let file = StateFile::write_to(&path, &state("a:1")).expect("it is written");
        assert_eq!(StateFile::read_from(&path), Some(state("a:1")));

        drop(file);
        assert_eq!(StateFile::read_from(&path), None);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_a_killed_dev_left_behind_counts_for_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("dev.json");
        std::fs::write(&path, serde_json::to_string(&state("old:1")).expect("JSON"))
            .expect("written");

        assert_eq!(StateFile::read_from(&path), None);
        let _file = StateFile::write_to(&path, &state("new:1")).expect("it is taken over");
        assert_eq!(StateFile::read_from(&path), Some(state("new:1")));
    }

    #[test]
    fn a_second_dev_leaves_the_first_ones_file_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("dev.json");
        let _first = StateFile::write_to(&path, &state("first:1")).expect("it is written");

        let second = StateFile::write_to(&path, &state("second:1"));

        assert!(matches!(second, Err(StateFileError::Taken(_))));
        assert_eq!(StateFile::read_from(&path), Some(state("first:1")));
    }
}
