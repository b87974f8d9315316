//! What the store's answers to a probe say.

use aws_sdk_s3::types::BucketVersioningStatus;
use kafka2oss_chain::ObjectMetadata;
use kafka2oss_domain::ErrorCode;

use super::Probe;
use crate::dialect::Dialect;
use crate::{PutOutcome, StoredObject};

/// What the probe has seen.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) first: PutOutcome,
    pub(super) second: PutOutcome,
    pub(super) head: Option<StoredObject>,
    /// As the store tells it; `None` when it does not, or when there is none.
    pub(super) versioning: Option<BucketVersioningStatus>,
}

/// Of two puts of one key the second is refused, and what stands there is what was
/// put. The first may find what an earlier probe has left, or an attempt of its own
/// whose answer was lost.
pub(super) fn judge(dialect: Dialect, findings: &Findings, written: &ObjectMetadata) -> Probe {
    let Findings { first, second, head, versioning } = findings;
    let at_least_once = |code, reason: String| Probe::AtLeastOnce { code, reason };

    if dialect.overwrites_versions() {
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
    }
    let not_create_only =
        |reason: &str| at_least_once(ErrorCode::StoreNotCreateOnly, reason.to_owned());
    if let PutOutcome::Created { .. } = second {
        return not_create_only("a create-only put of a key that was just put succeeded");
    }
    match head {
        None if *first == PutOutcome::Exists => {
            not_create_only("a create-only put was refused as existing where nothing stands")
        }
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

    use super::super::probe_object;
    use super::*;

    const CREATED: PutOutcome = PutOutcome::Created { version_id: None };

    fn good() -> (Findings, ObjectMetadata) {
        let written = probe_object("k".to_owned()).metadata;
        let head = StoredObject { size: 2, metadata: Ok(written.clone()), version_id: None };
        let (second, head) = (PutOutcome::Exists, Some(head));
        (Findings { first: CREATED, second, head, versioning: None }, written)
    }

    fn code(dialect: Dialect, findings: &Findings, written: &ObjectMetadata) -> Option<ErrorCode> {
        match judge(dialect, findings, written) {
            Probe::ExactlyOnce => None,
            Probe::AtLeastOnce { code, .. } => Some(code),
        }
    }

    fn versioned() -> PutOutcome {
        PutOutcome::Created { version_id: Some("v".into()) }
    }

    #[test]
    fn a_refusal_of_the_second_put_and_the_metadata_back_are_exactly_once() {
        for dialect in [Dialect::Oss, Dialect::S3] {
            let (mut findings, written) = good();
            assert_eq!(code(dialect, &findings, &written), None);
            // What an earlier probe has left.
            findings.first = PutOutcome::Exists;
            assert_eq!(code(dialect, &findings, &written), None);
        }
    }

    #[test]
    fn versions_are_a_doubt_where_the_store_overwrites_them_only() {
        let (mut findings, written) = good();
        findings.first = versioned();
        assert_eq!(code(Dialect::S3, &findings, &written), None, "the second put was refused");
        assert_eq!(code(Dialect::Oss, &findings, &written), Some(ErrorCode::StoreVersioningOn));
        findings.first = CREATED;
        for status in [BucketVersioningStatus::Enabled, BucketVersioningStatus::Suspended] {
            findings.versioning = Some(status);
            let expected = Some(ErrorCode::StoreVersioningOn);
            assert_eq!(code(Dialect::Oss, &findings, &written), expected);
        }
    }

    #[test]
    fn each_failure_gives_at_least_once_and_its_code() {
        let not_create_only = Some(ErrorCode::StoreNotCreateOnly);
        let (mut findings, written) = good();
        for second in [CREATED, versioned()] {
            findings.second = second;
            assert_eq!(code(Dialect::S3, &findings, &written), not_create_only, "overwritten");
        }
        findings.second = CREATED;
        assert_eq!(code(Dialect::Oss, &findings, &written), not_create_only, "overwritten");

        for first in [CREATED, PutOutcome::Exists] {
            let (mut findings, written) = good();
            findings.first = first;
            findings.head = None;
            assert_eq!(code(Dialect::S3, &findings, &written), not_create_only, "nothing stands");
            let metadata = Err(MetadataError::Missing("kafka2oss-uid"));
            findings.head = Some(StoredObject { size: 2, metadata, version_id: None });
            assert_eq!(code(Dialect::S3, &findings, &written), not_create_only, "metadata is lost");
        }
    }
}
