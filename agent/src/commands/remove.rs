//! Removes what a deleted connector had, and nothing that this agent runs by now names.

use std::sync::Arc;

use async_trait::async_trait;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_kafka::Permission;
use kafka2oss_proto::agent::v1::{RemoveResources, RemoveResourcesResult};
use tokio::sync::watch;

use super::warrant::Warrant;
use super::{Attempt, Means, instance};
use crate::assignment::Assignments;

/// Removes what may be removed.
pub(super) async fn run(
    means: &Means,
    request: RemoveResources,
    attempt: &Attempt,
) -> Result<RemoveResourcesResult, Problem> {
    let admin = means.admins.connect(&instance(request.instance.clone())?).await?;
    let warrant = Warrant::new(attempt, &means.confirmations);
    let unused = Unused { request: &request, held: &means.held, warrant };
    Ok(kafka2oss_kafka::remove(&*admin, &request, &unused).await)
}

/// Allows what the warrant does, of what nothing uses.
struct Unused<'a> {
    request: &'a RemoveResources,
    /// What this agent is to run.
    held: &'a watch::Receiver<Arc<Assignments>>,
    warrant: Warrant<'a>,
}

#[async_trait]
impl Permission for Unused<'_> {
    async fn to_change(&self, name: &str) -> Result<(), Problem> {
        self.warrant.to_change(name).await?;
        let instance = self.request.instance.clone().unwrap_or_default();
        let held = self.held.borrow();
        match held.values().find(|assignment| assignment.names(&instance, name)) {
            Some(user) => Err(in_use(name, &user.connector.to_string())),
            None => Ok(()),
        }
    }
}

fn in_use(name: &str, user: &str) -> Problem {
    let message = format!("`{name}` was not removed: {user}, which the agent runs, names it");
    Problem::new(ErrorCode::WrongState, message)
}
