//! Instances and connectors as domain types, valid by construction: the wire
//! types are converted by `TryFrom`, which checks every rule that needs the
//! message alone and returns every violation.
//!
//! Defaults that depend on the connector's name or its instance are filled
//! into the wire type first, by [`defaults::fill`], so that a
//! [`ConnectorSpec`] is always whole.

mod connector;
pub mod defaults;
mod destination;
mod instance;
mod output;
mod resources;
mod runtime;
mod secret;
mod source;

pub use connector::ConnectorSpec;
pub use destination::{AccessKey, AddressingStyle, Destination, StoreType};
pub use instance::{Instance, KafkaSecurity, Sasl, SaslMechanism};
pub use output::{Layout, Output, OutputFormat, Overflow, OverflowPolicy, Rotation};
pub use resources::{ConnectorTopic, ResourceCreation, Resources, StorageEngine};
pub use runtime::{FailureHandlingPolicy, Pool, Runtime};
pub use secret::SecretSource;
pub use source::{ConsumerOffset, Source};
