//! Buckets and objects in a directory, for `kafka2oss dev` and for tests that
//! restart the emulator.
//!
//! ```text
//! ROOT/.lock                      locked while an emulator runs on ROOT
//! ROOT/.staging/N                 bodies that are being written
//! ROOT/BUCKET/bucket.json         creation time and versioning
//! ROOT/BUCKET/objects/NAME.obj    an object: one line of JSON, then its bytes
//! ```
//!
//! An object is one file, so that it appears whole or not at all: it is written
//! and synced under `.staging`, and then linked to its name (which fails if that
//! exists) or renamed over it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::bucket::{Bucket, BucketRecord};
use super::{Entry, ObjectMeta, StoreError, StoredObject};

/// The first line of an object's file.
#[derive(Debug, Serialize, Deserialize)]
struct Header<'a> {
    key: Cow<'a, str>,
    meta: Cow<'a, ObjectMeta>,
}

#[derive(Debug)]
pub(crate) struct Directory {
    root: PathBuf,
    staged: AtomicU64,
    /// Held, and with it the lock, as long as this lives.
    _lock: File,
}

/// A file that is written and synced but not yet an object; dropping it removes it.
#[derive(Debug)]
pub(crate) struct StagedFile {
    path: PathBuf,
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        // A rename has taken it away already; what a crash leaves behind is
        // removed at the next start.
        let _ = fs::remove_file(&self.path);
    }
}

impl Directory {
    /// Opens a directory, made if absent, and reads what it holds.
    pub(crate) fn open(root: &Path) -> Result<(Self, BTreeMap<String, Bucket>), StoreError> {
        fs::create_dir_all(root).map_err(StoreError::io(root))?;
        let path = root.join(".lock");
        let lock = File::create(&path).map_err(StoreError::io(&path))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::InUse { path: root.to_owned() },
            TryLockError::Error(source) => StoreError::Io { path, source },
        })?;

        let staging = root.join(".staging");
        match fs::remove_dir_all(&staging) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::Io { path: staging, source: error });
            }
            _ => fs::create_dir(&staging).map_err(StoreError::io(&staging))?,
        }

        let mut buckets = BTreeMap::new();
        for path in entries(root)? {
            let record = path.join("bucket.json");
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if record.is_file() {
                let bytes = fs::read(&record).map_err(StoreError::io(&record))?;
                let mut bucket = Bucket::with_record(parse(&record, &bytes)?);
                read_headers(&path.join("objects"), &mut bucket)?;
                buckets.insert(name.to_owned(), bucket);
            }
        }
        let directory = Self { root: root.to_owned(), staged: AtomicU64::new(0), _lock: lock };
        Ok((directory, buckets))
    }

    /// Makes a bucket or replaces its record.
    pub(crate) fn write_bucket(&self, name: &str, record: &BucketRecord) -> Result<(), StoreError> {
        let folder = self.root.join(name);
        let objects = folder.join("objects");
        fs::create_dir_all(&objects).map_err(StoreError::io(&objects))?;
        let staged = self.write_staged(&[&to_json(record)])?;
        let path = folder.join("bucket.json");
        fs::rename(&staged.path, &path).map_err(StoreError::io(&path))?;
        sync_folder(&folder)?;
        sync_folder(&self.root)
    }

    pub(crate) fn remove_bucket(&self, name: &str) -> Result<(), StoreError> {
        let path = self.root.join(name);
        fs::remove_dir_all(&path).map_err(StoreError::io(&path))?;
        sync_folder(&self.root)
    }

    /// Writes an object's file and syncs it.
    pub(crate) fn stage(
        &self,
        key: &str,
        meta: &ObjectMeta,
        body: &[u8],
    ) -> Result<StagedFile, StoreError> {
        let header = Header { key: Cow::Borrowed(key), meta: Cow::Borrowed(meta) };
        self.write_staged(&[&to_json(&header), b"\n", body])
    }

    /// Makes a staged file the object of a key, durably. With `create_only`, one
    /// that exists is left alone.
    pub(crate) fn publish(
        &self,
        staged: &StagedFile,
        bucket: &str,
        key: &str,
        create_only: bool,
    ) -> Result<(), StoreError> {
        let path = self.object_path(bucket, key);
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).map_err(StoreError::io(folder))?;
        let published = if create_only {
            fs::hard_link(&staged.path, &path)
        } else {
            fs::rename(&staged.path, &path)
        };
        published.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => StoreError::ObjectExists { key: key.to_owned() },
            _ => StoreError::Io { path: path.clone(), source },
        })?;
        sync_folder(folder)
    }

    /// Reads an object: metadata and body of the same put, since they are one file.
    pub(crate) fn read(&self, bucket: &str, key: &str) -> Result<StoredObject, StoreError> {
        let path = self.object_path(bucket, key);
        let file = fs::read(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StoreError::ObjectNotFound { key: key.to_owned() },
            _ => StoreError::Io { path: path.clone(), source },
        })?;
        let file = Bytes::from(file);
        let end = file.iter().position(|byte| *byte == b'\n').unwrap_or(file.len());
        let header: Header<'_> = parse(&path, &file[..end])?;
        let body = file.slice((end + 1).min(file.len())..);
        Ok(StoredObject { meta: header.meta.into_owned(), body })
    }

    pub(crate) fn remove(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        let path = self.object_path(bucket, key);
        fs::remove_file(&path).map_err(StoreError::io(&path))?;
        sync_folder(path.parent().unwrap_or(&self.root))
    }

    fn write_staged(&self, parts: &[&[u8]]) -> Result<StagedFile, StoreError> {
        let number = self.staged.fetch_add(1, Ordering::Relaxed);
        let staged = StagedFile { path: self.root.join(".staging").join(number.to_string()) };
        let write = || {
            let mut file = File::create_new(&staged.path)?;
            for part in parts {
                file.write_all(part)?;
            }
            file.sync_all()
        };
        write().map_err(StoreError::io(&staged.path))?;
        Ok(staged)
    }

    fn object_path(&self, bucket: &str, key: &str) -> PathBuf {
        let mut path = self.root.join(bucket).join("objects");
        path.extend(file_name(key));
        path
    }
}

