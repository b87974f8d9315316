//! The checks of a preflight that are the store's: each right by itself.
//!
//! - `judge`: what the store's answers mean; pure.

mod judge;

use std::time::{Duration, SystemTime};

use aws_sdk_s3::types::BucketVersioningStatus;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::preflight::Finding;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::repeat::Patience;
use super::{LeftObject, Trail, probe_object};
use crate::dialect::Dialect;
use crate::reply::{Headers, KeptHeaders};
use crate::{NewObject, ObjectStore, PutOutcome, StoreError, StoredObject};

/// For one check, with what is repeated within it.
const CHECK_LIMIT: Duration = Duration::from_secs(8);

/// What the checks are about, for people.
#[derive(Debug, Clone)]
struct Place {
    endpoint: String,
    bucket: String,
    region: String,
    dialect: Dialect,
}

/// What the store said of an object that was put, and of its bucket.
#[derive(Debug)]
struct Answers {
    second: Result<PutOutcome, StoreError>,
    head: Result<Option<StoredObject>, StoreError>,
    /// Whether there was something to get.
    get: Result<bool, StoreError>,
}

/// What the store said of the bucket itself.
#[derive(Debug)]
struct OfBucket {
    list: Result<(), StoreError>,
    versioning: Result<Option<BucketVersioningStatus>, StoreError>,
    /// Whether objects are kept for a time by default; `None` where the store has no such
    /// question.
    retention: Option<Result<Option<String>, StoreError>>,
}

impl ObjectStore {
    /// Carries out all checks of the store with an object of this key, and tells each as
    /// it is finished. What was put is deleted, or returned as left; so this is to run to
    /// its end, within about 40 s.
    pub async fn preflight(
        &self,
        key: String,
        findings: &mpsc::Sender<Finding>,
    ) -> Option<LeftObject> {
        let tell = async |all: Vec<Finding>| {
            for finding in all {
                // Fails once nobody wants to know any more.
                let _ = findings.send(finding).await;
            }
        };
        let place = self.place();
        let object = probe_object(key);
        let skew = match self.within(self.skew(&object.key)).await {
            Ok(skew) => skew,
            Err(error) => {
                tell(judge::unreached(&place, error)).await;
                return None;
            }
        };
        tell(vec![judge::reached(&place)]).await;

        let (mut trail, mut patience) = (Trail::default(), Patience::new());
        // A put whose answer does not come in time may have been carried out.
        trail.may_stand = true;
        let first = timeout(CHECK_LIMIT, Box::pin(patience.repeat(|| self.put(&object)))).await;
        let first = match first {
            Ok(first) => {
                trail.may_stand = false;
                trail.note(&first);
                first
            }
            Err(_) => Err(self.silence()),
        };
        tell(judge::put(&place, skew, &first)).await;
        if first.as_ref().is_err_and(judge::is_of_the_bucket) {
            tell(judge::nothing_more(&place)).await;
        } else {
            let (of_bucket, answers) = tokio::join!(
                Box::pin(self.of_bucket(&object.key)),
                Box::pin(self.of_object(&object, &first)),
            );
            if let Some(Answers { second, head, .. }) = &answers {
                trail.note(second);
                let head = head.as_ref().ok().and_then(Option::as_ref);
                trail.note_version(head.and_then(|found| found.version_id.as_ref()));
            }
            tell(judge::bucket(&place, &of_bucket)).await;
            let answers = answers.as_ref();
            tell(judge::object(&place, &first, answers, &of_bucket, &object.metadata)).await;
        }
        let stood = trail.may_stand;
        let left = self.clean_up(&object.key, &trail, &mut Patience::new()).await;
        tell(vec![judge::deletion(&place, stood, left.as_ref())]).await;
        left
    }

    fn place(&self) -> Place {
        Place {
            endpoint: self.endpoint.to_string(),
            bucket: self.bucket.to_string(),
            region: self.region.to_string(),
            dialect: self.dialect,
        }
    }

    async fn within<T>(
        &self,
        request: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        timeout(CHECK_LIMIT, Box::pin(request)).await.unwrap_or_else(|_| Err(self.silence()))
    }

