//! The OSS emulator (`store_type` OSS) of the tests.

use std::ops::Deref;

use anyhow::Result;
use kafka2oss_sandbox::oss::{OssEmulator, OssOptions};

use crate::bucket::{Addressing, S3Access};

const ACCESS_KEY: &str = "oss-access-key";
const SECRET_KEY: &str = "oss-secret-key";
const REGION: &str = "cn-hangzhou";

/// An emulator with one access key, on the test's own runtime; each test starts
/// its own, at next to no cost. Dereferences to [`OssEmulator`]: `endpoint`,
/// `create_bucket`, `set_versioning`, `faults`, `requests`, ...
#[derive(Debug)]
pub struct OssServer {
    emulator: OssEmulator,
}

impl OssServer {
    /// Starts one in memory, without buckets; it answers when this returns.
    pub async fn start() -> Result<Self> {
        Self::start_with(OssOptions::default()).await
    }

    /// Starts one with other options, such as storage in a directory or the
    /// address that an earlier one had. [`OssServer::access_key`] is added.
    pub async fn start_with(mut options: OssOptions) -> Result<Self> {
        options.access_keys.push((ACCESS_KEY.to_owned(), SECRET_KEY.to_owned()));
        Ok(Self { emulator: OssEmulator::start(options).await? })
    }

    /// An access key that may do all.
    pub fn access_key(&self) -> &'static str {
        ACCESS_KEY
    }

    /// The secret of [`OssServer::access_key`].
    pub fn secret_key(&self) -> &'static str {
        SECRET_KEY
    }

    /// The region in signatures.
    pub fn region(&self) -> &'static str {
        REGION
    }

    /// How to reach it: virtual-hosted.
    pub fn access(&self) -> S3Access {
        S3Access {
            endpoint: self.endpoint(),
            region: REGION.into(),
            access_key: ACCESS_KEY.into(),
            secret_key: SECRET_KEY.into(),
            addressing: Addressing::VirtualHosted,
            authority: None,
        }
    }

    /// Stops it: when this returns, its port is free.
    pub async fn stop(self) {
        self.emulator.stop().await;
    }
}

impl Deref for OssServer {
    type Target = OssEmulator;

    fn deref(&self) -> &OssEmulator {
        &self.emulator
    }
}
