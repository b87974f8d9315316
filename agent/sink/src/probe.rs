//! Whether the bucket keeps what exactly-once rests on.

use aws_sdk_s3::types::BucketVersioningStatus;
use kafka2oss_chain::{ChainId, ObjectMetadata};
use kafka2oss_proto::ErrorCode;
use ulid::Ulid;

use crate::{Content, NewObject, ObjectStore, PutOutcome, StoreError, StoredObject};

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

/// What the probe has seen.
#[derive(Debug)]
struct Findings {
    first: PutOutcome,
    second: PutOutcome,
    head: Option<StoredObject>,
    /// As the store tells it; `None` when it does not, or when there is none.
    versioning: Option<BucketVersioningStatus>,
}

impl ObjectStore {
    /// Creates an object under `{prefix}.kafka2oss-probe/` twice, reads what
    /// stands there, asks for the bucket's versioning, and deletes the object.
    ///
    /// Where the question for the versioning is refused, version ids in the
    /// answers to the puts decide: they are there exactly when versions are kept.
    /// Where deleting is refused, the object stays.
    ///
    /// # Errors
    /// See [`StoreError`]: when the bucket cannot be used at all.
    pub async fn probe(&self, prefix: &str) -> Result<Probe, StoreError> {
        let object = probe_object(prefix);
        let findings = self.examine(&object).await;
        // Also after an error: an unanswered put may have created it.
        self.remove(&object.key).await;
        Ok(judge(&findings?, &object.metadata))
    }

    async fn examine(&self, object: &NewObject) -> Result<Findings, StoreError> {
        Ok(Findings {
            first: self.put(object).await?,
            second: self.put(object).await?,
            head: self.head(&object.key).await?,
            versioning: self.versioning().await?,
        })
    }

    async fn versioning(&self) -> Result<Option<BucketVersioningStatus>, StoreError> {
        let subject = self.subject("GetBucketVersioning", "");
        let request = self.client.get_bucket_versioning().bucket(&*self.bucket);
        match request.send().await {
            Ok(output) => Ok(output.status),
            Err(error) => match subject.failed(&error) {
                // It may be denied, or not exist on this store.
                error
                    if matches!(
                        error.code,
                        ErrorCode::StoreAccessDenied | ErrorCode::StoreRequestRejected
                    ) =>
                {
                    tracing::info!(%error, "versioning is judged by the answers to puts alone");
                    Ok(None)
                }
                error => Err(error),
            },
        }
    }

    async fn remove(&self, key: &str) {
        // Not DeleteObjects: OSS wants a Content-MD5 there, which the SDK does not
        // send.
        let request = self.client.delete_object().bucket(&*self.bucket).key(key);
        if let Err(error) = request.send().await {
            let error = self.subject("DeleteObject", key).failed(&error);
            tracing::debug!(%error, "the object of the probe stays");
        }
    }
}

/// An object of no chain, with no records, under a key that nobody has used.
fn probe_object(prefix: &str) -> NewObject {
    let body = Content::from("[]");
    NewObject {
        key: format!("{prefix}.kafka2oss-probe/{}", Ulid::generate()),
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

fn judge(findings: &Findings, written: &ObjectMetadata) -> Probe {
    let Findings { first, second, head, versioning } = findings;
    let at_least_once = |code, reason: String| Probe::AtLeastOnce { code, reason };

    if let Some(status) = versioning {
        let reason = format!("the bucket's versioning is {status}");
        return at_least_once(ErrorCode::StoreVersioningOn, reason);
    }
    for outcome in [first, second] {
        if let PutOutcome::Created { version_id: Some(id) } = outcome {
            let reason = format!("the store gave a new object the version {id}");
            return at_least_once(ErrorCode::StoreVersioningOn, reason);
        }
    }
    let not_create_only =
        |reason: &str| at_least_once(ErrorCode::StoreNotCreateOnly, reason.to_owned());
    match (first, second) {
        (PutOutcome::Created { .. }, PutOutcome::Exists) => {}
        (PutOutcome::Created { .. }, PutOutcome::Created { .. }) => {
            return not_create_only("of two create-only puts of one key both succeeded");
        }
        (PutOutcome::Exists, _) => {
            return not_create_only("a create-only put of a fresh key was refused as existing");
        }
    }
    match head {
        None => not_create_only("HEAD does not find an object that was just created"),
        Some(StoredObject { metadata: Ok(metadata), .. }) if metadata == written => {
            Probe::ExactlyOnce
        }
        Some(_) => not_create_only("HEAD does not return the metadata that an object was given"),
    }
}

#[cfg(test)]
mod tests {
    use kafka2oss_chain::MetadataError;

    use super::*;

    const CREATED: PutOutcome = PutOutcome::Created { version_id: None };

    fn good() -> (Findings, ObjectMetadata) {
        let written = probe_object("p/").metadata;
        let head = Some(StoredObject { size: 2, metadata: Ok(written.clone()) });
        (Findings { first: CREATED, second: PutOutcome::Exists, head, versioning: None }, written)
    }

    fn code(findings: &Findings, written: &ObjectMetadata) -> Option<ErrorCode> {
        match judge(findings, written) {
            Probe::ExactlyOnce => None,
            Probe::AtLeastOnce { code, .. } => Some(code),
        }
    }

    #[test]
    fn one_success_one_refusal_and_its_metadata_back_are_exactly_once() {
        let (findings, written) = good();
        assert_eq!(judge(&findings, &written), Probe::ExactlyOnce);
    }

    #[test]
    fn each_failure_gives_at_least_once_and_its_code() {
        let not_create_only = Some(ErrorCode::StoreNotCreateOnly);
        let versioning_on = Some(ErrorCode::StoreVersioningOn);
        let versioned = || PutOutcome::Created { version_id: Some("v".into()) };

        let (mut findings, written) = good();
        findings.second = CREATED;
        assert_eq!(code(&findings, &written), not_create_only, "overwritten");
        findings.second = versioned();
        assert_eq!(code(&findings, &written), versioning_on, "a version id in a later answer");
        findings.first = versioned();
        findings.second = PutOutcome::Exists;
        assert_eq!(code(&findings, &written), versioning_on, "a version id");
        findings.first = PutOutcome::Exists;
        assert_eq!(code(&findings, &written), not_create_only, "a fresh key exists");

        let (mut findings, written) = good();
        for status in [BucketVersioningStatus::Enabled, BucketVersioningStatus::Suspended] {
            findings.versioning = Some(status);
            assert_eq!(code(&findings, &written), versioning_on);
        }

        let (mut findings, written) = good();
        findings.head = None;
        assert_eq!(code(&findings, &written), not_create_only, "HEAD finds nothing");
        let metadata = Err(MetadataError::Missing("kafka2oss-uid"));
        findings.head = Some(StoredObject { size: 2, metadata });
        assert_eq!(code(&findings, &written), not_create_only, "metadata is lost");
    }

    #[test]
    fn each_probe_has_a_key_of_its_own_under_the_prefix() {
        let (one, other) = (probe_object("a/b/"), probe_object("a/b/"));
        assert!(one.key.starts_with("a/b/.kafka2oss-probe/"), "{}", one.key);
        assert_ne!(one.key, other.key);
    }
}