    fn silence(&self) -> StoreError {
        let limit = CHECK_LIMIT.as_secs();
        let message = format!("no answer from {} within {limit} s", self.endpoint);
        StoreError { code: ErrorCode::StoreUnreachable, message, delay: None, store_code: None }
    }

    /// How far the store's clock is ahead, by any answer of it; `None` where it does not
    /// say what time it is.
    async fn skew(&self, key: &str) -> Result<Option<i64>, StoreError> {
        let answer = KeptHeaders::default();
        let request = self.client.head_object().bucket(&*self.bucket).key(key);
        let outcome = request.customize().interceptor(answer.clone()).send().await;
        match (answer.get(), outcome) {
            (Some(headers), _) => Ok(ahead(headers, SystemTime::now())),
            (None, Ok(_)) => Ok(None),
            (None, Err(error)) => Err(self.subject("HeadObject", key).failed(&error)),
        }
    }

    /// What the store says of the object, if there is one.
    async fn of_object(
        &self,
        object: &NewObject,
        first: &Result<PutOutcome, StoreError>,
    ) -> Option<Answers> {
        first.as_ref().ok()?;
        let key = object.key.as_str();
        let get = async || Ok(self.get(key, 0).await?.is_some());
        let (mut one, mut two, mut three) = (Patience::new(), Patience::new(), Patience::new());
        let (second, head, get) = tokio::join!(
            self.within(one.repeat(|| self.put(object))),
            self.within(two.repeat(|| self.head(key))),
            self.within(three.repeat(get)),
        );
        Some(Answers { second, head, get })
    }

    async fn of_bucket(&self, key: &str) -> OfBucket {
        let list = async || self.list(key, None).await.map(drop);
        let (mut one, mut two, mut three) = (Patience::new(), Patience::new(), Patience::new());
        let (list, versioning, retention) = tokio::join!(
            self.within(one.repeat(list)),
            self.within(two.repeat(|| self.told_versioning())),
            self.within(three.repeat(|| self.retention())),
        );
        // OSS has no such question, and its S3-compatible API may take it for another.
        let retention = (self.dialect == Dialect::S3).then_some(retention);
        OfBucket { list, versioning, retention }
    }

    /// For how long objects are kept by default.
    async fn retention(&self) -> Result<Option<String>, StoreError> {
        if self.dialect != Dialect::S3 {
            return Ok(None);
        }
        let request = self.client.get_object_lock_configuration().bucket(&*self.bucket);
        let output = match request.send().await {
            Ok(output) => output,
            Err(error) => {
                let error = self.subject("GetObjectLockConfiguration", "").failed(&error);
                let has_none = error.store_code.as_deref() == Some(NO_LOCK);
                return if has_none { Ok(None) } else { Err(error) };
            }
        };
        let rule = output.object_lock_configuration.and_then(|lock| lock.rule);
        let retention = rule.and_then(|rule| rule.default_retention);
        Ok(retention.map(|retention| {
            let mode = retention.mode().map_or("", |mode| mode.as_str());
            match (retention.days(), retention.years()) {
                (Some(days), _) => format!("{mode} for {days} days"),
                (None, Some(years)) => format!("{mode} for {years} years"),
                (None, None) => mode.to_owned(),
            }
        }))
    }
}

/// What S3 and its like say of a bucket without Object Lock.
const NO_LOCK: &str = "ObjectLockConfigurationNotFoundError";

/// By how many seconds the time in an answer is ahead of ours.
fn ahead(headers: &Headers, now: SystemTime) -> Option<i64> {
    let theirs = DateTime::from_str(headers.get("date")?, Format::HttpDate).ok()?;
    Some(theirs.secs().saturating_sub(DateTime::from(now).secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_in_an_answer_is_compared_with_ours() {
        let at = |date: &'static str| {
            let mut headers = Headers::new();
            headers.insert("date", date);
            ahead(&headers, SystemTime::UNIX_EPOCH + Duration::from_secs(1_000))
        };
        assert_eq!(at("Thu, 01 Jan 1970 00:17:40 GMT"), Some(60));
        assert_eq!(at("Thu, 01 Jan 1970 00:16:30 GMT"), Some(-10));
        assert_eq!(at("yesterday"), None);
        assert_eq!(ahead(&Headers::new(), SystemTime::now()), None);
    }
}
