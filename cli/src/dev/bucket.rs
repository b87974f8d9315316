//! The bucket as a reader sees it: what `dev` shows and judges by is read back
//! through the store's own API.

use anyhow::{Context, anyhow};
use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Region, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use bytes::Bytes;
use kafka2oss_domain::spec::SecretSource;
use kafka2oss_proto::v1;
use secrecy::ExposeSecret;
use v1::store_credentials::Kind;

/// A bucket to read.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    client: Client,
    endpoint: String,
    name: String,
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) key: String,
    pub(super) size: u64,
}

impl Bucket {
    /// The bucket that a connector writes to.
    pub(super) async fn of(destination: &v1::ObjectStoreDestination) -> anyhow::Result<Self> {
        let Some(v1::StoreCredentials { kind: Some(Kind::AccessKey(key)) }) =
            &destination.credentials
        else {
            return Err(anyhow!("a destination without an AccessKey"));
        };
        let id = resolve(key.id.as_ref()).await?;
        let secret = resolve(key.secret.as_ref()).await?;
        let token = match &key.session_token {
            Some(token) => Some(resolve(Some(token)).await?),
            None => None,
        };
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .build_with_resolver(Resolver);
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http)
            .endpoint_url(&destination.endpoint)
            .region(Region::new(destination.signing_region.clone()))
            .force_path_style(destination.store_type() == v1::StoreType::S3)
            .credentials_provider(Credentials::new(id, secret, token, None, "kafka2oss dev"))
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        Ok(Self {
            client: Client::from_conf(config),
            endpoint: destination.endpoint.clone(),
            name: destination.bucket.clone(),
        })
    }

    /// Fails with the store's words where the bucket cannot be read.
    pub(super) async fn check(&self) -> anyhow::Result<()> {
        let request = self.client.list_objects_v2().bucket(&self.name).max_keys(1);
        request.send().await.map_err(|error| self.failed("list", &error))?;
        Ok(())
    }

    /// The objects whose key starts with `prefix`, in the order of their keys.
    pub(super) async fn list(&self, prefix: &str) -> anyhow::Result<Vec<Listed>> {
        let mut objects = Vec::new();
        let request = self.client.list_objects_v2().bucket(&self.name).prefix(prefix);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.failed("list", &error))?;
            objects.extend(page.contents().iter().map(|object| Listed {
                key: object.key().unwrap_or_default().to_owned(),
                size: object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
            }));
        }
        Ok(objects)
    }

    /// An object's content.
    pub(super) async fn get(&self, key: &str) -> anyhow::Result<Bytes> {
        let request = self.client.get_object().bucket(&self.name).key(key);
        let object = request.send().await.map_err(|error| self.failed(key, &error))?;
        let body = object.body.collect().await.with_context(|| format!("reading {key}"))?;
        Ok(body.into_bytes())
    }

    fn failed<E>(&self, what: &str, error: &SdkError<E>) -> anyhow::Error
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let words = match (error.code(), error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            _ => innermost(error),
        };
        anyhow!("bucket {} at {}: {what}: {words}", self.name, self.endpoint)
    }
}

/// The cause that says something: the SDK's own words are "dispatch failure".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

async fn resolve(secret: Option<&v1::Secret>) -> anyhow::Result<String> {
    let secret = secret.cloned().unwrap_or_default();
    let source = SecretSource::try_from(secret)?;
    Ok(kafka2oss_secrets::resolve(&source).await?.expose_secret().to_owned())
}

/// `*.localhost` is loopback (RFC 6761), whatever the system's resolver says.
#[derive(Debug, Clone)]
struct Resolver;

impl ResolveDns for Resolver {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        if name == "localhost" || name.ends_with(".localhost") {
            return DnsFuture::ready(Ok(vec![std::net::Ipv4Addr::LOCALHOST.into()]));
        }
        DnsFuture::new(async move {
            let found = tokio::net::lookup_host((name, 0)).await.map_err(ResolveDnsError::new)?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}
