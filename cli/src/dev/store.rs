//! The OSS emulator or a real store.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use kafka2oss_proto::v1::{self, secret::Source};
use kafka2oss_sandbox::oss::{OssEmulator, OssOptions, Storage};
use v1::store_credentials::Kind;

use super::bucket::Bucket;
use super::services::start_at_usual_port;
use super::settings::RealStore;

/// Port of the emulator, where it is free.
const PORT: u16 = 7251;
const BUCKET: &str = "kafka2oss-dev";
/// Region of the emulator and of the instance beside it.
const REGION: &str = "local";
/// Of the emulator only, which listens on loopback.
const ACCESS_KEY_ID: &str = "kafka2oss";
const ACCESS_KEY_SECRET: &str = "kafka2oss-dev";

/// The OSS emulator or a real store.
pub(super) struct Store {
    emulator: Option<OssEmulator>,
    /// What connectors write to.
    pub(super) destination: v1::ObjectStoreDestination,
    /// The same, to read.
    pub(super) bucket: Bucket,
}

impl Store {
    /// Starts the emulator unless a real store is named. `root` is where the
    /// emulator keeps its AccessKey and, if `keep`, its objects.
    pub(super) async fn start(
        real: Option<&RealStore>,
        root: &Path,
        keep: bool,
    ) -> anyhow::Result<Self> {
        if let Some(real) = real {
            let destination = destination(real.clone());
            let bucket = Bucket::of(&destination).await?;
            // Else everything would start, and nothing move.
            bucket.check().await?;
            return Ok(Self { emulator: None, destination, bucket });
        }
        let emulator = start_emulator(root, keep).await?;
        let destination = destination(RealStore {
            store_type: v1::StoreType::Oss,
            endpoint: emulator.endpoint(),
            bucket: BUCKET.to_owned(),
            region: REGION.to_owned(),
            access_key_id: secret_file(root, "access-key-id", ACCESS_KEY_ID)?,
            access_key_secret: secret_file(root, "access-key-secret", ACCESS_KEY_SECRET)?,
            session_token: None,
        });
        let bucket = Bucket::of(&destination).await?;
        Ok(Self { emulator: Some(emulator), destination, bucket })
    }

    pub(super) fn is_emulator(&self) -> bool {
        self.emulator.is_some()
    }

    /// The emulator's AccessKey, which is no secret.
    pub(super) fn emulator_access_key(&self) -> Option<(&'static str, &'static str)> {
        self.emulator.as_ref().map(|_| (ACCESS_KEY_ID, ACCESS_KEY_SECRET))
    }

    pub(super) async fn stop(self) {
        if let Some(emulator) = self.emulator {
            emulator.stop().await;
        }
    }
}

async fn start_emulator(root: &Path, keep: bool) -> anyhow::Result<OssEmulator> {
    let storage = if keep { Storage::Directory(root.join("oss")) } else { Storage::Memory };
    let start = async |listen| {
        OssEmulator::start(OssOptions {
            listen,
            storage: storage.clone(),
            access_keys: vec![(ACCESS_KEY_ID.to_owned(), ACCESS_KEY_SECRET.to_owned())],
            ..OssOptions::default()
        })
        .await
        .context("the OSS emulator")
    };
    let remembered = root.join("oss-port");
    let emulator = match fs::read_to_string(&remembered).ok().and_then(|text| text.parse().ok()) {
        // Kept connectors have its address in their destination, which is fixed.
        Some(port) => start(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?,
        None => start_at_usual_port(PORT, start).await?,
    };
    fs::write(&remembered, emulator.address().port().to_string())
        .with_context(|| remembered.display().to_string())?;
    emulator.create_bucket(BUCKET).await?;
    Ok(emulator)
}

fn destination(store: RealStore) -> v1::ObjectStoreDestination {
    v1::ObjectStoreDestination {
        store_type: store.store_type.into(),
        bucket: store.bucket,
        endpoint: store.endpoint,
        signing_region: store.region,
        credentials: Some(v1::StoreCredentials {
            kind: Some(Kind::AccessKey(v1::AccessKey {
                id: Some(store.access_key_id),
                secret: Some(store.access_key_secret),
                session_token: store.session_token,
            })),
        }),
        ..v1::ObjectStoreDestination::default()
    }
}

/// A reference, as connectors should have: an inline secret would be lost with
/// the control plane.
fn secret_file(root: &Path, name: &str, value: &str) -> anyhow::Result<v1::Secret> {
    let path = root.join(name);
    let context = || path.display().to_string();
    let mut file = fs::File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .with_context(context)?;
    file.write_all(value.as_bytes()).with_context(context)?;
    let text = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
    Ok(v1::Secret { source: Some(Source::File(text.to_owned())) })
}
