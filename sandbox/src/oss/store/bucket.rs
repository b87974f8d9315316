//! A bucket.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Entry;

/// The versioning state of a bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioning {
    /// Never enabled: the only state in which `x-oss-forbid-overwrite` works.
    #[default]
    Unversioned,
    /// Every PUT makes a version with an id of its own.
    Enabled,
    /// Was enabled; PUTs make or replace the version with the id `null`.
    Suspended,
}

/// What a bucket is apart from its objects.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct BucketRecord {
    /// Milliseconds since the epoch.
    pub(crate) created: u64,
    pub(crate) versioning: Versioning,
}

#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) record: BucketRecord,
    pub(crate) objects: BTreeMap<String, Arc<Entry>>,
}

impl Bucket {
    pub(crate) fn new(created: u64) -> Self {
        Self::with_record(BucketRecord { created, versioning: Versioning::Unversioned })
    }

    pub(crate) fn with_record(record: BucketRecord) -> Self {
        Self { record, objects: BTreeMap::new() }
    }
}
