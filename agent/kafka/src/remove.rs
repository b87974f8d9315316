//! Carries out RemoveResources.

use kafka2oss_domain::error_code::Problem;
use kafka2oss_proto::agent::v1::{RemoveResources, RemoveResourcesResult, TopicRemoval};

use crate::admin::KafkaAdmin;
use crate::classify;
use crate::permission::Permission;

enum Removal {
    Removed,
    Kept,
    /// Nothing more may be removed.
    Forbidden(Problem),
}

/// Removes topics, except those that hold records and are to be kept then, and
/// groups. Goes on after a failure, except where the brokers cannot be reached,
/// and as long as it may.
pub async fn remove(
    admin: &dyn KafkaAdmin,
    request: &RemoveResources,
    permission: &dyn Permission,
) -> RemoveResourcesResult {
    let mut result = RemoveResourcesResult::default();
    for topic in &request.topics {
        let outcome = remove_topic(admin, topic, permission).await;
        if !note(&mut result, &topic.topic, outcome) {
            return result;
        }
    }
    for group in &request.groups {
        let outcome = remove_group(admin, group, permission).await;
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
        Ok(Removal::Forbidden(problem)) => {
            result.problems.push(problem.into());
            return false;
        }
        Err(problem) => {
            let cut_off = classify::is_cut_off(problem.code);
            result.problems.push(problem.into());
            return !cut_off;
        }
    }
    true
}

async fn remove_group(
    admin: &dyn KafkaAdmin,
    group: &str,
    permission: &dyn Permission,
) -> Result<Removal, Problem> {
    if let Err(forbidden) = permission.to_change(group).await {
        return Ok(Removal::Forbidden(forbidden));
    }
    admin.delete_group(group).await?;
    Ok(Removal::Removed)
}

async fn remove_topic(
    admin: &dyn KafkaAdmin,
    removal: &TopicRemoval,
    permission: &dyn Permission,
) -> Result<Removal, Problem> {
    if removal.only_if_empty {
        let Some(topic) = admin.describe_topic(&removal.topic).await? else {
            return Ok(Removal::Removed);
        };
        let watermarks = admin.watermarks(&removal.topic, &topic.partition_numbers()).await?;
        if watermarks.values().any(|partition| partition.end > partition.beginning) {
            return Ok(Removal::Kept);
        }
    }
    if let Err(forbidden) = permission.to_change(&removal.topic).await {
        return Ok(Removal::Forbidden(forbidden));
    }
    admin.delete_topic(&removal.topic).await?;
    Ok(Removal::Removed)
}
