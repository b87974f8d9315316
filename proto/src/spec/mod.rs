//! Instances and connectors between wire and domain: the wire types are converted by
//! `TryFrom`, which checks every rule that needs the message alone and returns every
//! violation.
//!
//! Defaults are filled into the wire type first, so that a `ConnectorSpec` is always
//! whole:
//!
//! ```text
//! defaults::fill(&mut v1::ConnectorSpec, defaults::Context)    idempotent
//! defaults::fill_instance(&mut v1::Instance)                   security fields left out
//!
//! TryFrom<v1::X> for domain::spec::X, Error = Violations, paths relative to X
//!     ConnectorSpec, Source <- KafkaSource, Destination <- ObjectStoreDestination,
//!     AccessKey <- StoreCredentials | AccessKey, Runtime, Resources, ConnectorTopic,
//!     Output, Rotation, Layout, Overflow, Instance (labels included), SecretSource <- Secret
//! From<&domain::spec::X> for v1::X
//!     the same; of an instance only what the domain type holds
//!
//! check_request(&v1::ConnectorSpec, connector_id) -> Violations    filled spec; Create, Preview
//! check_given(&v1::StoreCredentials) -> Violations                 Update of credentials
//! planned_resources(&ConnectorSpec) -> Vec<v1::PlannedResource>
//!
//! HasSecrets: v1::{Connector, ConnectorSpec, StoreCredentials, Instance}
//! redact(&mut impl HasSecrets)             before it leaves or is stored
//! has_plain(&impl HasSecrets) -> bool      has_withheld(&impl HasSecrets) -> bool
//! HeldSecrets::of(&impl HasSecrets)        restore(&mut impl HasSecrets, &HeldSecrets)
//! ```
//!
//! A request to create a connector is checked in this order, and all lists
//! come in one answer: `defaults::fill`; `check_request`; `TryFrom`; the rules
//! that need instance and settings, in the control plane.

mod checks;
mod connector;
pub mod defaults;
mod destination;
mod instance;
mod layout;
mod output;
mod planned;
mod request;
mod resources;
mod runtime;
mod secret;
mod secrets;
mod source;
#[cfg(test)]
mod tests;

pub use planned::planned_resources;
pub use request::{check_given, check_request};
pub use secrets::{HasSecrets, HeldSecrets, has_plain, has_withheld, redact, restore};
