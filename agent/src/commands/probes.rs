//! What is known of the buckets of connectors that are being prepared: nothing is
//! probed again that is known, and what could not be deleted is used again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka2oss_domain::preflight::Finding;
use kafka2oss_sink::{CredentialsDigest, ObjectStore, Probe, Probed, fresh_probe_key};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long a bucket is taken to be as it was found: for as long as a preparation
/// is repeated for other reasons, and not for ever.
const VALID_FOR: Duration = Duration::from_secs(10 * 60);
/// Keys of objects that could not be deleted are kept for longer.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Connectors of which something is known.
const MOST: usize = 1_000;

/// Where was probed, and for which start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    /// Each deployment and reset probes anew.
    pub epoch: u64,
    /// The store's URL.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    /// What keys start with.
    pub prefix: String,
}

impl Scope {
    fn is_same_place(&self, other: &Self) -> bool {
        Self { epoch: other.epoch, ..self.clone() } == *other
    }
}

/// The results of probes, by the connector's uid, in memory only.
#[derive(Clone, Default)]
pub(crate) struct Probes(Arc<Mutex<Results>>);

impl Probes {
    /// What the bucket allows: as it is known, or by a probe.
    pub(super) async fn probe(&self, uid: &str, scope: Scope, store: &ObjectStore) -> Probed {
        // Of references that cannot be read the probe itself has more to say.
        let credentials = store.credentials_digest().await.ok();
        let key = match self.lock().plan(uid, &scope, credentials.as_ref(), Instant::now()) {
            Plan::Known(probed) => return probed,
            Plan::Probe(key) => key,
        };
        let probed = store.probe(key.clone()).await;
        let found = Found { scope, credentials, at: Instant::now(), key, probed: probed.clone() };
        self.lock().learn(uid, found);
        probed
    }

    /// Carries out the checks of a preflight, whatever is known: with an object that an
    /// earlier one could not delete, where there is one.
    pub(super) async fn preflight(
        &self,
        connector: &str,
        scope: Scope,
        store: &ObjectStore,
        findings: &mpsc::Sender<Finding>,
    ) {
        // Without credentials to compare nothing counts as known.
        let key = match self.lock().plan(connector, &scope, None, Instant::now()) {
            Plan::Probe(key) => key,
            Plan::Known(_) => fresh_probe_key(&scope.prefix),
        };
        let left = store.preflight(key.clone(), findings).await;
        let probed = Probed { outcome: Ok(Probe::ExactlyOnce), left };
        let found = Found { scope, credentials: None, at: Instant::now(), key, probed };
        self.lock().learn(connector, found);
    }

    fn lock(&self) -> MutexGuard<'_, Results> {
        // Whole at any moment: each entry is.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Found {
    scope: Scope,
    credentials: Option<CredentialsDigest>,
    at: Instant,
    key: String,
    probed: Probed,
}

impl Found {
    fn is_needed(&self, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.at);
        age < if self.probed.left.is_some() { KEPT_FOR } else { VALID_FOR }
    }
}

#[derive(Debug, PartialEq)]
enum Plan {
    Known(Probed),
    /// With this key.
    Probe(String),
}

#[derive(Default)]
struct Results(HashMap<String, Found>);

impl Results {
    fn plan(
        &self,
        uid: &str,
        scope: &Scope,
        credentials: Option<&CredentialsDigest>,
        now: Instant,
    ) -> Plan {
        let fresh = || Plan::Probe(fresh_probe_key(&scope.prefix));
        let Some(known) = self.0.get(uid).filter(|known| known.is_needed(now)) else {
            return fresh();
        };
        let is_valid = now.saturating_duration_since(known.at) < VALID_FOR;
        let is_same = known.scope == *scope && known.credentials.as_ref() == credentials;
        if is_valid && is_same && credentials.is_some() && known.probed.outcome.is_ok() {
            return Plan::Known(known.probed.clone());
        }
        match known.probed.left.is_some() && known.scope.is_same_place(scope) {
            true => Plan::Probe(known.key.clone()),
            false => fresh(),
        }
    }

    fn learn(&mut self, uid: &str, found: Found) {
        let now = found.at;
        self.0.retain(|_, known| known.is_needed(now));
        if self.0.len() >= MOST
            && let Some(oldest) = self.0.iter().min_by_key(|(_, known)| known.at)
        {
            let oldest = oldest.0.clone();
            self.0.remove(&oldest);
        }
        self.0.insert(uid.to_owned(), found);
    }
}

#[cfg(test)]
mod tests {
    use kafka2oss_domain::ErrorCode;
    use kafka2oss_domain::error_code::Problem;
    use kafka2oss_domain::spec::{
        AccessKey, AddressingStyle, Destination, SecretSource, StoreType,
    };
    use kafka2oss_sink::{LeftObject, Probe, StoreError};
    use kafka2oss_tests::oss::OssServer;

    use super::*;

