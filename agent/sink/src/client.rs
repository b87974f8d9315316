//! One SDK client a destination, all over one connection pool.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_sdk_s3::config::{
    BehaviorVersion, IdentityCache, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use bytes::Bytes;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::{AddressingStyle, Destination};

use crate::credentials::{CredentialsDigest, Resolved};
use crate::dialect::Dialect;
use crate::error::Subject;
use crate::integrity::{Checks, Content, Sums};
use crate::resolver::Resolver;

/// For the name, the connection and TLS.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// For a whole attempt, except for its body.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(30);

/// The slowest upload that is not given up: 1 MiB a second. With it, an attempt
/// for the largest object (512 MiB) ends within 10 minutes, before the store
/// takes its signature for too old.
const SLOWEST_UPLOAD: u64 = 1 << 20;

/// Connections of the whole process: pooled by host, and shared by all
/// destinations. They are served by the tokio runtime that made them.
static CONNECTIONS: LazyLock<SharedHttpClient> = LazyLock::new(|| {
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_with_resolver(Resolver)
});

/// One bucket of an object store. Clones are cheap and share their connections;
/// so do all stores of the process.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    pub(crate) client: aws_sdk_s3::Client,
    pub(crate) bucket: Arc<str>,
    pub(crate) dialect: Dialect,
    /// Whether signatures cover bodies.
    pub(crate) signs_bodies: bool,
    pub(crate) endpoint: Arc<str>,
    pub(crate) region: Arc<str>,
    credentials: Arc<Resolved>,
}

impl ObjectStore {
    /// The bucket that `destination` names. Nothing is asked of it, and no secret
    /// is read, before the first request.
    pub fn new(destination: &Destination) -> Self {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .http_client(CONNECTIONS.clone())
            .endpoint_url(&destination.endpoint)
            .region(Region::new(destination.signing_region.clone()))
            .force_path_style(destination.addressing_style == AddressingStyle::Path)
            .credentials_provider(Resolved(destination.credentials.clone()))
            // So that each request resolves them anew.
            .identity_cache(IdentityCache::no_cache())
            // Its tokens would be another identity, cached on its own.
            .disable_s3_express_session_auth(true)
            // A put that is tried again has to be signed within its window, which
            // the SDK does not know of.
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_LIMIT)
                    .operation_attempt_timeout(ATTEMPT_LIMIT)
                    .build(),
            )
            // It counts bytes handed to the connection. A body in memory is handed
            // over at once, so it would see no stall; the attempt's limit does.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            // Else bodies go out aws-chunked with a trailer, which OSS refuses.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        let dialect = Dialect::from(destination.store_type);
        // A URL's scheme is of any case (RFC 3986, 3.1).
        let scheme = destination.endpoint.get(..6);
        let is_encrypted = scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
        Self {
            client: aws_sdk_s3::Client::from_conf(config),
            bucket: destination.bucket.as_str().into(),
            dialect,
            signs_bodies: dialect.signs_bodies(is_encrypted),
            endpoint: destination.endpoint.as_str().into(),
            region: destination.signing_region.as_str().into(),
            credentials: Arc::new(Resolved(destination.credentials.clone())),
        }
    }

    /// What tells the credentials of the moment from others.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn credentials_digest(&self) -> Result<CredentialsDigest, Problem> {
        self.credentials.digest().await
    }

    /// All the checksums that putting an object into this store needs.
    pub fn sums(&self) -> Sums {
        Sums::new(Checks { crc32c: self.dialect.wants_crc32c(), sha256: self.signs_bodies })
    }

    /// What an object of this store is to hold, with its [`sums`](Self::sums): about
    /// a millisecond of processor time for each MiB.
    pub fn content(&self, bytes: Bytes) -> Content {
        self.sums().content(bytes)
    }

    pub(crate) fn subject<'a>(&'a self, operation: &'static str, key: &'a str) -> Subject<'a> {
        Subject {
            operation,
            bucket: &self.bucket,
            key,
            endpoint: &self.endpoint,
            dialect: self.dialect,
            region: &self.region,
        }
    }
}

/// How long an attempt with a body of this length may take.
pub(crate) fn attempt_limit(body_len: usize) -> Duration {
    // A usize has at most 64 bits.
    ATTEMPT_LIMIT + Duration::from_secs(body_len as u64 / SLOWEST_UPLOAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_for_the_largest_object_ends_before_its_signature_is_too_old() {
        assert_eq!(attempt_limit(0), ATTEMPT_LIMIT);
        assert!(attempt_limit(512 << 20) < Duration::from_secs(15 * 60));
    }
}
