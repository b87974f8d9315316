//! An object, before and after it is stored.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::oss::integrity::Integrity;

/// An object that shall be stored.
#[derive(Debug)]
pub(crate) struct NewObject {
    pub(crate) body: Bytes,
    pub(crate) integrity: Integrity,
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) user_metadata: BTreeMap<String, String>,
}

/// What the store knows of an object apart from its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectMeta {
    /// Length of the body in bytes.
    pub size: u64,
    /// Upper-case hexadecimal MD5, without quotes.
    pub etag: String,
    /// CRC-64/XZ of the body.
    pub crc64: u64,
    /// Milliseconds since the epoch.
    pub last_modified: u64,
    /// The Content-Type that it was put with.
    pub content_type: Option<String>,
    /// The Content-Encoding that it was put with.
    pub content_encoding: Option<String>,
    /// The `x-amz-meta-*` headers, names without the prefix.
    pub user_metadata: BTreeMap<String, String>,
    /// Its version, if it was put while versioning was enabled or suspended.
    pub version_id: Option<String>,
}

/// An object with its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// What the store knows of it.
    pub meta: ObjectMeta,
    /// Its bytes.
    pub body: Bytes,
}
