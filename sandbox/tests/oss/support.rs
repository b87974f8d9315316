//! An emulator with a bucket, and clients for it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    retry::RetryConfig,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_async::time::StaticTimeSource;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use kafka2oss_sandbox::oss::{OssEmulator, OssOptions};

pub(crate) const BUCKET: &str = "oss-bucket";
pub(crate) const KEY_ID: &str = "test-id";
pub(crate) const SECRET: &str = "test-secret";

/// `localhost` and its subdomains are this machine, whatever the system's resolver
/// makes of them (RFC 6761, section 6.3).
#[derive(Debug, Clone)]
struct LoopbackResolver;

impl ResolveDns for LoopbackResolver {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::ready(match name {
            "localhost" => Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]),
            name if name.ends_with(".localhost") => Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]),
            name => Err(ResolveDnsError::new(format!("{name} is not below localhost"))),
        })
    }
}

pub(crate) fn options() -> OssOptions {
    OssOptions {
        access_keys: vec![(KEY_ID.to_owned(), SECRET.to_owned())],
        ..OssOptions::default()
    }
}

/// An emulator in memory, with [`BUCKET`].
pub(crate) async fn emulator() -> OssEmulator {
    let emulator = OssEmulator::start(options()).await.unwrap();
    emulator.create_bucket(BUCKET).await.unwrap();
    emulator
}

/// The configuration that the agent uses against OSS.
pub(crate) fn config(emulator: &OssEmulator) -> aws_sdk_s3::config::Builder {
    config_without_keys(emulator).credentials_provider(Credentials::from_keys(KEY_ID, SECRET, None))
}

pub(crate) fn config_without_keys(emulator: &OssEmulator) -> aws_sdk_s3::config::Builder {
    let http_client = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_with_resolver(LoopbackResolver);
    aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .http_client(http_client)
        .region(Region::new("cn-hangzhou"))
        .endpoint_url(emulator.endpoint())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .retry_config(RetryConfig::disabled())
}

pub(crate) fn client(emulator: &OssEmulator) -> Client {
    Client::from_conf(config(emulator).build())
}

pub(crate) fn client_at(emulator: &OssEmulator, time: SystemTime) -> Client {
    Client::from_conf(config(emulator).time_source(StaticTimeSource::new(time)).build())
}

pub(crate) fn client_with_keys(emulator: &OssEmulator, id: &str, secret: &str) -> Client {
    let credentials = Credentials::from_keys(id, secret, None);
    Client::from_conf(config(emulator).credentials_provider(credentials).build())
}

/// A refusal as the client sees it: status, code (HEAD has none), headers.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) code: Option<String>,
    headers: Vec<(String, String)>,
}

impl Refused {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

/// What a call that must not succeed was told.
pub(crate) fn refused<T, E>(result: Result<T, SdkError<E, HttpResponse>>) -> Refused
where
    T: std::fmt::Debug,
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let error = result.unwrap_err();
    let response = error.raw_response().unwrap_or_else(|| panic!("no answer: {error:?}"));
    Refused {
        status: response.status().as_u16(),
        code: error.as_service_error().and_then(|error| error.code()).map(str::to_owned),
        headers: response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    }
}

/// Asserts on status and code of a refusal.
#[track_caller]
pub(crate) fn assert_refused<T, E>(
    result: Result<T, SdkError<E, HttpResponse>>,
    status: u16,
    code: &str,
) where
    T: std::fmt::Debug,
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let refused = refused(result);
    assert_eq!((refused.status, refused.code.as_deref()), (status, Some(code)));
    assert!(refused.header("x-oss-request-id").is_some());
}

/// A put with `x-oss-forbid-overwrite: true`.
pub(crate) async fn put_create_only(
    client: &Client,
    key: &str,
    body: &str,
) -> Result<
    aws_sdk_s3::operation::put_object::PutObjectOutput,
    SdkError<aws_sdk_s3::operation::put_object::PutObjectError, HttpResponse>,
> {
    client
        .put_object()
        .bucket(BUCKET)
        .key(key)
        .body(body.as_bytes().to_vec().into())
        .customize()
        .mutate_request(|request| {
            request.headers_mut().insert("x-oss-forbid-overwrite", "true");
        })
        .send()
        .await
}

/// A plain put.
pub(crate) async fn put(client: &Client, key: &str, body: &str) {
    let body = body.as_bytes().to_vec().into();
    client.put_object().bucket(BUCKET).key(key).body(body).send().await.unwrap();
}

/// The body of an object, read by a client.
pub(crate) async fn read(client: &Client, key: &str) -> String {
    let object = client.get_object().bucket(BUCKET).key(key).send().await.unwrap();
    let body = object.body.collect().await.unwrap().to_vec();
    String::from_utf8(body).unwrap()
}
