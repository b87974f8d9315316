//! The words that clients, control plane and agents share, whatever carries them: no
//! type of the wire stands here.
//!
//! - [`names`]: resource names.
//! - [`spec`]: instances and connectors, and the rules for their parts.
//! - [`error_code`]: the catalogue of error codes.
//! - [`feature`]: what agents can do beyond the first version of the protocol.
//! - [`hearing`]: how what a command makes or removes is kept from what came after it.
//! - [`preflight`]: what is tried out before a connector runs.
//! - [`violation`]: what is wrong with a request, all of it at once.

pub mod error_code;
pub mod feature;
pub mod hearing;
pub mod names;
pub mod preflight;
pub mod spec;
pub mod violation;

pub use error_code::ErrorCode;

/// The highest number that a process may start under, in microseconds since 1970: in the
/// year 2255. Above it is no start of an agent, and nothing that one could go beyond.
pub const MAX_BOOT_NONCE: u64 = 1 << 53;
