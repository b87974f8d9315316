//! Whether the bucket keeps what exactly-once rests on.
//!
//! - `verdict`: what follows from the store's answers; pure.
//! - `repeat`: a request that has met a passing failure is made again.
//! - `preflight`: the same, with each right by itself, told as it is found.

mod preflight;
mod repeat;
mod verdict;

use std::time::Duration;

use aws_sdk_s3::types::BucketVersioningStatus;
use kafka2oss_chain::{ChainId, ObjectMetadata};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use tokio::time::timeout;
use ulid::Ulid;

use crate::{Content, NewObject, ObjectStore, PutOutcome, StoreError};
use repeat::Patience;
use verdict::{Findings, judge};

/// For all requests that delete what the probe has put. A store that does not
/// answer any more has taken its time by then, and who waits for the probe has a
/// limit, too.
const REMOVAL_LIMIT: Duration = Duration::from_secs(10);

/// What a bucket allows to guarantee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// Each record stands in one object.
    ExactlyOnce,
    /// A record may stand in more than one object, or an object be overwritten.
    AtLeastOnce {
        /// `STORE_NOT_CREATE_ONLY` or `STORE_VERSIONING_ON`.
        code: ErrorCode,
        /// What the probe has seen.
        reason: String,
    },
}

/// What a probe came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// What the bucket allows, or why it cannot be used at all.
    pub outcome: Result<Probe, StoreError>,
    /// What may still stand under the probe's key.
    pub left: Option<LeftObject>,
}

/// An object of a probe that could not be deleted. A probe of the same key finds
/// it there and leaves no other one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftObject {
    /// `STORE_PROBE_LEFT`: where it is, and why.
    pub problem: Problem,
    /// The store has said that it is there; else an answer is missing.
    pub is_certain: bool,
}

/// A key under `{prefix}.kafka2oss-probe/` that nobody has used.
pub fn fresh_probe_key(prefix: &str) -> String {
    format!("{prefix}.kafka2oss-probe/{}", Ulid::generate())
}

/// What a probe has done to the bucket.
#[derive(Debug, Default)]
struct Trail {
    may_stand: bool,
    is_certain: bool,
    /// Where versions are kept: those of the object that are known.
    versions: Vec<String>,
}

impl Trail {
    fn note(&mut self, put: &Result<PutOutcome, StoreError>) {
        match put {
            Ok(PutOutcome::Created { version_id }) => {
                (self.may_stand, self.is_certain) = (true, true);
                self.versions.extend(version_id.clone());
            }
            Ok(PutOutcome::Exists) => (self.may_stand, self.is_certain) = (true, true),
            // What the store refuses, it has not done.
            Err(error) => self.may_stand |= error.is_passing(),
        }
    }

    fn note_version(&mut self, version_id: Option<&String>) {
        self.versions.extend(version_id.filter(|id| !self.versions.contains(id)).cloned());
    }
}

impl ObjectStore {
    /// Creates an object under this key twice, reads what stands there, asks OSS
    /// for the bucket's versioning, and deletes the object by its version, where
    /// versions are kept. What an earlier probe has left there serves as well.
    ///
    /// A request that meets a passing failure is repeated, within seconds.
    ///
    /// Where the question for the versioning is refused, version ids in the
    /// answers to the puts decide: they are there exactly when versions are kept.
    pub async fn probe(&self, key: String) -> Probed {
        let (mut trail, mut patience) = (Trail::default(), Patience::new());
        let object = probe_object(key);
        let findings = self.examine(&object, &mut trail, &mut patience).await;
        let left = self.clean_up(&object.key, &trail, &mut patience).await;
        let outcome = findings.map(|findings| judge(self.dialect, &findings, &object.metadata));
        Probed { outcome, left }
    }

    async fn examine(
        &self,
        object: &NewObject,
        trail: &mut Trail,
        patience: &mut Patience,
    ) -> Result<Findings, StoreError> {
        let first = self.try_put(object, trail, patience).await?;
        let second = self.try_put(object, trail, patience).await?;
        let head = patience.repeat(|| self.head(&object.key)).await?;
        trail.note_version(head.as_ref().and_then(|found| found.version_id.as_ref()));
        let versioning = match self.dialect.overwrites_versions() {
            true => patience.repeat(|| self.versioning()).await?,
            false => None,
        };
        Ok(Findings { first, second, head, versioning })
    }

    async fn try_put(
        &self,
        object: &NewObject,
        trail: &mut Trail,
        patience: &mut Patience,
    ) -> Result<PutOutcome, StoreError> {
        let outcome = patience.repeat(|| self.put(object)).await;
        trail.note(&outcome);
        outcome
    }

