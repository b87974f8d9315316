//! Whether the source topic is still the one that the epoch was opened on.

use kafka2oss_kafka::{BrokerAdmin, KafkaAdmin};
use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::error_code::Problem;

use super::TaskSpec;

/// Fails when the topic was deleted and created again: its offsets mean other
/// records now. Where brokers have no topic ids nothing can be told.
pub(super) async fn check(spec: &TaskSpec) -> Result<(), Problem> {
    if spec.topic_id.is_empty() {
        return Ok(());
    }
    let topic = &spec.spec.source.topic;
    let described = BrokerAdmin::connect(&spec.instance).await?.describe_topic(topic).await?;
    let Some(description) = described else {
        let message = format!("topic `{topic}` does not exist");
        return Err(Problem::new(ErrorCode::KafkaTopicNotFound, message));
    };
    match description.id {
        Some(id) if id != spec.topic_id => Err(Problem::new(
            ErrorCode::KafkaTopicRecreated,
            format!("topic `{topic}` has id {id} now, and had {} at Deploy", spec.topic_id),
        )),
        _ => Ok(()),
    }
}
