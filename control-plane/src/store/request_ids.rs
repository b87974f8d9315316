//! Family `0x06`: what CreateConnector made of a request ID, for a client
//! that repeats a request whose answer it lost.
//!
//! - Key: `{parent}/{request_id}`.
//! - Value: [`RequestIdRecord`].
//! - Lifetime: [`KEPT`] from the first request; swept at start and hourly.

use std::time::Duration;

use kafka2oss_proto::v1;
use prost_types::Timestamp;

/// How long a repeated request is recognized.
pub(crate) const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

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
}

super::family! {
    /// Request IDs of CreateConnector.
    RequestIds = 0x06, form 1, RequestIdRecord
}
