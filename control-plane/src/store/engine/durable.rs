//! Makes sled's files durable.
//!
//! What sled (0.34) calls an fsync is, on Linux, `sync_file_range` for what it has just
//! written of its log: that neither has the disk empty its cache nor writes the file's
//! length, and nothing is done for the files in `blobs`, where values above 128 KiB go,
//! nor for the names in the folders. While the store is open, sled changes these only:
//! `db`, its log, in place and at its end; and `blobs`, where a file is written once,
//! under a name of its own, before the log says anything of it. `conf` and `snap.*` are
//! written while it opens.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{Advice, fadvise};

/// sled's log.
pub(super) const LOG: &str = "db";
/// The folder of values that are too large for it.
pub(super) const BLOBS: &str = "blobs";

/// File systems tell a folder's changes apart by some milliseconds. One that had not
/// changed for this long when it was listed has not changed since if its time is the same.
const SETTLED: Duration = Duration::from_secs(2);

/// Whether a file or folder of this name is sled's.
type IsOurs = fn(&OsStr) -> bool;

/// sled's files while they are in use.
#[derive(Debug)]
pub(super) struct Durable {
    log: File,
    folder: Listed,
    blobs: Listed,
}

impl Durable {
    /// Makes everything durable that is in `folder`, where sled is open.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let mut durable = Self {
            log: File::open(folder.join(LOG))?,
            folder: Listed::new(folder, is_of_sled)?,
            blobs: Listed::new(&folder.join(BLOBS), |_| true)?,
        };
        durable.sync_new()?;
        durable.sync()?;
        Ok(durable)
    }

    /// Makes the files durable that have come since the last call. To be called after each
    /// batch and before the log is flushed: so the log never refers to a file that a
    /// power cut takes away.
    pub(super) fn sync_new(&mut self) -> io::Result<()> {
        self.blobs.sync_new()?;
        self.folder.sync_new()
    }

    /// Makes the log durable as it is. After an error nobody knows what is on disk: the
    /// kernel may have dropped what it could not write, and a second call would succeed.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.log.sync_data()
    }
}

/// A folder whose files are never changed once they are there, but for the log.
#[derive(Debug)]
struct Listed {
    path: PathBuf,
    handle: File,
    /// Which files are sled's: an operator may have left others.
    is_ours: IsOurs,
    durable: HashSet<OsString>,
    /// When it had changed last as it was listed; none while that may be the same although
    /// it has changed again.
    listed: Option<SystemTime>,
}

impl Listed {
    fn new(path: &Path, is_ours: IsOurs) -> io::Result<Self> {
        let handle = File::open(path)?;
        let path = path.to_path_buf();
        Ok(Self { path, handle, is_ours, durable: HashSet::new(), listed: None })
    }

    fn sync_new(&mut self) -> io::Result<()> {
        let changed = self.handle.metadata()?.modified()?;
        if self.listed == Some(changed) {
            return Ok(());
        }
        let is_settled = changed.elapsed().is_ok_and(|age| age > SETTLED);
        let names = names(&self.path, self.is_ours)?;
        for name in &names {
            if !self.durable.contains(name) {
                sync_file(&self.path.join(name))?;
            }
        }
        if names != self.durable {
            self.handle.sync_all()?;
            self.durable = names;
        }
        self.listed = is_settled.then_some(changed);
        Ok(())
    }
}

/// Makes the folder `path`, with those above it, and its name durable.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    let made: Vec<_> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::create_dir_all(&path)?;
    for folder in made {
        if let Some(parent) = folder.parent() {
            sync_folder(parent)?;
        }
    }
    Ok(())
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Has what is read next from the files of `folder` come from the disk: what an earlier
/// process could not write stays in the kernel's memory, as if it had been written.
pub(super) fn forget_cached(folder: &Path) -> io::Result<()> {
    let both: [(&Path, IsOurs); 2] = [(folder, is_of_sled), (&folder.join(BLOBS), |_| true)];
    for (folder, is_ours) in both {
        let names = match names(folder, is_ours) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            names => names?,
        };
        for name in names {
            let file = File::open(folder.join(name))?;
            if file.metadata()?.is_file() {
                file.sync_data()?;
                fadvise(&file, 0, None, Advice::DontNeed)?;
            }
        }
    }
    Ok(())
}

fn sync_file(path: &Path) -> io::Result<()> {
    match File::open(path) {
        // sled removes a value that is replaced.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(file) => file.sync_all(),
    }
}

/// Whether a file beside sled's log is sled's.
pub(super) fn is_of_sled(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    [LOG.as_bytes(), b"conf", BLOBS.as_bytes()].contains(&name) || name.starts_with(b"snap.")
}

fn names(folder: &Path, is_ours: IsOurs) -> io::Result<HashSet<OsString>> {
    let mut names = HashSet::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if is_ours(&name) {
            names.insert(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_and_goes_is_noticed_also_within_a_moment() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut listed = Listed::new(folder.path(), |_| true).expect("opened");
        for number in 0..50 {
            let name = number.to_string();
            fs::write(folder.path().join(&name), "value").expect("written");
            listed.sync_new().expect("synced");
            assert!(listed.durable.contains(&OsString::from(&name)), "{name}");
            if number % 2 == 0 {
                fs::remove_file(folder.path().join(&name)).expect("removed");
                listed.sync_new().expect("synced");
                assert!(!listed.durable.contains(&OsString::from(&name)), "{name}");
            }
        }
    }

    #[test]
    fn a_folder_is_made_with_those_above_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b/c");
        create_folder(&path).expect("made");
        create_folder(&path).expect("it is there");
        assert!(path.is_dir());
    }
}
