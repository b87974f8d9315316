//! How a put's signature covers its body.

use aws_runtime::auth::PayloadSigningOverride;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;

use crate::integrity::Content;

/// Tells the signer what it needs to know of a body, so that it does not read it.
///
/// Over TLS that is nothing: nobody can change the bytes on their way, and what the
/// store says that it holds is compared. It is what AWS's own SDK for Java does, for
/// S3 and for OSS.
#[derive(Debug, Clone)]
pub(crate) struct PayloadSignature(Option<PayloadSigningOverride>);

impl PayloadSignature {
    pub(crate) fn of(content: &Content, is_encrypted: bool) -> Self {
        Self(if is_encrypted {
            Some(PayloadSigningOverride::UnsignedPayload)
        } else {
            content.sha256().map(|sum| PayloadSigningOverride::Precomputed(sum.to_owned()))
        })
    }
}

impl Intercept for PayloadSignature {
    fn name(&self) -> &'static str {
        "PayloadSignature"
    }

    fn modify_before_signing(
        &self,
        _: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(known) = &self.0 {
            config.interceptor_state().store_put(known.clone());
        }
        Ok(())
    }
}
