//! Messages of the API, by their descriptors.

use std::sync::LazyLock;

use kafka2oss_proto::FILE_DESCRIPTOR_SET;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use serde_json::Value;

#[allow(clippy::expect_used, reason = "the descriptors are part of this binary")]
static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the built-in descriptors are whole")
});

/// The descriptors of every message of the API.
pub fn pool() -> &'static DescriptorPool {
    &POOL
}

/// What the message of this name in `kafka2oss.v1` is made of.
#[allow(clippy::expect_used, reason = "a test has looked up every name")]
pub(crate) fn descriptor(name: &str) -> MessageDescriptor {
    let name = format!("kafka2oss.v1.{name}");
    POOL.get_message_by_name(&name).expect("the message is in the built-in descriptors")
}

/// A message as proto3 JSON.
pub(crate) fn encode<M: Message>(name: &str, message: &M) -> Value {
    let mut dynamic = DynamicMessage::new(descriptor(name));
    // Both conversions can fail only where type and descriptor differ, which are made from
    // one source.
    if dynamic.transcode_from(message).is_err() {
        return Value::Null;
    }
    serde_json::to_value(&dynamic).unwrap_or(Value::Null)
}
