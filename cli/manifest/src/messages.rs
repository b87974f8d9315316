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

/// What the message of this name in `kafka2oss.v1` is made of, which has to be one.
#[allow(clippy::expect_used, reason = "a test has looked up every name")]
pub fn descriptor(name: &str) -> MessageDescriptor {
    find(name).expect("the message is in the built-in descriptors")
}

fn find(name: &str) -> Option<MessageDescriptor> {
    POOL.get_message_by_name(&format!("kafka2oss.v1.{name}"))
}

/// The text in a field of an encoded message of this name. Nothing where there is no such
/// message or text.
pub fn text_field(name: &str, message: &[u8], field: &str) -> Option<String> {
    let message = DynamicMessage::decode(find(name)?, message).ok()?;
    Some(message.get_field_by_name(field)?.as_str()?.to_owned())
}

/// A message of this name in `kafka2oss.v1` as proto3 JSON: the form that grpcurl and every
/// other tool of protobuf reads and writes.
pub fn encode<M: Message>(name: &str, message: &M) -> Value {
    let mut dynamic = DynamicMessage::new(descriptor(name));
    // Both conversions can fail only where type and descriptor differ, which are made from
    // one source.
    if dynamic.transcode_from(message).is_err() {
        return Value::Null;
    }
    serde_json::to_value(&dynamic).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka2oss_proto::v1;

    #[test]
    fn a_text_is_found_by_the_names_of_message_and_field() {
        let request = v1::DeployConnectorRequest {
            name: "instances/a/connectors/b".to_owned(),
            request_id: "once".to_owned(),
            ..Default::default()
        };
        let bytes = request.encode_to_vec();
        let text = |name: &str, bytes: &[u8], field: &str| text_field(name, bytes, field);
        let name = "DeployConnectorRequest";
        assert_eq!(text(name, &bytes, "request_id").as_deref(), Some("once"));
        assert_eq!(text(name, &[], "request_id").as_deref(), Some(""));
        assert_eq!(text(name, &bytes, "preflight"), None);
        assert_eq!(text(name, &bytes, "nothing"), None);
        assert_eq!(text(name, &[0xff], "request_id"), None);
        assert_eq!(text("Nothing", &bytes, "request_id"), None);
    }
}
