//! What stands in a bucket, read by the AWS SDK with a key of the test's own:
//! independent of the product's client.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Config, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    SharedHttpClient,
};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use serde_json::Value;

/// How a bucket's name goes into the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    /// `http://host/bucket/key`: MinIO.
    PathStyle,
    /// `http://bucket.host/key`: the only one that OSS takes.
    VirtualHosted,
}

/// Where a store is and who asks.
#[derive(Debug, Clone)]
pub struct S3Access {
    /// URL of the store, without a bucket.
    pub endpoint: String,
    /// The region in signatures.
    pub region: String,
    /// Access key ID.
    pub access_key: String,
    /// Access key secret.
    pub secret_key: String,
    /// How buckets are addressed.
    pub addressing: Addressing,
    /// Who signed the store's certificate, as PEM: nobody else is trusted.
    pub authority: Option<String>,
}

impl S3Access {
    /// A client that tries once and in which `*.localhost` is this machine.
    pub fn client(&self) -> Client {
        let credentials = Credentials::new(&self.access_key, &self.secret_key, None, None, "test");
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http_client(self.authority.as_deref()))
            .endpoint_url(&self.endpoint)
            .region(Region::new(self.region.clone()))
            .credentials_provider(credentials)
            .force_path_style(self.addressing == Addressing::PathStyle)
            // OSS refuses the trailers in which the SDK sends checksums.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder().operation_timeout(Duration::from_secs(30)).build(),
            )
            .build();
        Client::from_conf(config)
    }

    /// A bucket of this store, whether it exists or not.
    pub fn bucket(&self, name: impl Into<String>) -> Bucket {
        Bucket { client: self.client(), name: name.into() }
    }
}

/// A bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: Client,
    name: String,
}

/// An object as it was read.
#[derive(Debug, Clone)]
pub struct StoredObject {
    /// Its key.
    pub key: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Its user metadata (`x-amz-meta-...`), names without that prefix.
    pub metadata: HashMap<String, String>,
    /// Its content type.
    pub content_type: Option<String>,
    /// Its entity tag.
    pub etag: Option<String>,
}

/// A JSON-array object's records.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectRecords {
    /// The object's key.
    pub key: String,
    /// The array's elements in their order.
    pub records: Vec<Value>,
}

impl Bucket {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The client, for requests that have no method here.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Creates it.
    pub async fn create(&self) -> Result<()> {
        let request = self.client.create_bucket().bucket(&self.name);
        request.send().await.map_err(readable)?;
        Ok(())
    }

    /// All keys that start with `prefix`, in byte order.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        let mut pages =
            self.client.list_objects_v2().bucket(&self.name).prefix(prefix).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let objects = page.map_err(readable)?.contents.unwrap_or_default();
            keys.extend(objects.into_iter().filter_map(|object| object.key));
        }
        keys.sort();
        Ok(keys)
    }

    /// An object.
    pub async fn get(&self, key: &str) -> Result<StoredObject> {
        let request = self.client.get_object().bucket(&self.name).key(key);
        let answer =
            request.send().await.map_err(readable).with_context(|| format!("cannot get {key}"))?;
        Ok(StoredObject {
            key: key.to_owned(),
            metadata: answer.metadata.unwrap_or_default(),
            content_type: answer.content_type,
            etag: answer.e_tag,
            bytes: answer.body.collect().await?.to_vec(),
        })
    }

    /// Puts an object, over one that may exist.
    pub async fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) -> Result<()> {
        let request = self.client.put_object().bucket(&self.name).key(key);
        let request = request.body(bytes.into().into());
        request.send().await.map_err(readable)?;
        Ok(())
    }

    /// Deletes an object.
    pub async fn delete(&self, key: &str) -> Result<()> {
        let request = self.client.delete_object().bucket(&self.name).key(key);
        request.send().await.map_err(readable)?;
        Ok(())
    }

    /// The elements of an object that is a JSON array.
    pub async fn read_json_array(&self, key: &str) -> Result<Vec<Value>> {
        let object = self.get(key).await?;
        serde_json::from_slice(&object.bytes).with_context(|| format!("{key} is no JSON array"))
    }

    /// All objects under `prefix` with their records, in the order of their keys.
    pub async fn records(&self, prefix: &str) -> Result<Vec<ObjectRecords>> {
        let mut objects = Vec::new();
        for key in self.keys(prefix).await? {
            let records = self.read_json_array(&key).await?;
            objects.push(ObjectRecords { key, records });
        }
        Ok(objects)
    }
}

/// The store's own error code and message in front: the SDK's text for an error
/// that its model does not name is "unhandled error".
fn readable<E>(error: SdkError<E>) -> anyhow::Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = error.code().unwrap_or("no code").to_owned();
    anyhow!("{code}: {}", DisplayErrorContext(error))
}

fn http_client(authority: Option<&str>) -> SharedHttpClient {
    let trusted = authority.into_iter().fold(TrustStore::empty(), |trusted, certificate| {
        trusted.with_pem_certificate(certificate.as_bytes())
    });
    let context = TlsContext::builder().with_trust_store(trusted).build();
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(context.expect("a trust store is all that it takes"))
        .build_with_resolver(LocalhostResolver)
}

/// Answers `localhost` and all names below it with loopback (RFC 6761), which
/// the system's resolver need not do, so that virtual-hosted buckets work.
#[derive(Debug, Clone, Copy)]
struct LocalhostResolver;

impl ResolveDns for LocalhostResolver {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        if name == "localhost" || name.ends_with(".localhost") {
            return DnsFuture::ready(Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]));
        }
        // Tests talk to loopback only.
        let refusal = format!("{name} is not on this machine");
        DnsFuture::ready(Err(ResolveDnsError::new(refusal)))
    }
}
