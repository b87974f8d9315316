//! Opening a store: is it there, is it whole, and going on with what is left of it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use ulid::Ulid;

use super::contents::Contents;
use super::database::{self, Row, Unread};
use super::durable::{self, Durable};
use super::last_batch::{Last, LastBatch};
use super::loss::{Found, Loss, Whole, judge};
use super::marker::{self, Marker};
use super::writer::Writer;
use crate::clock;
use crate::store::error::{Failure, StoreError};

/// What the folders are called, but for a number, in which a store goes on.
const KEPT: &str = "kept-";

/// What is done where a store has lost something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnLoss {
    /// It is not opened.
    Refuse,
    /// What is left is copied, and gone on with.
    Accept,
}

/// What the engine has to know of the records.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Schema {
    /// Key of the record that names the store: the first that is written.
    pub(in crate::store) key: fn() -> Vec<u8>,
    /// Its value in a new store.
    pub(in crate::store) draw: fn() -> Vec<u8>,
    /// Its value in a store that has lost something.
    pub(in crate::store) raise: fn(&[u8]) -> Result<Vec<u8>, StoreError>,
    /// What a family is called, by the first byte of its keys.
    pub(in crate::store) name: fn(u32) -> &'static str,
}

/// Opens the store in `folder`, makes it when it is not there. Blocks.
pub(super) fn open(folder: &Path, schema: Schema, on_loss: OnLoss) -> Result<Writer, StoreError> {
    let failed = |action: &str, error: &io::Error| Failure::of_file(action, folder, error);
    durable::create_folder(folder).map_err(|error| failed("make", &error))?;
    let mut last_batch = LastBatch::open(folder)?;
    let subfolder = match last_batch.last() {
        Last::Known(marker) => marker.folder.clone(),
        Last::Absent | Last::Damaged => {
            newest_kept(folder).map_err(|error| failed("read", &error))?
        }
    };
    let files = folder.join(&subfolder);
    let (found, database) = look(&files, schema)?;
    let whole = match judge(last_batch.last(), &found) {
        Ok(whole) => whole,
        Err(what) => {
            let loss = Loss::new(folder.display().to_string(), what, &found, schema.name);
            if on_loss == OnLoss::Refuse || loss.is_hopeless() {
                return Err(Box::new(loss).into());
            }
            let mut rows = database.as_ref().map(database::read_what_can_be).unwrap_or_default();
            drop(database);
            if !rows.iter().any(|(key, _)| *key == (schema.key)()) {
                rows = read_log_alone(folder, &files)?;
            }
            return keep(folder, last_batch, rows, &found, loss, schema);
        }
    };
    if on_loss == OnLoss::Accept {
        tracing::warn!("the store has lost nothing: start without --accept-loss from now on");
    }
    let is_new = whole == Whole::New;
    let marker = match whole {
        // The file is there before the first batch is: one that is missing later was lost.
        Whole::New | Whole::Unmarked => begin(&mut last_batch, folder)?,
        Whole::As(marker) => Marker { folder: subfolder, ..marker },
    };
    let database = match database {
        Some(database) => database,
        None => database::open(&files).map_err(not_made)?,
    };
    let contents = match found {
        Found::Records { contents, .. } => contents,
        Found::Nothing | Found::NoLog | Found::Unreadable(_) => Contents::default(),
    };
    // What was read may not be durable yet, and its marker not in the second place.
    let durable = Durable::open(&files).map_err(|error| failed("sync", &error))?;
    let is_marked = marker.number > 0;
    let mut writer = Writer::new(database, durable, last_batch, contents, marker);
    if is_new {
        tracing::info!(folder = %folder.display(), "made a new store");
        writer.write(vec![((schema.key)(), Some((schema.draw)()))])?;
    } else if is_marked {
        writer.sync()?;
    } else {
        tracing::info!("the store's batches are numbered from now on");
        writer.write(Vec::new())?;
    }
    Ok(writer)
}

/// The folder that `last-batch` would name if one could read it.
fn newest_kept(folder: &Path) -> io::Result<String> {
    let mut newest = None;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(KEPT)?.parse::<u64>().ok());
        newest = newest.max(number);
    }
    Ok(newest.map_or_else(String::new, |number| format!("{KEPT}{number}")))
}

/// The marker before the first batch, in the file `last-batch`.
fn begin(last_batch: &mut LastBatch, folder: &Path) -> Result<Marker, StoreError> {
    // It was made by a process that ended before the first batch was written.
    if let Last::Known(none) = last_batch.last() {
        return Ok(none.clone());
    }
    let none = Marker::none(Ulid::generate().to_bytes().to_vec());
    last_batch
        .begin(&none)
        .map_err(|error| Failure::of_file("make last-batch in", folder, &error))?;
    Ok(none)
}

