//! The contract of kafka2oss: what clients, control plane and agents say to
//! each other, and the words they share.
//!
//! - [`v1`]: types generated from `kafka2oss/v1/*.proto`.
//! - [`names`]: resource names.
//! - [`spec`]: instances and connectors as domain types, valid by
//!   construction; the wire types are converted by `TryFrom`.
//! - [`error_code`]: the catalogue of error codes.
//! - [`feature`]: what agents can do beyond the first version of the protocol.
//! - [`violation`]: what is wrong with a request, all of it at once.

pub mod error_code;
pub mod feature;
pub mod names;
mod secret;
pub mod spec;
pub mod violation;

/// Types generated from `kafka2oss/v1/*.proto`.
#[allow(missing_docs, unused_qualifications, unreachable_pub, clippy::all)]
pub mod v1 {
    tonic::include_proto!("kafka2oss.v1");
}

/// The highest number that a process may start under, in microseconds since 1970: in the
/// year 2255. Above it is no start of an agent, and nothing that one could go beyond.
pub const MAX_BOOT_NONCE: u64 = 1 << 53;

/// Descriptors of package `kafka2oss.v1` and what it imports, for server
/// reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

pub use error_code::ErrorCode;
