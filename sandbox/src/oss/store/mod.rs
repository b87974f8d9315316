//! Buckets and their objects: an index in memory, bodies in memory or in a
//! directory.

mod bucket;
mod directory;
mod error;
mod object;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use self::bucket::Bucket;
pub use self::bucket::Versioning;
use self::directory::Directory;
pub use self::error::StoreError;
pub(crate) use self::object::NewObject;
pub use self::object::{ObjectMeta, StoredObject};
use super::naming::is_bucket_name;

/// The store. Its functions block on the disk where there is one.
#[derive(Debug)]
pub(crate) struct Store {
    buckets: Mutex<BTreeMap<String, Bucket>>,
    directory: Option<Directory>,
    versions: AtomicU64,
}

/// Whether a put may replace an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PutMode {
    Overwrite,
    CreateOnly,
}

impl Store {
    pub(crate) fn in_memory() -> Self {
        Self { buckets: Mutex::default(), directory: None, versions: AtomicU64::new(0) }
    }

    pub(crate) fn in_directory(root: &Path) -> Result<Self, StoreError> {
        let (directory, buckets) = Directory::open(root)?;
        Ok(Self {
            buckets: Mutex::new(buckets),
            directory: Some(directory),
            versions: AtomicU64::new(0),
        })
    }

    /// Makes a bucket; one that exists stays as it is, as with an owner's repeated
    /// PutBucket on OSS.
    pub(crate) fn create_bucket(&self, name: &str) -> Result<(), StoreError> {
        if !is_bucket_name(name) {
            return Err(StoreError::InvalidBucketName { bucket: name.to_owned() });
        }
        let mut buckets = self.lock();
        if !buckets.contains_key(name) {
            let bucket = Bucket::new(unix_millis());
            if let Some(directory) = &self.directory {
                directory.write_bucket(name, &bucket.record)?;
            }
            buckets.insert(name.to_owned(), bucket);
        }
        Ok(())
    }

    pub(crate) fn delete_bucket(&self, name: &str) -> Result<(), StoreError> {
        let mut buckets = self.lock();
        if !bucket_of(&mut buckets, name)?.objects.is_empty() {
            return Err(StoreError::BucketNotEmpty { bucket: name.to_owned() });
        }
        if let Some(directory) = &self.directory {
            directory.remove_bucket(name)?;
        }
        buckets.remove(name);
        Ok(())
    }

    /// Names and creation times (milliseconds since the epoch).
    pub(crate) fn buckets(&self) -> Vec<(String, u64)> {
        let buckets = self.lock();
        buckets.iter().map(|(name, bucket)| (name.clone(), bucket.record.created)).collect()
    }

    pub(crate) fn versioning(&self, bucket: &str) -> Result<Versioning, StoreError> {
        Ok(bucket_of(&mut self.lock(), bucket)?.record.versioning)
    }

    pub(crate) fn set_versioning(&self, name: &str, state: Versioning) -> Result<(), StoreError> {
        let mut buckets = self.lock();
        let bucket = bucket_of(&mut buckets, name)?;
        let record = bucket::BucketRecord { versioning: state, ..bucket.record };
        if let Some(directory) = &self.directory {
            directory.write_bucket(name, &record)?;
        }
        bucket.record = record;
        Ok(())
    }

    /// Stores an object. Of several create-only puts of one key, one succeeds;
    /// where versioning is enabled or suspended, the mode has no effect.
    pub(crate) fn put(
        &self,
        bucket: &str,
        key: &str,
        object: NewObject,
        mode: PutMode,
    ) -> Result<ObjectMeta, StoreError> {
        let versioning = self.versioning(bucket)?;
        let create_only = mode == PutMode::CreateOnly && versioning == Versioning::Unversioned;
        let version_id = self.version_id(versioning);
        let NewObject { body, integrity, content_type, content_encoding, user_metadata } = object;
        let meta = ObjectMeta {
            size: body.len() as u64,
            etag: integrity.etag(),
            crc64: integrity.crc64,
            last_modified: unix_millis(),
            content_type,
            content_encoding,
            user_metadata,
            version_id,
        };
        // Written before the lock is taken, so that writers of other keys do not
        // wait for this one's body.
        let staged = match &self.directory {
            Some(directory) => Some((directory, directory.stage(key, &meta, &body)?)),
            None => None,
        };

        let mut buckets = self.lock();
        let objects = &mut bucket_of(&mut buckets, bucket)?.objects;
        if create_only && objects.contains_key(key) {
            return Err(StoreError::ObjectExists { key: key.to_owned() });
        }
        let body = match staged {
            Some((directory, file)) => {
                directory.publish(&file, bucket, key, create_only)?;
                None
            }
            None => Some(body),
        };
        objects.insert(key.to_owned(), Arc::new(Entry { meta: meta.clone(), body }));
        Ok(meta)
    }

