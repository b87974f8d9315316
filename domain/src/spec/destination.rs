//! The destination of a connector.

use super::{SecretSource, text_rules};

/// The destination of a connector.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Protocol of the store.
    pub store_type: StoreType,
    /// Name that is legal for the store type and the addressing.
    pub bucket: String,
    /// URL with scheme and host, without a path or a slash at its end.
    pub endpoint: String,
    /// Region in the signature.
    pub signing_region: String,
    /// Where the bucket stands in the URL; `VirtualHosted` with OSS.
    pub addressing_style: AddressingStyle,
    /// Who the agents are to the store.
    pub credentials: AccessKey,
    /// An OSS endpoint of another region than the instance's is allowed.
    pub allow_cross_region: bool,
}

/// Protocol of the object store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreType {
    /// Alibaba Cloud OSS through its S3-compatible API.
    Oss,
    /// Any store with S3's API and conditional writes.
    S3,
}

/// Where the bucket stands in a request's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressingStyle {
    /// `https://{bucket}.{endpoint}/{key}`.
    VirtualHosted,
    /// `https://{endpoint}/{bucket}/{key}`.
    Path,
}

/// An AccessKey pair, and the token that belongs to a temporary one.
#[derive(Debug, Clone)]
pub struct AccessKey {
    /// AccessKey ID.
    pub id: SecretSource,
    /// AccessKey secret.
    pub secret: SecretSource,
    /// Session token of temporary credentials.
    pub session_token: Option<SecretSource>,
}

/// Checks that `bucket`, which is not empty, is a legal name for the type of store and
/// the addressing.
///
/// # Errors
/// The rule that it breaks, for people.
pub fn check_bucket(
    bucket: &str,
    store_type: StoreType,
    addressing: AddressingStyle,
) -> Result<(), String> {
    const HOST_RULE: &str = "3 to 63 characters of a-z, 0-9 and `-`, no `-` at either end";
    const PATH_RULE: &str = "3 to 255 characters of A-Z, a-z, 0-9, `.`, `_` and `-`";

    let hint = if text_rules::is_path_bucket(bucket) {
        format!("; `{bucket}` would be legal with store_type S3 and addressing_style PATH")
    } else {
        String::new()
    };
    Err(match (store_type, addressing) {
        _ if text_rules::is_host_bucket(bucket) => return Ok(()),
        (StoreType::Oss, _) => format!("OSS takes {HOST_RULE}{hint}"),
        (StoreType::S3, AddressingStyle::VirtualHosted) => {
            format!(
                "the bucket is part of the host with VIRTUAL_HOSTED, which takes {HOST_RULE}{hint}"
            )
        }
        (StoreType::S3, AddressingStyle::Path) => {
            if text_rules::is_path_bucket(bucket) {
                return Ok(());
            }
            format!("S3 with path style takes {PATH_RULE}")
        }
    })
}
