//! The file `last-batch`: the marker of the last batch that is on disk, in a second
//! place.
//!
//! It has two slots that are written in turn, each in a block of its own and made
//! durable before the next one is: whenever the power goes, one of them is whole. It is
//! written once the batch itself is on disk, and before the batch is answered. So sled's
//! files may be ahead of it, never behind. Its lock is held as long as the store is open.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::durable::sync_folder;
use super::marker::Marker;
use crate::store::error::{Failure, StoreError};

/// Its name.
pub(super) const NAME: &str = "last-batch";
/// From one slot to the next: a page of every disk.
const SLOT: usize = 4_096;
const SLOTS: usize = 2;

/// A process that has just ended may hold the lock for a moment longer.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// What the file says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Last {
    /// There is none.
    Absent,
    /// Neither slot can be read.
    Damaged,
    /// The newer of those that can.
    Known(Marker),
}

/// The open file.
#[derive(Debug)]
pub(super) struct LastBatch {
    folder: PathBuf,
    file: File,
    last: Last,
    /// The slot that is written next.
    next: usize,
}

impl LastBatch {
    /// Opens the file of the store in `folder` and locks it. Blocks.
    pub(super) fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(NAME);
        let failed = |error| Failure::of_file("open", &path, &error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(failed)?;
        lock(&file, folder)?;
        let mut bytes = Vec::new();
        (&mut file).take((SLOT * SLOTS) as u64).read_to_end(&mut bytes).map_err(failed)?;
        let slots: Vec<_> = bytes.chunks(SLOT).map(Marker::from_bytes).collect();
        let newest = slots
            .iter()
            .enumerate()
            .filter_map(|(slot, marker)| marker.as_ref().map(|marker| (slot, marker)))
            .max_by_key(|(_, marker)| marker.number);
        let (last, next) = match newest {
            Some((slot, marker)) => (Last::Known(marker.clone()), (slot + 1) % SLOTS),
            // One that was only just made may have its length and nothing else.
            None if bytes.iter().all(|byte| *byte == 0) => (Last::Absent, 0),
            None => (Last::Damaged, 0),
        };
        Ok(Self { folder: folder.to_path_buf(), file, last, next })
    }

    /// What it says.
    pub(super) fn last(&self) -> &Last {
        &self.last
    }

    /// Makes the file, with `marker`, where it says nothing yet.
    pub(super) fn begin(&mut self, marker: &Marker) -> io::Result<()> {
        // With its whole length: writing a slot changes nothing but the slot.
        self.file.write_all_at(&[0; SLOT * SLOTS], 0)?;
        self.file.sync_all()?;
        sync_folder(&self.folder)?;
        self.write(marker)
    }

    /// Writes the marker of a batch that is on disk; returns when this is, too.
    pub(super) fn write(&mut self, marker: &Marker) -> io::Result<()> {
        let bytes = marker.to_bytes();
        if bytes.len() > SLOT {
            return Err(io::Error::other("the marker is longer than its slot"));
        }
        self.file.write_all_at(&bytes, (self.next * SLOT) as u64)?;
        self.file.sync_data()?;
        self.next = (self.next + 1) % SLOTS;
        self.last = Last::Known(marker.clone());
        Ok(())
    }
}

fn lock(file: &File, folder: &Path) -> Result<(), StoreError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if tries < LOCK_TRIES => {
                std::thread::sleep(LOCK_PAUSE);
            }
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse(folder.display().to_string()));
            }
            Err(TryLockError::Error(error)) => {
                return Err(Failure::of_file("lock", &folder.join(NAME), &error).into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn numbered(number: u64) -> Marker {
        Marker { number, ..Marker::none(b"lineage".to_vec()) }
    }

    fn said(folder: &Path) -> Last {
        LastBatch::open(folder).expect("opened").last().clone()
    }

    #[test]
    fn the_last_one_that_was_written_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(said(folder.path()), Last::Absent);
        let mut file = LastBatch::open(folder.path()).expect("opened");
        file.begin(&numbered(0)).expect("written");
        for number in 1..8 {
            file.write(&numbered(number)).expect("written");
            drop(file);
            assert_eq!(said(folder.path()), Last::Known(numbered(number)));
            file = LastBatch::open(folder.path()).expect("opened");
        }
    }

    #[test]
    fn a_slot_that_was_written_in_part_leaves_the_one_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = LastBatch::open(folder.path()).expect("opened");
        file.begin(&numbered(0)).expect("written");
        file.write(&numbered(1)).expect("written");
        file.write(&numbered(2)).expect("written");
        drop(file);
        let path = folder.path().join(NAME);
        let mut bytes = fs::read(&path).expect("read");
        // The third write went to the first slot.
        bytes[20] ^= 1;
        fs::write(&path, &bytes).expect("written");
        assert_eq!(said(folder.path()), Last::Known(numbered(1)));
        bytes[SLOT + 20] ^= 1;
        fs::write(&path, &bytes).expect("written");
        assert_eq!(said(folder.path()), Last::Damaged);
    }

    #[test]
    fn it_is_open_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let _first = LastBatch::open(folder.path()).expect("opened");
        let refusal = LastBatch::open(folder.path()).expect_err("refused");
        assert!(matches!(refusal, StoreError::InUse(_)), "{refusal}");
    }
}