/// A key's path below `objects`: percent-encoded, and cut into folders where it is
/// longer than a file name may be. Folders end in `%` and files in `.obj`, so that
/// no two keys meet.
fn file_name(key: &str) -> Vec<String> {
    const KEPT: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'+').remove(b'=').remove(b'.');
    const PIECE: usize = 200;
    let mut rest = utf8_percent_encode(key, KEPT).to_string();
    let mut pieces = Vec::new();
    while rest.len() > PIECE {
        let tail = rest.split_off(PIECE);
        pieces.push(format!("{rest}%"));
        rest = tail;
    }
    pieces.push(format!("{rest}.obj"));
    pieces
}

/// Reads the headers of all objects below `folder`.
fn read_headers(folder: &Path, bucket: &mut Bucket) -> Result<(), StoreError> {
    for path in entries(folder)? {
        if path.is_dir() {
            read_headers(&path, bucket)?;
            continue;
        }
        let file = File::open(&path).map_err(StoreError::io(&path))?;
        let mut line = Vec::new();
        BufReader::new(file).read_until(b'\n', &mut line).map_err(StoreError::io(&path))?;
        let header: Header<'_> = parse(&path, &line)?;
        let entry = Entry { meta: header.meta.into_owned(), body: None };
        bucket.objects.insert(header.key.into_owned(), Arc::new(entry));
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries =
        || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>();
    entries().map_err(StoreError::io(folder))
}

fn parse<'de, T: Deserialize<'de>>(path: &Path, json: &'de [u8]) -> Result<T, StoreError> {
    serde_json::from_slice(json)
        .map_err(|error| StoreError::Corrupt { path: path.to_owned(), reason: error.to_string() })
}

fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain structs with string keys always serialize")
}

/// Makes new names in a folder durable.
fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(StoreError::io(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_stay_legal_and_apart() {
        let long = "k".repeat(200);
        let longer = "k".repeat(201);
        let keys = ["a", "a.obj", "a/b", "a%2Fb", ".", "..", &long, &longer, "ä", "a/"];
        let mut names: Vec<_> = keys.iter().map(|key| file_name(key)).collect();
        assert_eq!(names[2], ["a%2Fb.obj"]);
        for piece in names.iter().flatten() {
            assert!(piece.len() <= 255 && !piece.contains('/') && piece != "." && piece != "..");
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), keys.len());
    }
}
