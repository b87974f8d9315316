//! Why the store did not do what it was asked to.

use std::io::{self, ErrorKind};
use std::path::Path;

use kafka2oss_domain::ErrorCode;

pub(crate) use super::engine::Loss;

/// Why the store did not do what it was asked to.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum StoreError {
    /// Another process has the folder open.
    #[error("the data folder {0} is in use by another process")]
    InUse(String),
    /// The folder or its files cannot be read or written.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// What was in the folder is not all there any more.
    #[error(transparent)]
    Lost(#[from] Box<Loss>),
    /// A value cannot be read.
    #[error("a record of family {family:#04x} cannot be read: {reason}")]
    Corrupt {
        /// First byte of the key.
        family: u8,
        /// What is wrong with it.
        reason: String,
    },
    /// The control plane is shutting down.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// The code that says so.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::Failed(Failure { kind: FailureKind::Full, .. }) => ErrorCode::StorageFull,
            Self::Lost(_) => ErrorCode::StorageLost,
            Self::InUse(_) | Self::Failed(_) | Self::Corrupt { .. } | Self::Closed => {
                ErrorCode::StorageFailed
            }
        }
    }
}

/// What is wrong with the disk of the store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store failed: {detail}")]
pub(crate) struct Failure {
    kind: FailureKind,
    detail: String,
}

/// What has to be mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// There is no room, or a limit is reached.
    Full,
    /// Reading or writing fails.
    Disk,
    /// Nothing is answered.
    Hangs,
}

impl Failure {
    /// One of a kind that is known.
    pub(crate) fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// What the operating system said when something was done with a file.
    pub(crate) fn of_file(action: &str, path: &Path, error: &io::Error) -> Self {
        Self::of_io(format!("cannot {action} {}", path.display()), error)
    }

    /// What the operating system said.
    pub(crate) fn of_io(what: impl std::fmt::Display, error: &io::Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                FailureKind::Full
            }
            _ => FailureKind::Disk,
        };
        Self::new(kind, format!("{what}: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_to_be_mended_is_told_by_the_operating_systems_error() {
        let cases = [
            (libc::ENOSPC, ErrorCode::StorageFull, "Make room"),
            (libc::EDQUOT, ErrorCode::StorageFull, "quota"),
            (libc::EFBIG, ErrorCode::StorageFull, "limit on the size of files"),
            (libc::EIO, ErrorCode::StorageFailed, "Mend or replace the disk"),
            (libc::EROFS, ErrorCode::StorageFailed, "Mend or replace the disk"),
        ];
        for (number, code, remedy) in cases {
            let error = io::Error::from_raw_os_error(number);
            let failed = StoreError::from(Failure::of_io("cannot sync", &error));
            assert_eq!(failed.code(), code, "{failed}");
            assert!(code.remedy().contains(remedy), "{}", code.remedy());
        }
    }
}
