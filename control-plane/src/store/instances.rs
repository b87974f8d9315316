//! Family `0x02`: registered Kafka instances.
//!
//! - Key: `instances/{instance_id}`.
//! - Value: [`InstanceRecord`].
//! - Lifetime: CreateInstance to DeleteInstance.

use kafka2oss_proto::v1;

/// A registered instance. Its secrets are references.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct InstanceRecord {
    /// Form of this value.
    #[prost(uint32, tag = "1")]
    pub(crate) form: u32,
    /// The instance as the API shows it. Always set.
    #[prost(message, optional, tag = "2")]
    pub(crate) instance: Option<v1::Instance>,
}

super::family! {
    /// Registered Kafka instances.
    Instances = 0x02, form 1, InstanceRecord
}
