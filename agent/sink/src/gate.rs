//! Stands between a request's signature and its sending.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;

use crate::put::StillAllowed;

/// Lets a signed request pass as long as it is allowed.
#[derive(Clone)]
pub(crate) struct SendGate {
    still_allowed: StillAllowed,
    shut: Arc<AtomicBool>,
}

impl SendGate {
    pub(crate) fn new(still_allowed: StillAllowed) -> Self {
        Self { still_allowed, shut: Arc::default() }
    }

    /// Whether a request came too late.
    pub(crate) fn is_shut(&self) -> bool {
        self.shut.load(Ordering::Acquire)
    }
}

impl fmt::Debug for SendGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendGate").field("shut", &self.shut).finish_non_exhaustive()
    }
}

impl Intercept for SendGate {
    fn name(&self) -> &'static str {
        "SendGate"
    }

    /// The last hook before the connector: the body is hashed and signed.
    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if (self.still_allowed)() {
            return Ok(());
        }
        self.shut.store(true, Ordering::Release);
        Err("signed too late to be sent".into())
    }
}
