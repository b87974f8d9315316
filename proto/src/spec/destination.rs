//! The destination of a connector.

use super::SecretSource;

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

/// An AccessKey pair.
#[derive(Debug, Clone)]
pub struct AccessKey {
    /// AccessKey ID.
    pub id: SecretSource,
    /// AccessKey secret.
    pub secret: SecretSource,
}
