//! Carries out RemoveResources.

use kafka2oss_domain::error_code::Problem;
use kafka2oss_proto::agent::v1::{RemoveResources, RemoveResourcesResult, TopicRemoval};

use crate::admin::KafkaAdmin;
use crate::classify;

enum Removal {
    Removed,
    Kept,
}

/// Removes topics, except those that hold records and are to be kept then, and
/// groups. Goes on after a failure, except where the brokers cannot be reached.
pub async fn remove(admin: &dyn KafkaAdmin, request: &RemoveResources) -> RemoveResourcesResult {
    let mut result = RemoveResourcesResult::default();
    for topic in &request.topics {
        let outcome = remove_topic(admin, topic).await;
        if !note(&mut result, &topic.topic, outcome) {
            return result;
        }
    }
    for group in &request.groups {
        let outcome = admin.delete_group(group).await.map(|()| Removal::Removed);
        if !note(&mut result, group, outcome) {
            return result;
        }
    }
    result
}

/// Whether to go on.
fn note(result: &mut RemoveResourcesResult, name: &str, outcome: Result<Removal, Problem>) -> bool {
    match outcome {
        Ok(Removal::Removed) => result.removed.push(name.to_owned()),
        Ok(Removal::Kept) => result.kept.push(name.to_owned()),
        Err(problem) => {
            let cut_off = classify::is_cut_off(problem.code);
            result.problems.push(problem.into());
            return !cut_off;
        }
    }
    true
}

async fn remove_topic(admin: &dyn KafkaAdmin, removal: &TopicRemoval) -> Result<Removal, Problem> {
    if removal.only_if_empty {
        let Some(topic) = admin.describe_topic(&removal.topic).await? else {
            return Ok(Removal::Removed);
        };
        let watermarks = admin.watermarks(&removal.topic, &topic.partition_numbers()).await?;
        if watermarks.values().any(|partition| partition.end > partition.beginning) {
            return Ok(Removal::Kept);
        }
    }
    admin.delete_topic(&removal.topic).await?;
    Ok(Removal::Removed)
}
