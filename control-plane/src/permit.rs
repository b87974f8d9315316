//! What a request that is carried out holds, so that only so many are at a time. Work that
//! goes on although its request was given up holds it to its end.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

tokio::task_local! {
    static PERMIT: Permit;
}

/// A request's permit; free again when its last copy is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Permit {
    _permit: Arc<OwnedSemaphorePermit>,
}

impl Permit {
    pub(crate) fn new(permit: OwnedSemaphorePermit) -> Self {
        Self { _permit: Arc::new(permit) }
    }
}

/// Runs a request with its permit.
pub(crate) async fn with<T>(permit: Permit, request: impl Future<Output = T>) -> T {
    PERMIT.scope(permit, request).await
}

/// The permit of the request that runs here; none where no request does.
pub(crate) fn current() -> Option<Permit> {
    PERMIT.try_with(Permit::clone).ok()
}
