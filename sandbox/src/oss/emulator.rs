//! Starting an emulator, and the handle that controls it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::access_keys::AccessKeys;
use super::address::BaseDomain;
use super::faults::Faults;
use super::front::Front;
use super::integrity::Integrity;
use super::request_log::{Counters, RequestLog, RequestRecord};
use super::server;
use super::service::OssService;
use super::store::{NewObject, ObjectMeta, PutMode, Store, StoreError, StoredObject, Versioning};

/// Where an emulator keeps its objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// In memory: gone with the emulator.
    Memory,
    /// In a directory, made if absent: durable, one emulator at a time.
    Directory(PathBuf),
}

/// How to start an emulator.
#[derive(Debug, Clone)]
pub struct OssOptions {
    /// Address to listen at; port 0 takes a free one. A port that an emulator had
    /// before can be taken again at once.
    pub listen: SocketAddr,
    /// Where the objects are kept.
    pub storage: Storage,
    /// The domain that clients put the bucket in front of, without a port. They
    /// must resolve it and its subdomains to `listen`.
    pub domain: String,
    /// Access key ids and secrets that may sign requests. Without any, every
    /// request is refused.
    pub access_keys: Vec<(String, String)>,
}

impl Default for OssOptions {
    /// A free port of 127.0.0.1, in memory, `localhost`, no access keys.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            storage: Storage::Memory,
            domain: "localhost".to_owned(),
            access_keys: Vec::new(),
        }
    }
}

/// Why an emulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The domain is not a host name, or it is an IP address.
    #[error("{domain:?} cannot have buckets in front of it: it is not a host name")]
    InvalidDomain {
        /// The domain.
        domain: String,
    },
    /// The address cannot be listened at.
    #[error("cannot listen at {listen}: {source}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The storage cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A running emulator, and the handle to it. Dropping it stops it.
///
/// Its functions on buckets and objects act on the store itself: they need no
/// credentials, meet no faults and are not logged.
pub struct OssEmulator {
    address: SocketAddr,
    store: Arc<Store>,
    access_keys: AccessKeys,
    front: Arc<Front>,
    tasks: TaskTracker,
}

impl OssEmulator {
    /// Starts an emulator on the current tokio runtime; it accepts connections when
    /// this returns.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(options: OssOptions) -> Result<Self, StartError> {
        let OssOptions { listen, storage, domain, access_keys } = options;
        let Some(domain) = BaseDomain::new(&domain) else {
            return Err(StartError::InvalidDomain { domain });
        };
        let open = move || match storage {
            Storage::Memory => Ok(Store::in_memory()),
            Storage::Directory(root) => Store::in_directory(&root),
        };
        let store = Arc::new(joined(tokio::task::spawn_blocking(open).await)?);
        // On Unix, tokio sets SO_REUSEADDR on it.
        let listener = TcpListener::bind(listen).await;
        let listener = listener.map_err(|source| StartError::Listen { listen, source })?;
        let address = listener.local_addr();
        let address = address.map_err(|source| StartError::Listen { listen, source })?;