    fn scope(epoch: u64, bucket: &str) -> Scope {
        let (endpoint, prefix) = ("http://localhost".to_owned(), "p/".to_owned());
        Scope { epoch, endpoint, bucket: bucket.to_owned(), prefix }
    }

    fn access_key(id: &str, secret: &str) -> AccessKey {
        let plain = |value: &str| SecretSource::Plain(value.into());
        AccessKey { id: plain(id), secret: plain(secret), session_token: None }
    }

    async fn digest(secret: &str) -> CredentialsDigest {
        let destination = Destination {
            store_type: StoreType::S3,
            bucket: "b".to_owned(),
            endpoint: "http://localhost".to_owned(),
            signing_region: "us-east-1".to_owned(),
            addressing_style: AddressingStyle::Path,
            credentials: access_key("id", secret),
            allow_cross_region: false,
        };
        ObjectStore::new(&destination).credentials_digest().await.expect("a plain value")
    }

    fn good() -> Probed {
        Probed { outcome: Ok(Probe::ExactlyOnce), left: None }
    }

    fn left() -> Option<LeftObject> {
        let problem = Problem::new(ErrorCode::StoreProbeLeft, "it stays");
        Some(LeftObject { problem, is_certain: true })
    }

    fn failed() -> Probed {
        let message = String::new();
        let code = ErrorCode::StoreAccessDenied;
        let error = StoreError { code, message, delay: None, store_code: None };
        Probed { outcome: Err(error), left: left() }
    }

    async fn learned(probed: Probed, now: Instant) -> Results {
        let credentials = Some(digest("one").await);
        let mut results = Results::default();
        let (scope, key) = (scope(1, "b"), "p/key".to_owned());
        results.learn("u", Found { scope, credentials, at: now, key, probed });
        results
    }

    #[tokio::test]
    async fn what_is_known_is_not_probed_again_while_nothing_has_changed() {
        let now = Instant::now();
        let results = learned(good(), now).await;
        let (one, other) = (digest("one").await, digest("other").await);
        let later = now + VALID_FOR;
        for (uid, scope, credentials, now, is_known) in [
            ("u", scope(1, "b"), Some(&one), now, true),
            ("other", scope(1, "b"), Some(&one), now, false),
            ("u", scope(2, "b"), Some(&one), now, false),
            ("u", scope(1, "another"), Some(&one), now, false),
            ("u", scope(1, "b"), Some(&other), now, false),
            ("u", scope(1, "b"), None, now, false),
            ("u", scope(1, "b"), Some(&one), later, false),
        ] {
            let plan = results.plan(uid, &scope, credentials, now);
            assert_eq!(plan == Plan::Known(good()), is_known, "{uid} {scope:?}");
        }
    }

    #[tokio::test]
    async fn what_failed_is_probed_again_with_the_key_that_it_left() {
        let now = Instant::now();
        let results = learned(failed(), now).await;
        let one = digest("one").await;
        let later = now + VALID_FOR;
        let again = Plan::Probe("p/key".to_owned());
        assert_eq!(results.plan("u", &scope(1, "b"), Some(&one), now), again);
        assert_eq!(results.plan("u", &scope(2, "b"), None, later), again);
        assert_ne!(results.plan("u", &scope(1, "another"), Some(&one), now), again);
    }

    /// As while only Kafka's side is wrong.
    #[tokio::test]
    async fn a_preparation_that_is_repeated_asks_a_store_that_is_known_nothing() {
        let oss = OssServer::start().await.expect("it starts");
        oss.create_bucket("b-1").await.expect("a legal name");
        let destination = Destination {
            store_type: StoreType::Oss,
            bucket: "b-1".to_owned(),
            endpoint: oss.endpoint(),
            signing_region: oss.region().to_owned(),
            addressing_style: AddressingStyle::VirtualHosted,
            credentials: access_key(oss.access_key(), oss.secret_key()),
            allow_cross_region: false,
        };
        let store = ObjectStore::new(&destination);
        let probes = Probes::default();
        for _ in 0..20 {
            assert_eq!(probes.probe("u", scope(1, "b-1"), &store).await, good());
        }
        assert_eq!(oss.counters().puts_stored, 1, "{:?}", oss.counters());
        probes.probe("u", scope(2, "b-1"), &store).await;
        assert_eq!(oss.counters().puts_stored, 2, "another start is probed anew");
    }

    #[tokio::test]
    async fn no_more_is_remembered_than_the_most() {
        let now = Instant::now();
        let mut results = Results::default();
        for count in 0..MOST + 10 {
            let at = now + Duration::from_millis(count as u64);
            let (scope, key) = (scope(1, "b"), String::new());
            let found = Found { scope, credentials: None, at, key, probed: good() };
            results.learn(&format!("{count}"), found);
        }
        assert_eq!(results.0.len(), MOST);
        assert!(!results.0.contains_key("0"), "the oldest goes");
    }
}
