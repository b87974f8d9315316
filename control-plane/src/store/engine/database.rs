//! sled itself: opening it, reading all of it, one batch.
//!
//! sled panics over some damage of its files; what it does while it reads them is caught.

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use super::marker;
use crate::store::error::{Failure, FailureKind, StoreError};
use crate::store::medium::RowChange;
use crate::supervision::words;

/// Memory that sled may use for its cache: 64 MiB.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// A process of a version that has no file `last-batch` holds only sled's lock, and one
/// that has just ended may do so for a moment longer.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

pub(super) type Row = (Vec<u8>, Vec<u8>);

/// Why sled's files could not be read.
#[derive(Debug)]
pub(super) enum Unread {
    /// The disk failed, or somebody else has them: they may be whole.
    Failed(StoreError),
    /// They are not what sled has written: what it says.
    Damaged(String),
}

/// Opens the database in `folder`, makes it when it is not there. Blocks.
pub(super) fn open(folder: &Path) -> Result<sled::Db, Unread> {
    let config = sled::Config::new().path(folder).cache_capacity(CACHE_BYTES).flush_every_ms(None);
    let mut tries = 0;
    loop {
        tries += 1;
        match caught(|| config.open())? {
            Ok(database) => return Ok(database),
            // sled 0.34's words; its lock has no kind of its own.
            Err(sled::Error::Io(error)) if error.to_string().contains("could not acquire lock") => {
                if tries == LOCK_TRIES {
                    let folder = folder.display().to_string();
                    return Err(Unread::Failed(StoreError::InUse(folder)));
                }
                std::thread::sleep(LOCK_PAUSE);
            }
            Err(error) => return Err(unread(error)),
        }
    }
}

/// Hands over every row in the order of the keys. Blocks.
pub(super) fn read_all(
    database: &sled::Db,
    mut each: impl FnMut(&[u8], &[u8]),
) -> Result<(), Unread> {
    for row in rows(database) {
        let (key, value) = row?;
        each(&key, &value);
    }
    Ok(())
}

/// Whatever rows can be read, from both ends where one in the middle cannot. Blocks.
pub(super) fn read_what_can_be(database: &sled::Db) -> Vec<Row> {
    let owned = |row: Result<(sled::IVec, sled::IVec), Unread>| {
        row.ok().map(|(key, value)| (key.to_vec(), value.to_vec()))
    };
    let mut found: Vec<Row> = rows(database).map_while(owned).collect();
    let last = found.last().map(|(key, _)| key.clone());
    let mut others = database.iter();
    let from_the_end = std::iter::from_fn(|| match caught(|| others.next_back()) {
        Ok(Some(Ok((key, value)))) => Some((key.to_vec(), value.to_vec())),
        _ => None,
    });
    found.extend(from_the_end.take_while(|(key, _)| last.as_ref().is_none_or(|last| key > last)));
    found
}

/// Writes one batch, its marker included, all or nothing.
pub(super) fn apply(
    database: &sled::Db,
    changes: Vec<RowChange>,
    marker: &marker::Marker,
) -> Result<(), Failure> {
    let mut batch = sled::Batch::default();
    for (key, value) in changes {
        match value {
            Some(value) => batch.insert(key, value),
            None => batch.remove(key),
        }
    }
    batch.insert(marker::KEY, marker.to_bytes());
    database.apply_batch(batch).map_err(failure)
}

/// What sled says while it works.
#[allow(clippy::needless_pass_by_value, reason = "it is used as a function of map_err")]
pub(super) fn failure(error: sled::Error) -> Failure {
    match error {
        sled::Error::Io(error) => Failure::of_io("sled", &error),
        other => Failure::new(FailureKind::Disk, format!("sled: {other}")),
    }
}

/// Every row, up to the first that cannot be read.
fn rows(database: &sled::Db) -> impl Iterator<Item = Result<(sled::IVec, sled::IVec), Unread>> {
    let mut rows = database.iter();
    let mut over = false;
    std::iter::from_fn(move || {
        if over {
            return None;
        }
        let row = match caught(|| rows.next()) {
            Ok(row) => row?.map_err(unread),
            Err(panicked) => Err(panicked),
        };
        over = row.is_err();
        Some(row)
    })
}

fn caught<T>(reads: impl FnOnce() -> T) -> Result<T, Unread> {
    catch_unwind(AssertUnwindSafe(reads))
        .map_err(|panic| Unread::Damaged(format!("sled gave up: {}", words(&*panic))))
}

fn unread(error: sled::Error) -> Unread {
    match error {
        sled::Error::Io(error) => match error.kind() {
            // A file that is too short, is no such file, or is not there.
            ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::NotFound => {
                Unread::Damaged(error.to_string())
            }
            _ => Unread::Failed(Failure::of_io("sled", &error).into()),
        },
        other => Unread::Damaged(other.to_string()),
    }
}