/// Reads all that is in sled's files, without making any.
fn look(files: &Path, schema: Schema) -> Result<(Found, Option<sled::Db>), StoreError> {
    let failed = |error| Failure::of_file("read", files, &error);
    if !files.join(durable::LOG).exists() {
        let is_used = is_used(files).map_err(failed)?;
        return Ok((if is_used { Found::NoLog } else { Found::Nothing }, None));
    }
    durable::forget_cached(files).map_err(failed)?;
    let database = match database::open(files) {
        Ok(database) => database,
        Err(Unread::Failed(error)) => return Err(error),
        Err(Unread::Damaged(reason)) => return Ok((Found::Unreadable(reason), None)),
    };
    let mut contents = Contents::default();
    let mut marker = None;
    let read = database::read_all(&database, |key, value| {
        if key == marker::KEY {
            marker = Marker::from_bytes(value);
        } else {
            contents.put(key, value);
        }
    });
    let is_named = contents.has(&(schema.key)());
    let found = match read {
        Ok(()) => Found::Records { contents, marker, is_named },
        Err(Unread::Failed(error)) => return Err(error),
        Err(Unread::Damaged(reason)) => Found::Unreadable(reason),
    };
    Ok((found, Some(database)))
}

/// Whether sled has written anything in a folder.
fn is_used(files: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(files) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        entries => entries?,
    };
    for entry in entries {
        if durable::is_of_sled(&entry?.file_name()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a copy of the log and the blobs gives: sled makes the other files of these anew, and
/// goes back to the page before one that it cannot read.
fn read_log_alone(folder: &Path, files: &Path) -> Result<Vec<Row>, StoreError> {
    let copy = folder.join("copy-of-damaged");
    let failed = |error: io::Error| Failure::of_file("copy the log to", &copy, &error);
    let _ = fs::remove_dir_all(&copy);
    let copied = || {
        fs::create_dir_all(copy.join(durable::BLOBS))?;
        fs::copy(files.join(durable::LOG), copy.join(durable::LOG))?;
        let blobs = match fs::read_dir(files.join(durable::BLOBS)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            blobs => blobs?,
        };
        for blob in blobs {
            let blob = blob?;
            fs::copy(blob.path(), copy.join(durable::BLOBS).join(blob.file_name()))?;
        }
        Ok(())
    };
    copied().map_err(failed)?;
    let rows = match database::open(&copy) {
        Ok(database) => Ok(database::read_what_can_be(&database)),
        Err(Unread::Failed(error)) => Err(error),
        Err(Unread::Damaged(_)) => Ok(Vec::new()),
    };
    let _ = fs::remove_dir_all(&copy);
    rows
}

/// Goes on with `rows` in a folder of their own; the files that are damaged stay as they
/// are. The folder counts once the file `last-batch` names it: a process that ends before
/// leaves all as it was.
fn keep(
    folder: &Path,
    mut last_batch: LastBatch,
    rows: Vec<Row>,
    found: &Found,
    loss: Loss,
    schema: Schema,
) -> Result<Writer, StoreError> {
    let mut rows: BTreeMap<_, _> = rows.into_iter().collect();
    let marker_row = rows.remove(marker::KEY);
    let Some(name) = rows.get_mut(&(schema.key)()) else {
        return Err(Box::new(loss.hopeless()).into());
    };
    *name = (schema.raise)(name)?;

    let last = match last_batch.last() {
        Last::Known(marker) => Some(marker.clone()),
        Last::Absent | Last::Damaged => None,
    };
    let there = match found {
        Found::Records { marker, .. } => marker.clone(),
        _ => marker_row.and_then(|bytes| Marker::from_bytes(&bytes)),
    };
    // Above both, so that neither an old copy nor the damaged files pass for it.
    let number = last.iter().chain(&there).map(|marker| marker.number).max().unwrap_or(0);
    let lineage = last
        .or(there)
        .map_or_else(|| Ulid::generate().to_bytes().to_vec(), |marker| marker.lineage);
    let subfolder = format!("{KEPT}{}", number + 1);
    let before = Marker { number, folder: subfolder.clone(), ..Marker::none(lineage) };

    let files = folder.join(&subfolder);
    let failed = |error: io::Error| Failure::of_file("make", &files, &error);
    let _ = fs::remove_dir_all(&files);
    durable::create_folder(&files).map_err(failed)?;
    let database = database::open(&files).map_err(not_made)?;
    let mut contents = Contents::default();
    let records = rows.len();
    let rows: Vec<_> = rows.into_iter().map(|(key, value)| (key, Some(value))).collect();
    contents.apply(&rows);
    let marker = before.next(&contents, clock::now());
    // One batch: all of it is there, or nothing.
    database::apply(&database, rows, &marker)?;
    database.flush().map_err(database::failure)?;
    let durable = Durable::open(&files).map_err(failed)?;
    if !matches!(last_batch.last(), Last::Known(_)) {
        last_batch.begin(&before).map_err(failed)?;
    }
    last_batch.write(&marker).map_err(failed)?;
    tracing::warn!(
        %loss,
        records,
        files = %files.display(),
        "the loss is accepted, the store's epoch is raised; the damaged files are kept and may \
         be removed"
    );
    Ok(Writer::new(database, durable, last_batch, contents, marker))
}

fn not_made(error: Unread) -> StoreError {
    match error {
        Unread::Failed(error) => error,
        Unread::Damaged(reason) => {
            Failure::new(crate::store::error::FailureKind::Disk, reason).into()
        }
    }
}
