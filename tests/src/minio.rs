//! MinIO: the S3-compatible store (`store_type` S3) of the tests.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::sync::OnceCell;

use crate::bucket::{Addressing, S3Access};
use crate::certificate::{Authority, Identity};
use crate::child::ChildProcess;
use crate::scratch::Scratch;
use crate::sts::{self, Session};
use crate::wait::eventually;
use crate::{environment, port};

const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(20);
const BIND_ATTEMPTS: usize = 3;
const ACCESS_KEY: &str = "minio-access-key";
const SECRET_KEY: &str = "minio-secret-key";
const REGION: &str = "us-east-1";

/// A running MinIO with data of its own.
#[derive(Debug)]
pub struct MinioServer {
    // Before the folder: fields are dropped in order.
    child: ChildProcess,
    scratch: Scratch,
    port: u16,
    /// MinIO draws one for its console, also where it serves none, and ends when that
    /// is its own.
    console: u16,
    /// Who signed its certificate, if it has one.
    authority: Option<String>,
    region: String,
}

/// The one store that the tests of a test binary share: started by the first
/// that asks, ended with the process. Tests keep apart by their buckets.
pub async fn shared_minio() -> Result<&'static MinioServer> {
    static SHARED: OnceCell<MinioServer> = OnceCell::const_new();
    SHARED.get_or_try_init(MinioServer::start).await
}

impl MinioServer {
    /// Starts a store without buckets and awaits its answer.
    pub async fn start() -> Result<Self> {
        Self::start_with(None, REGION).await
    }

    /// The same, of another region than [`MinioServer::start`]'s.
    pub async fn start_in(region: &str) -> Result<Self> {
        Self::start_with(None, region).await
    }

    /// The same by TLS, with a certificate of this authority.
    pub async fn start_encrypted(authority: &Authority) -> Result<Self> {
        Self::start_with(Some(authority), REGION).await
    }

    async fn start_with(authority: Option<&Authority>, region: &str) -> Result<Self> {
        let mut attempt = 1;
        loop {
            let [port, console] = port::free()?;
            let scratch = Scratch::new("minio")?;
            if let Some(authority) = authority {
                write_certificate(&scratch, &authority.identity()?)?;
            }
            let child = spawn(&scratch, port, console, region)?;
            let authority = authority.map(Authority::certificate);
            let region = region.to_owned();
            let mut server = Self { child, scratch, port, console, authority, region };
            match server.ready().await {
                Ok(()) => return Ok(server),
                // Another process took the port after it was found free.
                Err(error)
                    if attempt < BIND_ATTEMPTS
                        && format!("{error:#}").contains("address already in use") =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// The access key of its one user, who may do all.
    pub fn access_key(&self) -> &'static str {
        ACCESS_KEY
    }

    /// The secret of [`MinioServer::access_key`].
    pub fn secret_key(&self) -> &'static str {
        SECRET_KEY
    }

    /// The region that it expects in signatures.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// How to reach it: by path style.
    pub fn access(&self) -> S3Access {
        S3Access {
            endpoint: self.endpoint(),
            region: self.region.clone(),
            access_key: ACCESS_KEY.into(),
            secret_key: SECRET_KEY.into(),
            addressing: Addressing::PathStyle,
            authority: self.authority.clone(),
        }
    }

    /// Creates a bucket.
    pub async fn create_bucket(&self, bucket: &str) -> Result<()> {
        self.access().bucket(bucket).create().await
    }

    /// Temporary credentials of its user, which may do what this policy allows.
    pub async fn session(&self, policy: &str) -> Result<Session> {
        sts::assume_role(self.address(), &self.access(), policy).await
    }

    /// Stops it by SIGTERM; data and port stay its own.
    pub async fn stop(&mut self) -> Result<()> {
        self.child.term()?;
        self.child.wait_exit(STOP_LIMIT).await?;
        Ok(())
    }

    /// Starts it again after [`MinioServer::stop`] or [`MinioServer::kill9`], on
    /// the same port and data, and awaits its answer.
    pub async fn start_again(&mut self) -> Result<()> {
        ensure!(self.child.exit_status()?.is_some(), "MinIO still runs: stop it first");
        self.child = spawn(&self.scratch, self.port, self.console, &self.region)?;
        self.ready().await
    }

    /// Kills it.
    pub fn kill9(&mut self) -> Result<()> {
        self.child.kill9()
    }

    /// Freezes it: connections stay open, nothing is answered.
    pub fn pause(&mut self) -> Result<()> {
        self.child.pause()
    }

    /// Lets it go on after [`MinioServer::pause`].
    pub fn resume(&mut self) -> Result<()> {
        self.child.resume()
    }

    /// The process, for its id and its log.
    pub fn process(&self) -> &ChildProcess {
        &self.child
    }

    async fn ready(&mut self) -> Result<()> {
        let client = self.access().client();
        let child = &mut self.child;
        let answered = eventually("MinIO lists its buckets", START_LIMIT, async || {
            if let Some(status) = child.exit_status()? {
                return Ok(Some(Err(status)));
            }
            client.list_buckets().send().await?;
            Ok(Some(Ok(())))
        })
        .await
        .with_context(|| child.log_tail())?;
        if let Err(status) = answered {
            bail!("MinIO ended while it started ({status})\n{}", child.log_tail());
        }
        Ok(())
    }
}

/// Where [`spawn`] has MinIO look; with nothing there, it speaks no TLS.
fn write_certificate(scratch: &Scratch, identity: &Identity) -> Result<()> {
    let folder = scratch.join("certificates");
    fs::create_dir(&folder)?;
    fs::write(folder.join("public.crt"), &identity.certificate)?;
    Ok(fs::write(folder.join("private.key"), &identity.key)?)
}

fn spawn(scratch: &Scratch, port: u16, console: u16, region: &str) -> Result<ChildProcess> {
    let mut command = Command::new(environment::minio()?);
    command
        .arg("server")
        .arg("--address")
        .arg(format!("127.0.0.1:{port}"))
        .arg("--console-address")
        .arg(format!("127.0.0.1:{console}"))
        .arg("--config-dir")
        .arg(scratch.join("config"))
        .arg("--certs-dir")
        .arg(scratch.join("certificates"))
        .arg(scratch.join("data"))
        .env("MINIO_ROOT_USER", ACCESS_KEY)
        .env("MINIO_ROOT_PASSWORD", SECRET_KEY)
        .env("MINIO_SITE_REGION", region)
        // Nothing but the store: no console, no look for a newer version.
        .env("MINIO_BROWSER", "off")
        .env("MINIO_UPDATE", "off")
        .env("MINIO_CALLHOME_ENABLE", "off");
    ChildProcess::spawn("MinIO", command, scratch.join("log"))
}
