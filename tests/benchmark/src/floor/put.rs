//! The cheapest client of the store that there is: the same body put again and
//! again, with the settings, the signature and the checksum of the product's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    BehaviorVersion, Config, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig,
};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clap::Args;
use kafka2oss_tests::bucket::S3Access;
use tokio::task::JoinSet;

use crate::measure::{Measured, Meter};
use crate::values::Values;

const ATTEMPT_LIMIT: Duration = Duration::from_secs(60);

/// What the child is told.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[arg(long)]
    endpoint: String,
    #[arg(long)]
    region: String,
    #[arg(long)]
    access_key: String,
    #[arg(long)]
    secret_key: String,
    #[arg(long)]
    bucket: String,
    /// Objects to put
    #[arg(long)]
    objects: u64,
    /// Bytes of all objects together
    #[arg(long)]
    bytes: u64,
    /// Puts under way at a time
    #[arg(long)]
    parallelism: usize,
}

/// Has a child put as many bytes, in as many objects of the same size, into a
/// bucket of MinIO. What it takes to make the body is not counted.
pub(crate) async fn measure(
    access: &S3Access,
    bucket: &str,
    objects: u64,
    bytes: u64,
    parallelism: usize,
) -> Result<Measured> {
    super::measured(&[
        "bare-put",
        "--endpoint",
        &access.endpoint,
        "--region",
        &access.region,
        "--access-key",
        &access.access_key,
        "--secret-key",
        &access.secret_key,
        "--bucket",
        bucket,
        "--objects",
        &objects.to_string(),
        "--bytes",
        &bytes.to_string(),
        "--parallelism",
        &parallelism.to_string(),
    ])
    .await
}

/// Puts the objects, in the child.
pub(crate) async fn run(options: Options) -> Result<Measured> {
    let size = options.bytes / options.objects.max(1);
    let body = Bytes::copy_from_slice(Values::new(0, usize::try_from(size)?).next(0));
    let work = Arc::new(Work {
        client: client(&options),
        body,
        next: AtomicU64::new(0),
        objects: options.objects,
        is_encrypted: options.endpoint.starts_with("https:"),
        bucket: options.bucket,
    });

    let (meter, started) = (Meter::start(std::process::id())?, Instant::now());
    let mut workers = JoinSet::new();
    for _ in 0..options.parallelism {
        let work = work.clone();
        workers.spawn(async move { work.put_all().await });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    meter.read(started.elapsed().as_secs_f64())
}

struct Work {
    client: Client,
    bucket: String,
    body: Bytes,
    next: AtomicU64,
    objects: u64,
    /// TLS covers the bodies, and no signature does.
    is_encrypted: bool,
}

impl Work {
    async fn put_all(&self) -> Result<()> {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.objects {
                return Ok(());
            }
            let crc32c = crc_fast::crc32_iscsi(&self.body).to_be_bytes();
            let request = self
                .client
                .put_object()
                .bucket(&self.bucket)
                .key(format!("bare/{number:020}.json"))
                .content_type("application/json")
                .if_none_match("*")
                .checksum_crc32_c(STANDARD.encode(crc32c))
                .body(ByteStream::from(self.body.clone()));
            let put = if self.is_encrypted {
                request.customize().disable_payload_signing().send().await
            } else {
                request.send().await
            };
            put.with_context(|| format!("cannot put object {number}"))?;
        }
    }
}

/// As the product's (`agent/sink/src/client.rs`), as far as it matters for cost.
fn client(options: &Options) -> Client {
    let credentials =
        Credentials::new(&options.access_key, &options.secret_key, None, None, "benchmark");
    let connections = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_https();
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .http_client(connections)
        .endpoint_url(&options.endpoint)
        .region(Region::new(options.region.clone()))
        .force_path_style(true)
        .credentials_provider(credentials)
        .disable_s3_express_session_auth(true)
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_LIMIT).build())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .build();
    Client::from_conf(config)
}
