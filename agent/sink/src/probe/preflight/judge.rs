//! What the store's answers to a preflight mean. No I/O.

use kafka2oss_chain::ObjectMetadata;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::preflight::{Check, Finding};

use super::{Answers, OfBucket, Place};
use crate::dialect::Dialect;
use crate::probe::verdict::{self, judge};
use crate::probe::{LeftObject, Probe, is_not_told};
use crate::{PutOutcome, StoreError, StoredObject};

/// Clocks so many seconds apart are told of.
const NOTABLE_SKEW: u64 = 60;
/// And so many are refused by stores.
const REFUSED_SKEW: u64 = 15 * 60;

/// The check that a refusal is of.
fn check_of(error: &StoreError) -> Check {
    use ErrorCode as Code;
    match error.code {
        Code::StoreUnreachable | Code::StoreCertificateUntrusted => Check::StoreConnect,
        Code::StoreCredentialsInvalid | Code::SecretUnreadable | Code::CredentialsRequired => {
            Check::StoreCredentials
        }
        Code::StoreRegionWrong | Code::StoreEndpointWrong | Code::StoreEndpointRestricted => {
            Check::StoreRegion
        }
        Code::StoreClockSkewed => Check::StoreClock,
        Code::StoreBucketNotFound => Check::StoreBucket,
        _ => Check::StorePut,
    }
}

/// Whether nothing else of the bucket can be told after this answer to a put.
pub(super) fn is_of_the_bucket(error: &StoreError) -> bool {
    check_of(error) != Check::StorePut
}

/// There was no answer at all.
pub(super) fn unreached(place: &Place, error: StoreError) -> Vec<Finding> {
    let wrong = match check_of(&error) {
        // The request was not even made.
        Check::StoreCredentials => Check::StoreCredentials,
        _ => Check::StoreConnect,
    };
    Finding::alone(wrong, subject(place, wrong), error.into())
}

/// There was an answer.
pub(super) fn reached(place: &Place) -> Finding {
    Finding::pass(Check::StoreConnect, &place.endpoint, "the endpoint answers")
}

/// What follows from the answer to the first put, and from the time in an answer.
pub(super) fn put(
    place: &Place,
    ahead: Option<i64>,
    put: &Result<PutOutcome, StoreError>,
) -> Vec<Finding> {
    const OF_BUCKET: [Check; 3] = [Check::StoreCredentials, Check::StoreRegion, Check::StoreBucket];
    let wrong = put.as_ref().err().map(|error| (check_of(error), Problem::from(error.clone())));
    let (wrong, problem) = wrong.unzip();
    let mut findings = Vec::new();
    if wrong != Some(Check::StoreClock) {
        findings.push(clock(place, ahead));
    }
    let is_reached = wrong.is_none_or(|wrong| wrong == Check::StorePut);
    for check in OF_BUCKET.into_iter().filter(|check| wrong != Some(*check)) {
        let subject = subject(place, check);
        findings.push(match is_reached {
            true => Finding::pass(check, subject, good(place, check)),
            false => Finding::skipped(check, subject, "the store did not come so far"),
        });
    }
    match (wrong, problem) {
        (Some(Check::StoreConnect), Some(problem)) => {
            findings.push(Finding::fail(Check::StorePut, &place.bucket, problem));
        }
        (Some(wrong), Some(problem)) => {
            findings.push(Finding::fail(wrong, subject(place, wrong), problem));
            if wrong != Check::StorePut {
                let why = format!("{wrong} failed");
                findings.push(Finding::skipped(Check::StorePut, &place.bucket, why));
            }
        }
        _ => findings.push(Finding::pass(Check::StorePut, &place.bucket, "an object was put")),
    }
    findings
}

fn good(place: &Place, check: Check) -> String {
    match check {
        Check::StoreRegion => format!("requests are signed for region `{}`", place.region),
        Check::StoreBucket => "the bucket exists".to_owned(),
        _ => "the store knows them".to_owned(),
    }
}

fn subject(place: &Place, check: Check) -> &str {
    match check {
        Check::StoreConnect | Check::StoreClock => &place.endpoint,
        _ => &place.bucket,
    }
}

fn clock(place: &Place, ahead: Option<i64>) -> Finding {
    let (check, subject) = (Check::StoreClock, &place.endpoint);
    let Some(ahead) = ahead else {
        return Finding::skipped(check, subject, "the store does not say what time it is");
    };
    let apart = ahead.unsigned_abs();
    if apart < NOTABLE_SKEW {
        let detail = format!("the agent's clock and the store's are {apart} s apart");
        return Finding::pass(check, subject, detail);
    }
    let direction = if ahead > 0 { "behind" } else { "ahead of" };
    let message = format!("the agent's clock is {apart} s {direction} the store's");
    let problem = Problem::new(ErrorCode::StoreClockSkewed, message);
    match apart < REFUSED_SKEW {
        true => Finding::warn(check, subject, problem),
        false => Finding::fail(check, subject, problem),
    }
}

/// After an answer to the first put beyond which nothing can be told.
pub(super) fn nothing_more(place: &Place) -> Vec<Finding> {
    [
        Check::StoreCreateOnly,
        Check::StoreHead,
        Check::StoreGet,
        Check::StoreList,
        Check::StoreVersioning,
        Check::StoreObjectLock,
    ]
    .map(|check| Finding::skipped(check, &place.bucket, "nothing could be put"))
    .into()
}

