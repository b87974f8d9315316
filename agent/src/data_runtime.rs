//! The runtime on which records are taken in and encoded, apart from the one
//! for control, so that neither waits for the other.

use anyhow::Context;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::alarm::Alarm;

/// The runtime for data; dropping it does not wait, so that it may be dropped
/// on another runtime.
#[derive(Debug)]
pub(crate) struct DataRuntime {
    runtime: Option<Runtime>,
    handle: Handle,
    _alarm: Alarm,
}

impl DataRuntime {
    /// With this many threads, by default one a core.
    pub(crate) fn start(threads: Option<usize>) -> anyhow::Result<Self> {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.unwrap_or_else(cores).max(1))
            .thread_name("kafka2oss-data")
            .enable_all()
            .build()
            .context("cannot start the threads for data")?;
        let handle = runtime.handle().clone();
        let alarm = Alarm::of(&handle).context("cannot start a thread")?;
        Ok(Self { runtime: Some(runtime), handle, _alarm: alarm })
    }

    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for DataRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
