//! The bucket of a run, and the faults on the way to it.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use fastrand::Rng;
use kafka2oss_domain::spec::{self, AddressingStyle, SecretSource};
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::secret::Source;
use kafka2oss_sandbox::oss::{Fault, Occurrence, RequestMatch, ThrottleCode, Versioning};
use kafka2oss_sink::ObjectStore;
use kafka2oss_tests::bucket::S3Access;
use kafka2oss_tests::minio::MinioServer;
use kafka2oss_tests::oss::OssServer;
use kafka2oss_tests::proxy::{Disturbance, Proxy};
use kafka2oss_tests::scratch::Scratch;

use crate::plan::StoreFault;
use crate::settings::StoreKind;

const BUCKET: &str = "chaos";

#[derive(Debug)]
enum Server {
    Oss(OssServer),
    Minio(MinioServer),
}

/// A bucket that the agents reach through a proxy.
pub(crate) struct Store {
    server: Server,
    proxy: Proxy,
    /// Agents read the access key from files: a control plane that was killed
    /// has lost those that were given inline.
    secrets: Scratch,
}

impl Store {
    /// `seed`: which requests meet a fault.
    pub(crate) async fn start(kind: StoreKind, seed: u64) -> Result<Self> {
        let (server, address) = match kind {
            StoreKind::Oss | StoreKind::OssVersioned => {
                let server = OssServer::start().await?;
                server.create_bucket(BUCKET).await?;
                if kind == StoreKind::OssVersioned {
                    server.set_versioning(BUCKET, Versioning::Enabled).await?;
                }
                server.faults().seed(seed);
                let address = server.address();
                (Server::Oss(server), address)
            }
            StoreKind::Minio => {
                let server = MinioServer::start().await?;
                server.create_bucket(BUCKET).await?;
                let address = server.address();
                (Server::Minio(server), address)
            }
        };
        let store =
            Self { server, proxy: Proxy::start(address).await?, secrets: Scratch::new("secrets")? };
        let access = store.access();
        fs::write(store.secrets.join("id"), access.access_key)?;
        fs::write(store.secrets.join("secret"), access.secret_key)?;
        Ok(store)
    }

    fn access(&self) -> S3Access {
        match &self.server {
            Server::Oss(server) => server.access(),
            Server::Minio(server) => server.access(),
        }
    }

    /// As a connector's destination.
    pub(crate) fn destination(&self) -> v1::ObjectStoreDestination {
        let (store_type, host) = match self.server {
            Server::Oss(_) => (v1::StoreType::Oss, "localhost"),
            Server::Minio(_) => (v1::StoreType::S3, "127.0.0.1"),
        };
        let secret = |file| v1::Secret {
            source: Some(Source::File(self.secrets.join(file).display().to_string())),
        };
        let pair = v1::AccessKey {
            id: Some(secret("id")),
            secret: Some(secret("secret")),
            session_token: None,
        };
        let kind = v1::store_credentials::Kind::AccessKey(pair);
        v1::ObjectStoreDestination {
            store_type: store_type.into(),
            bucket: BUCKET.into(),
            endpoint: format!("http://{host}:{}", self.proxy.port()),
            signing_region: self.access().region,
            credentials: Some(v1::StoreCredentials { kind: Some(kind) }),
            ..Default::default()
        }
    }

    /// For who verifies: past the proxy.
    pub(crate) fn for_verification(&self) -> ObjectStore {
        let S3Access { endpoint, region, access_key, secret_key, .. } = self.access();
        let (store_type, addressing_style) = match self.server {
            Server::Oss(_) => (spec::StoreType::Oss, AddressingStyle::VirtualHosted),
            Server::Minio(_) => (spec::StoreType::S3, AddressingStyle::Path),
        };
        ObjectStore::new(&spec::Destination {
            store_type,
            bucket: BUCKET.into(),
            endpoint,
            signing_region: region,
            addressing_style,
            credentials: spec::AccessKey {
                id: SecretSource::Plain(access_key.into()),
                secret: SecretSource::Plain(secret_key.into()),
                session_token: None,
            },
            allow_cross_region: false,
        })
    }

    /// Lets a share of all requests meet this fault from now on, in place of
    /// the one before. The emulator has OSS's own answers; what it cannot do, and
    /// all of MinIO's faults, the proxy does.
    pub(crate) fn disturb(&self, fault: StoreFault, percent: u8, seed: u64) {
        self.heal();
        match &self.server {
            Server::Oss(server) if let Some(fault) = of_oss(fault) => {
                let occurrence = Occurrence::Probability(f64::from(percent) / 100.0);
                server.faults().inject(RequestMatch::any(), fault, occurrence);
            }
            _ => {
                let (mut random, disturbance) = (Rng::with_seed(seed), of_proxy(fault));
                self.proxy.disturb(move || (random.u8(0..100) < percent).then_some(disturbance));
            }
        }
    }

    /// Ends all faults.
    pub(crate) fn heal(&self) {
        if let Server::Oss(server) = &self.server {
            server.faults().clear();
        }
        self.proxy.calm();
    }
}

/// The emulator's fault, if it has one.
fn of_oss(fault: StoreFault) -> Option<Fault> {
    Some(match fault {
        StoreFault::Latency(latency) => Fault::Latency(latency),
        StoreFault::Throttled => Fault::Throttle {
            code: ThrottleCode::TotalQpsLimitExceeded,
            delay: Duration::from_millis(50),
        },
        StoreFault::LostAnswer => Fault::LostAnswer,
        StoreFault::Reset => Fault::ConnectionReset,
        StoreFault::HalfBody => return None,
    })
}

fn of_proxy(fault: StoreFault) -> Disturbance {
    match fault {
        StoreFault::Latency(latency) => Disturbance::Latency(latency),
        StoreFault::Throttled => Disturbance::SlowDown,
        StoreFault::LostAnswer => Disturbance::LostAnswer,
        StoreFault::Reset => Disturbance::Reset,
        StoreFault::HalfBody => Disturbance::HalfBody,
    }
}
