//! Why a request to the store failed.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;

use crate::classify::{classify, hint};
use crate::dialect::Dialect;
use crate::misplaced::{Misplaced, misplaced};
use crate::permission::permission;
use crate::reply::Refusal;

/// What rustls says of a certificate that it does not take.
const UNTRUSTED: &str = "invalid peer certificate";

/// How a store begins to name the action that is not allowed.
const NAMES_ACTION: &str = "not authorized to perform: ";

/// A request to the store that failed. Every one may be tried again: what the
/// store has done by then, a create-only put or a HEAD finds out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct StoreError {
    /// What is wrong.
    pub code: ErrorCode,
    /// What was asked, of which bucket and key, and the answer in the store's
    /// words, with its code and the request's id. Never a secret.
    pub message: String,
    /// How long the store asks to be left alone; at most 5 minutes.
    pub delay: Option<Duration>,
    /// The store's own code, such as `NoSuchBucket`, if it gave one.
    pub store_code: Option<String>,
}

impl StoreError {
    /// Whether the same request may well work a moment later, with nothing changed.
    pub fn is_passing(&self) -> bool {
        matches!(
            self.code,
            ErrorCode::StoreUnreachable | ErrorCode::StoreUnavailable | ErrorCode::StoreThrottled
        )
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let StoreError { code, message, delay: _, store_code: _ } = error;
        Self { code, message }
    }
}

/// What was asked, and of what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) operation: &'static str,
    pub(crate) bucket: &'a str,
    /// Empty: the bucket itself.
    pub(crate) key: &'a str,
    /// Told when it cannot be reached.
    pub(crate) endpoint: &'a str,
    pub(crate) dialect: Dialect,
    /// The region that requests are signed for.
    pub(crate) region: &'a str,
}

impl Subject<'_> {
    /// An error that the store's answer does not name itself.
    pub(crate) fn error(&self, code: ErrorCode, words: impl fmt::Display) -> StoreError {
        StoreError { code, message: format!("{self}: {words}"), delay: None, store_code: None }
    }

    /// A request that was refused.
    pub(crate) fn refused(&self, refusal: Refusal) -> StoreError {
        let place = misplaced(&refusal, self.dialect, self.region);
        let Refusal { status, code: store_code, words, request_id, delay, .. } = refusal;
        let mut message = format!("{self}: {}", store_code.as_deref().unwrap_or("refused"));
        // S3 and its like name the action, which need not be the operation's: that on
        // a key of KMS, say.
        let is_named = words.as_deref().is_some_and(|words| words.contains(NAMES_ACTION));
        let mut add = |text: &str| message.push_str(text);
        if let Some(words) = words {
            add(&format!(": {words}"));
        }
        add(&format!(" (HTTP status {status}"));
        if let Some(id) = request_id {
            add(&format!(", request ID {id}"));
        }
        add(")");
        if let Some(hint) = hint(store_code.as_deref()) {
            add(&format!("; {hint}"));
        }
        let code = match &place {
            Some(Misplaced::Region(_)) => ErrorCode::StoreRegionWrong,
            Some(Misplaced::Endpoint { .. }) => ErrorCode::StoreEndpointWrong,
            None => classify(status, store_code.as_deref(), delay.is_some()),
        };
        match place {
            Some(Misplaced::Region(region)) => add(&format!(
                "; it was signed for region `{}`, and the bucket's is `{region}`",
                self.region
            )),
            Some(Misplaced::Endpoint { endpoint, region }) => {
                add(&format!(
                    "; it was sent to {}, and the bucket is at {endpoint}",
                    self.endpoint
                ));
                if let Some(region) = region {
                    add(&format!(" in region `{region}`"));
                }
            }
            None if code == ErrorCode::StoreAccessDenied && !is_named => {
                let Self { dialect, operation, bucket, key, .. } = *self;
                if let Some(permission) = permission(dialect, operation, bucket, key) {
                    add(&format!("; it needs {permission}"));
                }
            }
            None => {}
        }
        StoreError { code, message, delay, store_code }
    }

    /// A request that failed, by the SDK's account.
    pub(crate) fn failed<E>(&self, error: &SdkError<E, HttpResponse>) -> StoreError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        // The credentials are resolved within the request, deep in the SDK.
        if let Some(Problem { code, message }) =
            causes(error).find_map(|cause| cause.downcast_ref())
        {
            return self.error(*code, message);
        }
        let unreachable = |words: &str| {
            let words = format!("{words} (endpoint {})", self.endpoint);
            self.error(ErrorCode::StoreUnreachable, words)
        };
        match error {
            SdkError::ConstructionFailure(_) => {
                self.error(ErrorCode::StoreRequestRejected, said(error))
            }
            SdkError::DispatchFailure(failure) if failure.is_user() => {
                self.error(ErrorCode::StoreRequestRejected, said(error))
            }
            SdkError::DispatchFailure(_) => {
                let words = said(error);
                match words.contains(UNTRUSTED) {
                    true => self.error(
                        ErrorCode::StoreCertificateUntrusted,
                        format!("{words} (endpoint {})", self.endpoint),
                    ),
                    false => unreachable(&words),
                }
            }
            SdkError::TimeoutError(_) => {
                unreachable("no answer within the time that such a request may take")
            }
            _ => match Refusal::of(error) {
                Some(refusal) if refusal.status >= 300 => self.refused(refusal),
                _ => self.error(ErrorCode::StoreUnavailable, said(error)),
            },
        }
    }
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, bucket, key, .. } = self;
        match key {
            &"" => write!(f, "{operation} of bucket `{bucket}`"),
            key => write!(f, "{operation} of `{key}` in bucket `{bucket}`"),
        }
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The words of all causes, the outermost first, each once.
fn said(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for cause in causes(error) {
        let words = cause.to_string();
        // Some errors repeat the words of their cause.
        if !text.ends_with(&words) {
            let separator = if text.is_empty() { "" } else { ": " };
            text.push_str(separator);
            text.push_str(&words);
        }
    }
    text
}