/// What the bucket itself allows and is set to.
pub(super) fn bucket(place: &Place, answers: &OfBucket) -> Vec<Finding> {
    let OfBucket { list, versioning, retention } = answers;
    let bucket = &place.bucket;
    let list = right(Check::StoreList, bucket, list, "the bucket can be listed");

    let check = Check::StoreVersioning;
    let versioning = match versioning {
        Ok(None) => Finding::pass(check, bucket, "the bucket keeps no versions"),
        Ok(Some(status)) if place.dialect.overwrites_versions() => {
            let message = format!("the bucket's versioning is {status}");
            let problem = Problem::new(ErrorCode::StoreVersioningOn, message);
            Finding::warn(check, bucket, problem)
        }
        Ok(Some(status)) => {
            let detail = format!("the bucket's versioning is {status}, which does no harm here");
            Finding::pass(check, bucket, detail)
        }
        Err(error) if is_not_told(error) => Finding::skipped(check, bucket, &error.message),
        Err(error) => Finding::warn(check, bucket, error.clone().into()),
    };

    let check = Check::StoreObjectLock;
    let lock = match retention {
        None => Finding::skipped(check, bucket, "OSS tells it by refusing the deletion only"),
        Some(Ok(None)) => Finding::pass(check, bucket, "the bucket has no default retention"),
        Some(Ok(Some(kept))) => {
            let message =
                format!("the bucket keeps each object by default ({kept}), what is tried out, too");
            Finding::warn(check, bucket, Problem::new(ErrorCode::StoreProbeLeft, message))
        }
        Some(Err(error)) => Finding::skipped(check, bucket, &error.message),
    };
    vec![list, versioning, lock]
}

/// A right that connectors run without.
fn right<T>(
    check: Check,
    bucket: &str,
    answer: &Result<T, StoreError>,
    good: &'static str,
) -> Finding {
    match answer {
        Ok(_) => Finding::pass(check, bucket, good),
        Err(error) => Finding::warn(check, bucket, error.clone().into()),
    }
}

/// What may be done with an object that was put; `None` where none was.
pub(super) fn object(
    place: &Place,
    first: &Result<PutOutcome, StoreError>,
    answers: Option<&Answers>,
    of_bucket: &OfBucket,
    written: &ObjectMetadata,
) -> Vec<Finding> {
    let bucket = &place.bucket;
    let (Ok(first), Some(answers)) = (first, answers) else {
        return [Check::StoreCreateOnly, Check::StoreHead, Check::StoreGet]
            .map(|check| Finding::skipped(check, bucket, "nothing could be put"))
            .into();
    };
    let get = match &answers.get {
        Ok(false) => Finding::skipped(Check::StoreGet, bucket, "the object was not found"),
        get => right(Check::StoreGet, bucket, get, "the object could be read"),
    };
    vec![
        create_only(place, first, answers, of_bucket, written),
        head(bucket, answers, written),
        get,
    ]
}

fn create_only(
    place: &Place,
    first: &PutOutcome,
    answers: &Answers,
    of_bucket: &OfBucket,
    written: &ObjectMetadata,
) -> Finding {
    let check = Check::StoreCreateOnly;
    let second = match &answers.second {
        Ok(second) => second.clone(),
        Err(error) => return Finding::warn(check, &place.bucket, error.clone().into()),
    };
    // HEAD has a check of its own: what it refuses is no doubt about puts.
    let as_written =
        || Some(StoredObject { size: 0, metadata: Ok(written.clone()), version_id: None });
    let head = answers.head.clone().unwrap_or_else(|_| as_written());
    let versioning = of_bucket.versioning.as_ref().ok().cloned().flatten();
    let findings = verdict::Findings { first: first.clone(), second, head, versioning };
    match judge(place.dialect, &findings, written) {
        Probe::ExactlyOnce => {
            Finding::pass(check, &place.bucket, "a second put of the same key was refused")
        }
        Probe::AtLeastOnce { code, reason } => {
            Finding::warn(check, &place.bucket, Problem::new(code, reason))
        }
    }
}

fn head(bucket: &str, answers: &Answers, written: &ObjectMetadata) -> Finding {
    let check = Check::StoreHead;
    match &answers.head {
        Ok(Some(StoredObject { metadata: Ok(metadata), .. })) if metadata == written => {
            Finding::pass(check, bucket, "the object's metadata came back")
        }
        Ok(found) => {
            let message = match found {
                Some(_) => "HEAD does not return the metadata that an object was given",
                None => "HEAD does not find an object that was just put",
            };
            let problem = Problem::new(ErrorCode::StoreNotCreateOnly, message);
            Finding::warn(check, bucket, problem)
        }
        Err(error) => Finding::fail(check, bucket, error.clone().into()),
    }
}

/// What became of what may have stood.
pub(super) fn deletion(place: &Place, stood: bool, left: Option<&LeftObject>) -> Finding {
    let (check, bucket) = (Check::StoreDelete, &place.bucket);
    let refusal = match place.dialect {
        Dialect::Oss => "; a retention policy (WORM) of the bucket refuses it, too",
        Dialect::S3 => "",
    };
    match left {
        Some(LeftObject { problem, .. }) => {
            let message = format!("{}{refusal}", problem.message);
            Finding::warn(check, bucket, Problem::new(problem.code, message))
        }
        None if stood => Finding::pass(check, bucket, "what was put was deleted"),
        None => Finding::skipped(check, bucket, "nothing was put"),
    }
}

#[cfg(test)]
mod tests;
