//! Temporary credentials, by AssumeRole of the STS API, as MinIO answers it.

use std::net::SocketAddr;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bucket::S3Access;

/// A temporary access key.
#[derive(Debug, Clone)]
pub struct Session {
    /// Access key ID.
    pub access_key: String,
    /// Access key secret.
    pub secret_key: String,
    /// What makes the two valid.
    pub session_token: String,
}

/// Asks the store at `address` for a session that lasts an hour and allows what
/// `policy`, a policy document, does.
pub(crate) async fn assume_role(
    address: SocketAddr,
    access: &S3Access,
    policy: &str,
) -> Result<Session> {
    let policy = utf8_percent_encode(policy, NON_ALPHANUMERIC);
    let body = format!("Action=AssumeRole&Version=2011-06-15&DurationSeconds=3600&Policy={policy}");
    let answer = exchange(address, &signed(address, access, &body)?).await?;
    let element = |name: &str| {
        let (_, rest) = answer.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(text, _)| text.to_owned())
    };
    let session = || {
        Some(Session {
            access_key: element("AccessKeyId")?,
            secret_key: element("SecretAccessKey")?,
            session_token: element("SessionToken")?,
        })
    };
    match session() {
        Some(session) => Ok(session),
        None => bail!("no session: {answer}"),
    }
}

/// The request as it goes over the wire.
fn signed(address: SocketAddr, access: &S3Access, body: &str) -> Result<String> {
    let identity =
        Credentials::new(&access.access_key, &access.secret_key, None, None, "test").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(&access.region)
        .name("sts")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let host = address.to_string();
    let headers = [("host", host.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let url = format!("http://{host}/");
    let signable = SignableBody::Bytes(body.as_bytes());
    let request = SignableRequest::new("POST", &url, headers.into_iter(), signable)?;
    let (instructions, _) = sign(request, &params)?.into_parts();
    let mut head = "POST / HTTP/1.1\r\n".to_owned();
    let signature = instructions.headers();
    for (name, value) in headers.into_iter().chain(signature) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let length = body.len();
    Ok(format!("{head}content-length: {length}\r\nconnection: close\r\n\r\n{body}"))
}

async fn exchange(address: SocketAddr, request: &str) -> Result<String> {
    let mut connection = TcpStream::connect(address).await?;
    connection.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.context("the answer of STS")?;
    Ok(answer)
}
