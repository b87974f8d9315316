//! Family `0x06`: requests that had an ID and were carried out, for a client that repeats
//! one whose answer it lost.
//!
//! - Key: `{instance}/{request_id}` of requests about an instance or its connectors,
//!   `agents/{request_id}` of others.
//! - Value: [`RequestIdRecord`]. Form 2 added field 5, which is absent in form 1. Form 3
//!   has field 6 in the place of field 2, which only CreateConnector had.
//! - Lifetime: [`KEPT`] from the first request; swept at start and hourly. Beyond [`MOST`] the
//!   oldest go earlier.

use std::time::Duration;

use kafka2oss_proto::v1;
use prost_types::Timestamp;
use sha2::{Digest, Sha256};

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
    /// The request, its plain secrets withheld; in forms 1 and 2.
    #[prost(message, optional, tag = "2")]
    pub(crate) request: Option<v1::CreateConnectorRequest>,
    /// Uid of the resource that it was about; empty for agents.
    #[prost(string, tag = "3")]
    pub(crate) uid: String,
    /// When.
    #[prost(message, optional, tag = "4")]
    pub(crate) create_time: Option<Timestamp>,
    /// Tells the request's plain secrets from others; absent where it had none.
    #[prost(message, optional, tag = "5")]
    pub(crate) secrets: Option<SecretsDigest>,
    /// Tells the method and the request, its plain secrets withheld, from others; since
    /// form 3.
    #[prost(bytes = "vec", tag = "6")]
    pub(crate) digest: Vec<u8>,
}

impl RequestIdRecord {
    /// What tells the request from others.
    pub(crate) fn digest(&self) -> Vec<u8> {
        match &self.request {
            Some(request) => digest("CreateConnector", request),
            None => self.digest.clone(),
        }
    }
}

/// What tells a request of `method` from others: SHA-256 over the method's name and the
/// message, whose secrets are withheld.
pub(crate) fn digest(method: &str, request: &impl prost::Message) -> Vec<u8> {
    let mut hasher = Sha256::new();
    // A name has no zero: no two of both are the same bytes.
    hasher.update(method);
    hasher.update([0]);
    hasher.update(request.encode_to_vec());
    hasher.finalize().to_vec()
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
    /// Request IDs.
    RequestIds = 0x06, form 3, RequestIdRecord
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_is_stored_whole_is_the_same_as_one_of_which_a_digest_is() {
        let request = v1::CreateConnectorRequest {
            connector_id: "sink".to_owned(),
            request_id: "r-1".to_owned(),
            ..v1::CreateConnectorRequest::default()
        };
        let digest = digest("CreateConnector", &request);
        let whole = RequestIdRecord { request: Some(request.clone()), ..Default::default() };
        let short = RequestIdRecord { digest: digest.clone(), ..RequestIdRecord::default() };
        assert_eq!((whole.digest(), short.digest()), (digest.clone(), digest.clone()));
        assert_ne!(super::digest("PreviewConnector", &request), digest);
        let other = v1::CreateConnectorRequest { validate_only: true, ..request };
        assert_ne!(super::digest("CreateConnector", &other), digest);
    }
}
