//! Family `0x06`: what CreateConnector made of a request ID, for a client
//! that repeats a request whose answer it lost.
//!
//! - Key: `{parent}/{request_id}`.
//! - Value: [`RequestIdRecord`]. Form 2 added field 5, which is absent in form 1.
//! - Lifetime: [`KEPT`] from the first request; swept at start and hourly. Beyond [`MOST`] the
//!   oldest go earlier.

use std::time::Duration;

use kafka2oss_proto::v1;
use prost_types::Timestamp;

/// How long a repeated request is recognized.
pub(crate) const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Requests that are recognized at most.
pub(crate) const MOST: usize = 30_000;

/// A request that was carried out.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RequestIdRecord {
    /// Form of this value.
    #[prost(uint32, tag = "1")]
    pub(crate) form: u32,
    /// The request, its plain secrets withheld.
    #[prost(message, optional, tag = "2")]
    pub(crate) request: Option<v1::CreateConnectorRequest>,
    /// Uid of the connector that it made.
    #[prost(string, tag = "3")]
    pub(crate) uid: String,
    /// When.
    #[prost(message, optional, tag = "4")]
    pub(crate) create_time: Option<Timestamp>,
    /// Tells the request's plain secrets from others; absent where it had none.
    #[prost(message, optional, tag = "5")]
    pub(crate) secrets: Option<SecretsDigest>,
}

/// A digest of secrets, keyed by what is on no disk.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SecretsDigest {
    /// Names the key, which goes with the process that drew it.
    #[prost(string, tag = "1")]
    pub(crate) key_id: String,
    /// HMAC-SHA256 over paths and values.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) digest: Vec<u8>,
}

super::family! {
    /// Request IDs of CreateConnector.
    RequestIds = 0x06, form 2, RequestIdRecord
}
