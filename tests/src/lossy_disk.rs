//! A disk that keeps only what was synced, full or failing when a test says so.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::scratch::Scratch;

const SOURCE: &str = include_str!("../disk/lossy.c");

/// What a disk does from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No write finds room.
    Full,
    /// No sync succeeds.
    Failing,
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Failing => "failing",
        }
    }
}

/// The disk of one folder, for processes that start with [`LossyDisk::environment`].
#[derive(Debug)]
pub struct LossyDisk {
    scratch: Scratch,
    folder: PathBuf,
}

impl LossyDisk {
    /// A disk that holds `folder` as it is. Compiles what stands for it, with `cc`.
    pub fn new(folder: &Path) -> Result<Self> {
        let scratch = Scratch::new("disk")?;
        let source = scratch.join("lossy.c");
        fs::write(&source, SOURCE)?;
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"]);
        compile.arg(scratch.join("lossy.so")).arg(source);
        let compiled = compile.output().context("cannot run cc")?;
        let words = String::from_utf8_lossy(&compiled.stderr);
        ensure!(compiled.status.success(), "cannot compile a disk: {words}");
        fs::create_dir(scratch.join("notes"))?;
        let disk = Self { scratch, folder: folder.canonicalize()? };
        disk.note(&disk.folder)?;
        Ok(disk)
    }

    /// The environment of a process that writes to this disk.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let text = |path: &Path| path.display().to_string();
        vec![
            ("LD_PRELOAD", text(&self.scratch.join("lossy.so"))),
            ("LOSSY_DISK", text(&self.folder)),
            ("LOSSY_DISK_NOTES", text(&self.notes())),
        ]
    }

    /// Has the disk do so.
    pub fn begin(&self, fault: Fault) -> Result<()> {
        File::create(self.notes().join(fault.name()))?;
        Ok(())
    }

    /// Mends it.
    pub fn end(&self, fault: Fault) -> Result<()> {
        Ok(fs::remove_file(self.notes().join(fault.name()))?)
    }

    /// What is there after a power cut: of each folder the names as they were synced, of
    /// each file the bytes. No process may be writing.
    pub fn cut_power(&self) -> Result<()> {
        let root = self.synced_names(&self.folder)?;
        let old = self.scratch.join("old");
        fs::rename(&self.folder, &old)?;
        fs::create_dir(&self.folder)?;
        self.restore(&inodes(&old)?, root, &self.folder)?;
        fs::remove_dir_all(old)?;
        fs::remove_dir_all(self.notes())?;
        fs::create_dir(self.notes())?;
        self.note(&self.folder)
    }

    /// Puts what was synced under these names into the folder `to`; `kinds` says of each
    /// inode whether it is a folder.
    fn restore(&self, kinds: &HashMap<u64, bool>, names: Names, to: &Path) -> Result<()> {
        for (inode, name) in names {
            let to = to.join(name);
            let note = self.notes().join(inode.to_string());
            if kinds.get(&inode).copied().unwrap_or(false) {
                fs::create_dir(&to)?;
                let names = if note.exists() { names_in(&note)? } else { Names::new() };
                self.restore(kinds, names, &to)?;
            } else if note.exists() {
                fs::copy(note, to)?;
            } else {
                // Its name was synced, none of its bytes.
                File::create(to)?;
            }
        }
        Ok(())
    }

    fn synced_names(&self, folder: &Path) -> Result<Names> {
        names_in(&self.notes().join(fs::metadata(folder)?.ino().to_string()))
    }

    /// Notes all that is there as synced.
    fn note(&self, path: &Path) -> Result<()> {
        let metadata = fs::metadata(path)?;
        let note = self.notes().join(metadata.ino().to_string());
        if !metadata.is_dir() {
            fs::copy(path, note)?;
            return Ok(());
        }
        let mut names = String::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let name = entry.file_name().into_string().ok().context("a name that is UTF-8")?;
            names += &format!("{} {name}\n", entry.metadata()?.ino());
            self.note(&entry.path())?;
        }
        Ok(fs::write(note, names)?)
    }

    fn notes(&self) -> PathBuf {
        self.scratch.join("notes")
    }
}

/// Inode and name.
type Names = Vec<(u64, String)>;

fn names_in(note: &Path) -> Result<Names> {
    let text = fs::read_to_string(note).context("the folder was never synced")?;
    let entry = |line: &str| {
        let (inode, name) = line.split_once(' ').context("an inode and a name")?;
        Ok((inode.parse()?, name.to_owned()))
    };
    text.lines().map(entry).collect()
}

/// Which inodes below a folder are folders.
fn inodes(folder: &Path) -> Result<HashMap<u64, bool>> {
    let mut kinds = HashMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        kinds.insert(metadata.ino(), metadata.is_dir());
        if metadata.is_dir() {
            kinds.extend(inodes(&entry.path())?);
        }
    }
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(disk: &LossyDisk, script: &str) -> bool {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).current_dir(&disk.folder).envs(disk.environment());
        shell.status().expect("sh runs").success()
    }

    #[test]
    fn what_was_not_synced_is_gone_after_a_power_cut() {
        let folder = Scratch::new("lossy").expect("a folder");
        fs::write(folder.join("before"), "before").expect("written");
        let disk = LossyDisk::new(folder.path()).expect("a disk");
        // sync of coreutils calls fsync of each file that it is given.
        let script = "echo 1 >synced; echo 1 >renamed; mkdir inner; echo 1 >inner/file; \
                      sync synced renamed inner/file inner .; \
                      echo 2 >>synced; mv renamed other; echo 3 >new; echo 4 >before; \
                      echo 5 >inner/new";
        assert!(run(&disk, script));
        disk.cut_power().expect("cut");
        let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
        assert_eq!(read("before").as_deref(), Some("before"));
        assert_eq!(read("synced").as_deref(), Some("1\n"));
        assert_eq!(read("renamed").as_deref(), Some("1\n"));
        assert_eq!(read("inner/file").as_deref(), Some("1\n"));
        assert_eq!((read("other"), read("new"), read("inner/new")), (None, None, None));
    }

    #[test]
    fn a_failing_disk_syncs_nothing_until_it_is_mended() {
        let folder = Scratch::new("lossy").expect("a folder");
        let disk = LossyDisk::new(folder.path()).expect("a disk");
        disk.begin(Fault::Failing).expect("begun");
        assert!(!run(&disk, "echo 1 >file; sync file ."));
        disk.cut_power().expect("cut");
        assert_eq!(fs::read_dir(folder.path()).expect("read").count(), 0);
        disk.begin(Fault::Failing).expect("begun");
        disk.end(Fault::Failing).expect("ended");
        assert!(run(&disk, "echo 1 >file; sync file ."));
    }
}
