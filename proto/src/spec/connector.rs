//! What a connector does.

use super::{Destination, Output, Resources, Runtime, Source};

/// What a connector does (task type KAFKA2OSS).
#[derive(Debug, Clone)]
pub struct ConnectorSpec {
    /// Where records come from.
    pub source: Source,
    /// Where objects go.
    pub destination: Destination,
    /// Where and how it runs.
    pub runtime: Runtime,
    /// Topics and groups that belong to it.
    pub resources: Resources,
    /// What the objects look like.
    pub output: Output,
}
