//! DrainAgent, UndrainAgent and ForgetAgent: durable before the answer.
//!
//! Under the agent's lock, as its Hello and the end of its lease are: whoever comes next
//! finds what was decided.

use std::sync::Arc;

use kafka2oss_domain::names::AgentName;
use kafka2oss_proto::v1;
use prost_types::Timestamp;

use super::context::Api;
use super::error::ApiError;
use super::request;
use crate::catalog::Change;
use crate::clock;
use crate::fleet::AgentView;
use crate::known::agent::shown;

/// Has an agent give its tasks to others, and take none.
pub(super) async fn drain(api: Arc<Api>, name: String) -> Result<v1::Agent, ApiError> {
    want(&api, &name, |since| since.or_else(|| Some(clock::now()))).await
}

/// Has an agent take tasks again.
pub(super) async fn undrain(api: Arc<Api>, name: String) -> Result<v1::Agent, ApiError> {
    want(&api, &name, |_| None).await
}

/// Changes since when an agent is to drain.
async fn want(
    api: &Api,
    name: &str,
    change: impl FnOnce(Option<Timestamp>) -> Option<Timestamp> + Send,
) -> Result<v1::Agent, ApiError> {
    let name: AgentName = request::name(name, str::parse)?;
    let _lock = api.known.catalog.lock(&name.to_string()).await;
    let mut record = view(api, &name)?.record;
    let before = record.drain_time;
    record.drain_time = change(before);
    if record.drain_time != before {
        let since = record.drain_time;
        api.known.remember_agent(name.id(), record).await?;
        api.known.fleet.set_drain_time(name.id(), since);
        tracing::info!(agent = name.id(), drains = since.is_some(), "intent changed");
        api.inbox.agent(name.id());
    }
    Ok(shown(&api.known, view(api, &name)?))
}

/// Removes what is known of an agent that is gone and has nothing.
pub(super) async fn forget(api: Arc<Api>, name: String) -> Result<(), ApiError> {
    let name: AgentName = request::name(&name, str::parse)?;
    let _lock = api.known.catalog.lock(&name.to_string()).await;
    let view = view(&api, &name)?;
    if view.state != v1::AgentState::Gone {
        return Err(ApiError::AgentNotGone {
            agent: name.to_string(),
            is_connected: view.state == v1::AgentState::Connected,
        });
    }
    // Deletions do not wait for it any more: it is gone.
    let tasks = api.known.catalog.tasks_of(name.id());
    if let Some((example, _)) = tasks.first() {
        return Err(ApiError::AgentHasTasks {
            agent: name.to_string(),
            count: tasks.iter().map(|(_, here)| here).sum(),
            example: example.clone(),
        });
    }
    api.known.catalog.apply(vec![Change::Agent(name.id().to_owned(), None)]).await?;
    api.known.fleet.forget_gone(name.id());
    tracing::info!(agent = name.id(), "agent forgotten");
    api.inbox.agent(name.id());
    Ok(())
}

fn view(api: &Api, name: &AgentName) -> Result<AgentView, ApiError> {
    api.known.fleet.view(name.id()).ok_or_else(|| ApiError::NotFound(name.to_string()))
}
