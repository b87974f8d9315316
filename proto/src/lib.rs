//! The wire of kafka2oss: what clients, control plane and agents say to each other, and
//! how it becomes the domain's types (`kafka2oss-domain`).
//!
//! - [`v1`]: types generated from `kafka2oss/v1/*.proto`: what clients use.
//! - [`agent`]: the same of `kafka2oss/agent/v1/*.proto`: what agents use.
//! - [`spec`]: instances and connectors between wire and domain: defaults, the
//!   conversions, secrets.

mod count;
mod preflight;
mod problem;
mod secret;
pub mod spec;

pub use count::Count;

/// Types generated from `kafka2oss/v1/*.proto`.
#[allow(missing_docs, unused_qualifications, unreachable_pub, clippy::all)]
pub mod v1 {
    tonic::include_proto!("kafka2oss.v1");
}

/// Descriptors of package `kafka2oss.v1` and what it imports, for server
/// reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/public.bin"));

/// What agents and the control plane say to each other.
pub mod agent {
    /// Types generated from `kafka2oss/agent/v1/*.proto`.
    #[allow(missing_docs, unused_qualifications, unreachable_pub, clippy::all)]
    pub mod v1 {
        tonic::include_proto!("kafka2oss.agent.v1");
    }

    /// Descriptors of package `kafka2oss.agent.v1` and what it imports, for server
    /// reflection.
    pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/agent.bin"));
}