        let access_keys = AccessKeys::new(access_keys);
        let mut service = S3ServiceBuilder::new(OssService::new(Arc::clone(&store)));
        service.set_auth(access_keys.clone());
        service.set_host(domain.clone());
        let front = Arc::new(Front {
            domain,
            service: service.build(),
            faults: Faults::default(),
            log: RequestLog::new(),
            stopped: CancellationToken::new(),
            requests: AtomicU64::new(0),
        });
        let tasks = TaskTracker::new();
        tasks.spawn(server::serve(listener, Arc::clone(&front), tasks.clone()));
        Ok(Self { address, store, access_keys, front, tasks })
    }

    /// The endpoint to give to clients: `http://DOMAIN:PORT`. The bucket goes in
    /// front of the domain.
    pub fn endpoint(&self) -> String {
        format!("http://{}:{}", self.front.domain.as_str(), self.address.port())
    }

    /// The address that it listens at.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The control handle of its faults.
    pub fn faults(&self) -> Faults {
        self.front.faults.clone()
    }

    /// The newest 10,000 requests, oldest first, in the order in which they ended.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.front.log.newest()
    }

    /// How many requests of each kind there were.
    pub fn counters(&self) -> Counters {
        *self.front.log.counters().borrow()
    }

    /// The counters as they change: `wait_for` on it waits for a request.
    pub fn watch_counters(&self) -> watch::Receiver<Counters> {
        self.front.log.counters()
    }

    /// Lets this access key sign requests, in place of an earlier secret.
    pub fn set_access_key(&self, id: &str, secret: &str) {
        self.access_keys.set(id, secret);
    }

    /// Makes an access key unknown.
    pub fn remove_access_key(&self, id: &str) {
        self.access_keys.remove(id);
    }

    /// Makes a bucket; one that exists stays as it is.
    ///
    /// # Errors
    /// [`StoreError::InvalidBucketName`], [`StoreError::Io`].
    pub async fn create_bucket(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.on_store(move |store| store.create_bucket(&name)).await
    }

    /// Sets the versioning state of a bucket, also back to
    /// [`Versioning::Unversioned`], which no request can.
    ///
    /// # Errors
    /// [`StoreError::BucketNotFound`], [`StoreError::Io`].
    pub async fn set_versioning(&self, bucket: &str, state: Versioning) -> Result<(), StoreError> {
        let bucket = bucket.to_owned();
        self.on_store(move |store| store.set_versioning(&bucket, state)).await
    }

    /// Keys and metadata of the objects whose key starts with `prefix`, sorted.
    ///
    /// # Errors
    /// [`StoreError::BucketNotFound`].
    pub async fn list(
        &self,
        bucket: &str,
        prefix: &str,
    ) -> Result<Vec<(String, ObjectMeta)>, StoreError> {
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        self.on_store(move |store| {
            store.with_objects(&bucket, |objects| {
                objects
                    .range(prefix.clone()..)
                    .take_while(|(key, _)| key.starts_with(&prefix))
                    .map(|(key, entry)| (key.clone(), entry.meta.clone()))
                    .collect()
            })
        })
        .await
    }

    /// An object.
    ///
    /// # Errors
    /// [`StoreError::BucketNotFound`], [`StoreError::ObjectNotFound`],
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    pub async fn get(&self, bucket: &str, key: &str) -> Result<StoredObject, StoreError> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.on_store(move |store| store.get(&bucket, &key)).await
    }

    /// Puts an object as a foreign writer would: over whatever is there, without
    /// user metadata.
    ///
    /// # Errors
    /// [`StoreError::BucketNotFound`], [`StoreError::Io`].
    pub async fn put(
        &self,
        bucket: &str,
        key: &str,
        body: impl Into<bytes::Bytes>,
    ) -> Result<ObjectMeta, StoreError> {
        let (bucket, key, body) = (bucket.to_owned(), key.to_owned(), body.into());
        self.on_store(move |store| {
            let object = NewObject {
                integrity: Integrity::of(&body),
                body,
                content_type: None,
                content_encoding: None,
                user_metadata: Default::default(),
            };
            store.put(&bucket, &key, object, PutMode::Overwrite)
        })
        .await
    }

    /// Deletes an object; one that is absent counts as deleted.
    ///
    /// # Errors
    /// [`StoreError::BucketNotFound`], [`StoreError::Io`].
    pub async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.on_store(move |store| store.delete(&bucket, &key).map(|_| ())).await
    }

    /// Stops: closes the listener and idle connections, lets requests under way
    /// end (2 s at most), abandons held ones. When this returns, port and directory
    /// are free.
    pub async fn stop(self) {
        self.front.stopped.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn on_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = Arc::clone(&self.store);
        joined(tokio::task::spawn_blocking(move || work(&store)).await)
    }
}

impl Drop for OssEmulator {
    fn drop(&mut self) {
        self.front.stopped.cancel();
    }
}

impl std::fmt::Debug for OssEmulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OssEmulator").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The result of work on a blocking thread; its panic goes on here.
fn joined<T>(result: Result<T, JoinError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => {
                panic!("work on the store was cancelled by a runtime that stops: {error}")
            }
        },
    }
}
