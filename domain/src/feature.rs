//! What agents can do beyond the first version of the protocol, by name: an assignment
//! names what it needs, and an agent that lacks it refuses the assignment.

/// Puts objects under keys of their own where the store overwrites, and reads such keys.
pub const OWN_KEYS: &str = "own-keys";

/// Carries out ValidateConnector.
pub const PREFLIGHT: &str = "preflight";

/// Reads where partitions end, and carries out FlushConnector.
pub const FLUSH: &str = "flush";