    pub(crate) fn head(&self, bucket: &str, key: &str) -> Result<ObjectMeta, StoreError> {
        Ok(self.entry(bucket, key)?.meta.clone())
    }

    pub(crate) fn get(&self, bucket: &str, key: &str) -> Result<StoredObject, StoreError> {
        let entry = self.entry(bucket, key)?;
        match (&entry.body, &self.directory) {
            (Some(body), _) => Ok(StoredObject { meta: entry.meta.clone(), body: body.clone() }),
            (None, Some(directory)) => directory.read(bucket, key),
            (None, None) => Err(StoreError::ObjectNotFound { key: key.to_owned() }),
        }
    }

    /// Deletes a key; one that is absent counts as deleted. Gives the version id of
    /// the delete marker that a versioned bucket would show.
    pub(crate) fn delete(&self, bucket: &str, key: &str) -> Result<Option<String>, StoreError> {
        let versioning = self.remove(bucket, key, |_| true)?;
        Ok(self.version_id(versioning))
    }

    /// Deletes one version of a key, without a marker. Of the versions the store
    /// keeps the newest; any other counts as deleted.
    pub(crate) fn delete_version(
        &self,
        bucket: &str,
        key: &str,
        version_id: &str,
    ) -> Result<(), StoreError> {
        self.remove(bucket, key, |meta| meta.version_id.as_deref() == Some(version_id)).map(|_| ())
    }

    fn remove(
        &self,
        bucket: &str,
        key: &str,
        is_meant: impl FnOnce(&ObjectMeta) -> bool,
    ) -> Result<Versioning, StoreError> {
        let mut buckets = self.lock();
        let bucket_entry = bucket_of(&mut buckets, bucket)?;
        if bucket_entry.objects.get(key).is_some_and(|entry| is_meant(&entry.meta)) {
            if let Some(directory) = &self.directory {
                directory.remove(bucket, key)?;
            }
            bucket_entry.objects.remove(key);
        }
        Ok(bucket_entry.record.versioning)
    }

    /// Looks at all objects of a bucket, in the order of their keys.
    pub(crate) fn with_objects<T>(
        &self,
        bucket: &str,
        look: impl FnOnce(&BTreeMap<String, Arc<Entry>>) -> T,
    ) -> Result<T, StoreError> {
        Ok(look(&bucket_of(&mut self.lock(), bucket)?.objects))
    }

    fn entry(&self, bucket: &str, key: &str) -> Result<Arc<Entry>, StoreError> {
        let mut buckets = self.lock();
        let objects = &bucket_of(&mut buckets, bucket)?.objects;
        objects
            .get(key)
            .map(Arc::clone)
            .ok_or_else(|| StoreError::ObjectNotFound { key: key.to_owned() })
    }

    fn version_id(&self, versioning: Versioning) -> Option<String> {
        match versioning {
            Versioning::Unversioned => None,
            // As S3 and OSS name the one version that a suspended bucket overwrites.
            Versioning::Suspended => Some("null".to_owned()),
            Versioning::Enabled => {
                let count = self.versions.fetch_add(1, Ordering::Relaxed);
                Some(format!("CAE{:012x}{count:08x}", unix_millis()))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An object in the index; the body stands here if the store is in memory.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) meta: ObjectMeta,
    body: Option<Bytes>,
}

fn bucket_of<'b>(
    buckets: &'b mut BTreeMap<String, Bucket>,
    name: &str,
) -> Result<&'b mut Bucket, StoreError> {
    buckets.get_mut(name).ok_or_else(|| StoreError::BucketNotFound { bucket: name.to_owned() })
}

fn unix_millis() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
