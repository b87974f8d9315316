//! Faults: what happens to which requests, and how often.

use std::time::Duration;

use super::operation::Operation;

/// Which requests a fault meets. All conditions must hold; none: every request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestMatch {
    operation: Option<Operation>,
    bucket: Option<String>,
    key_part: Option<String>,
}

impl RequestMatch {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests of one operation.
    pub fn operation(operation: Operation) -> Self {
        Self { operation: Some(operation), ..Self::default() }
    }

    /// Of these, the ones on `bucket`.
    #[must_use]
    pub fn in_bucket(mut self, bucket: impl Into<String>) -> Self {
        self.bucket = Some(bucket.into());
        self
    }

    /// Of these, the ones whose key contains `part`.
    #[must_use]
    pub fn with_key_containing(mut self, part: impl Into<String>) -> Self {
        self.key_part = Some(part.into());
        self
    }

    pub(crate) fn matches(
        &self,
        operation: Operation,
        bucket: Option<&str>,
        key: Option<&str>,
    ) -> bool {
        self.operation.is_none_or(|wanted| wanted == operation)
            && self.bucket.as_deref().is_none_or(|wanted| bucket == Some(wanted))
            && self.key_part.as_deref().is_none_or(|part| key.is_some_and(|key| key.contains(part)))
    }
}

/// How often a fault happens to requests that match.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Occurrence {
    /// To every one, until the fault is removed.
    Always,
    /// To the next so many.
    Times(u32),
    /// To each with this probability, 0 to 1, drawn from the seeded generator of
    /// [`Faults::seed`](super::Faults::seed).
    Probability(f64),
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It waits so long before it is carried out.
    Latency(Duration),
    /// It is not carried out, but answered 503 with the code, and `delay` in the
    /// header `x-oss-qos-delay-time` (milliseconds).
    Throttle {
        /// Which limit was met.
        code: ThrottleCode,
        /// The pause that the store asks for.
        delay: Duration,
    },
    /// It is not carried out, but answered with this status and error code.
    Refuse {
        /// An HTTP status; one that is not legal counts as 500.
        status: u16,
        /// The error code, such as `AccessDenied`.
        code: String,
    },
    /// It is not carried out: the bucket is served at this endpoint, a host, which
    /// the answer (403 AccessDenied) names.
    Elsewhere {
        /// Such as `oss-cn-shanghai.aliyuncs.com`.
        endpoint: String,
    },
    /// It is carried out; where nothing stands under its key, the answer is 403
    /// AccessDenied in place of 404, as S3 gives it to those who may not list.
    AbsenceDenied,
    /// It is carried out, then the connection is closed without an answer.
    LostAnswer,
    /// It is not carried out; the connection is reset.
    ConnectionReset,
}

/// OSS's codes for throttled requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThrottleCode {
    /// The account's requests per second.
    TotalQpsLimitExceeded,
    /// The requests per second of a range of keys (spelled so by OSS).
    PartitionQpsLimitted,
    /// The upload bandwidth.
    UploadTrafficRateLimitExceeded,
}

impl ThrottleCode {
    /// The code as it stands in the reply.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TotalQpsLimitExceeded => "TotalQpsLimitExceeded",
            Self::PartitionQpsLimitted => "PartitionQpsLimitted",
            Self::UploadTrafficRateLimitExceeded => "UploadTrafficRateLimitExceeded",
        }
    }
}
