//! What can go wrong in the store.

use std::io;
use std::path::PathBuf;

/// Why the store could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The name breaks OSS's rule.
    #[error("{bucket:?} is no legal bucket name: 3-63 of a-z, 0-9 and hyphens")]
    InvalidBucketName {
        /// The name.
        bucket: String,
    },
    /// There is no such bucket.
    #[error("there is no bucket {bucket:?}")]
    BucketNotFound {
        /// Its name.
        bucket: String,
    },
    /// A bucket that holds objects cannot be deleted.
    #[error("bucket {bucket:?} holds objects")]
    BucketNotEmpty {
        /// Its name.
        bucket: String,
    },
    /// There is no such object.
    #[error("there is no object {key:?}")]
    ObjectNotFound {
        /// Its key.
        key: String,
    },
    /// A create-only put met an object.
    #[error("object {key:?} exists")]
    ObjectExists {
        /// Its key.
        key: String,
    },
    /// The directory could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file in the directory is not one that the emulator has written.
    #[error("{}: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Another emulator uses the directory.
    #[error("{}: another emulator uses this directory", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
}

impl StoreError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
