//! Instances and connectors as domain types, and the rules for their parts.
//!
//! Those that come from a message are legal: `kafka2oss-proto` converts it, checks every
//! rule that needs the message alone, and returns every violation.
//!
//! ```text
//! check_labels(&BTreeMap<String, String>) -> Violations             path `labels`
//! check_description(&str) -> Violations                             path `description`
//! warnings(&ConnectorSpec, connector_id) -> Vec<Warning>           Warning::within(prefix)
//! OssHost::of_endpoint(&str) -> Option<OssHost { region, internal }>
//! ```

mod authority;
mod connector;
mod destination;
pub mod endpoint;
mod instance;
mod labels;
mod layout;
mod output;
mod resources;
mod runtime;
mod secret;
mod source;
pub mod text_rules;
mod warnings;

pub use connector::{ConnectorSpec, MAX_KEY_BYTES, longest_key};
pub use destination::{AccessKey, AddressingStyle, Destination, StoreType, check_bucket};
pub use endpoint::OssHost;
pub use instance::{ClientCertificate, Instance, KafkaSecurity, PasswordMechanism, Sasl};
pub use labels::{check_description, check_labels};
pub use layout::{Layout, TimeBucketLength, TimeBucketStyle, TimeBuckets};
pub use output::{
    Compression, Output, OutputFormat, Overflow, OverflowPolicy, Rotation, TextEncoding,
};
pub use resources::{ConnectorTopic, ResourceCreation, Resources, StorageEngine, prefixes};
pub use runtime::{FailureHandlingPolicy, Pool, Runtime};
pub use secret::SecretSource;
pub use source::{ConsumerOffset, Source};
pub use warnings::{Warning, warnings};