    async fn versioning(&self) -> Result<Option<BucketVersioningStatus>, StoreError> {
        match self.told_versioning().await {
            Err(error) if is_not_told(&error) => {
                tracing::info!(%error, "versioning is judged by the answers to puts alone");
                Ok(None)
            }
            told => told,
        }
    }

    /// As the store tells it.
    async fn told_versioning(&self) -> Result<Option<BucketVersioningStatus>, StoreError> {
        let request = self.client.get_bucket_versioning().bucket(&*self.bucket);
        let failed = |error| self.subject("GetBucketVersioning", "").failed(&error);
        request.send().await.map(|output| output.status).map_err(failed)
    }

    /// Deletes what a probe has put. Returns what stays.
    async fn clean_up(
        &self,
        key: &str,
        trail: &Trail,
        patience: &mut Patience,
    ) -> Option<LeftObject> {
        if !trail.may_stand {
            return None;
        }
        let removal = self.remove(key, trail, patience);
        let silent = |_| Err("no answer to its deletion in time".to_owned());
        let words = timeout(REMOVAL_LIMIT, removal).await.unwrap_or_else(silent).err()?;
        let message = format!("`{key}` in bucket `{}` stays: {words}", self.bucket);
        let problem = Problem::new(ErrorCode::StoreProbeLeft, message);
        Some(LeftObject { problem, is_certain: trail.is_certain })
    }

    /// Deletes the object of a probe.
    ///
    /// # Errors
    /// Why it stays.
    async fn remove(
        &self,
        key: &str,
        trail: &Trail,
        patience: &mut Patience,
    ) -> Result<(), String> {
        if trail.versions.is_empty() {
            return match patience.repeat(|| self.delete(key, None)).await {
                Ok(is_marked) if !is_marked => Ok(()),
                Ok(_) => Err("the bucket keeps versions, and a delete marker hides it".to_owned()),
                Err(error) => Err(error.to_string()),
            };
        }
        for version in &trail.versions {
            let deleted = patience.repeat(|| self.delete(key, Some(version))).await;
            deleted.map_err(|error| format!("version {version}: {error}"))?;
        }
        Ok(())
    }

    /// Returns whether that made a delete marker.
    async fn delete(&self, key: &str, version: Option<&String>) -> Result<bool, StoreError> {
        // Not DeleteObjects: OSS wants a Content-MD5 there, which the SDK does not
        // send.
        let request = self.client.delete_object().bucket(&*self.bucket).key(key);
        match request.set_version_id(version.cloned()).send().await {
            Ok(output) => Ok(version.is_none() && output.delete_marker() == Some(true)),
            Err(error) => {
                let operation = match version {
                    Some(_) => "DeleteObjectVersion",
                    None => "DeleteObject",
                };
                Err(self.subject(operation, key).failed(&error))
            }
        }
    }
}

/// It may be denied to ask, or the question not exist on this store.
fn is_not_told(error: &StoreError) -> bool {
    matches!(error.code, ErrorCode::StoreAccessDenied | ErrorCode::StoreRequestRejected)
}

/// An object of no chain, with no records.
fn probe_object(key: String) -> NewObject {
    let body = Content::from("[]");
    NewObject {
        key,
        metadata: ObjectMetadata {
            uid: "kafka2oss-probe".to_owned(),
            chain_id: ChainId::parse("probe000").expect("8 characters of a-z0-9"),
            partition: 0,
            first_offset: 0,
            next_offset: 0,
            records: 0,
            crc64: body.crc64(),
            leader_epoch: None,
        },
        body,
        content_type: "application/json",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fresh_key_is_another_one_under_the_prefix() {
        let (one, other) = (fresh_probe_key("a/b/"), fresh_probe_key("a/b/"));
        assert!(one.starts_with("a/b/.kafka2oss-probe/"), "{one}");
        assert_ne!(one, other);
    }

    #[test]
    fn what_the_store_has_refused_to_put_need_not_be_deleted() {
        let failed = |code| {
            let message = String::new();
            Err(StoreError { code, message, delay: None, store_code: None })
        };
        for (put, may_stand, is_certain) in [
            (failed(ErrorCode::StoreAccessDenied), false, false),
            (failed(ErrorCode::StoreUnreachable), true, false),
            (Ok(PutOutcome::Exists), true, true),
            (Ok(PutOutcome::Created { version_id: None }), true, true),
        ] {
            let mut trail = Trail::default();
            trail.note(&put);
            assert_eq!((trail.may_stand, trail.is_certain), (may_stand, is_certain), "{put:?}");
        }
    }
}
