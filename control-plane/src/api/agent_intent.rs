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
use super::once::{Identified, Once};
use super::request;
use crate::catalog::Change;
use crate::clock;
use crate::fleet::AgentView;
use crate::known::agent::shown;

/// Of what request IDs are those of agents.
const SCOPE: &str = "agents";
/// Agents have none.
const NO_UID: &str = "";

/// Has an agent give its tasks to others, and take none.
pub(super) async fn drain(
    api: Arc<Api>,
    request: v1::DrainAgentRequest,
) -> Result<v1::Agent, ApiError> {
    let v1::DrainAgentRequest { name, request_id } = &request;
    let name = request::identified(name, str::parse, request_id)?;
    let identified = Identified::new(SCOPE, request_id, "DrainAgent", &request);
    want(&api, &name, identified, |since| since.or_else(|| Some(clock::now()))).await
}

/// Has an agent take tasks again.
pub(super) async fn undrain(
    api: Arc<Api>,
    request: v1::UndrainAgentRequest,
) -> Result<v1::Agent, ApiError> {
    let v1::UndrainAgentRequest { name, request_id } = &request;
    let name = request::identified(name, str::parse, request_id)?;
    let identified = Identified::new(SCOPE, request_id, "UndrainAgent", &request);
    want(&api, &name, identified, |_| None).await
}

/// Changes since when an agent is to drain.
async fn want(
    api: &Api,
    name: &AgentName,
    identified: Option<Identified>,
    change: impl FnOnce(Option<Timestamp>) -> Option<Timestamp> + Send,
) -> Result<v1::Agent, ApiError> {
    let once = Once::lock(api, identified).await;
    let _lock = api.known.catalog.lock(&name.to_string()).await;
    let mut record = view(api, name)?.record;
    if once.earlier(api)?.is_some() {
        return Ok(shown(&api.known, view(api, name)?));
    }
    let mut changes = once.remember(api, NO_UID);
    let before = record.drain_time;
    record.drain_time = change(before);
    if record.drain_time != before {
        let since = record.drain_time;
        changes.push(Change::Agent(name.id().to_owned(), Some(Arc::new(record))));
        api.known.catalog.apply(changes).await?;
        api.known.fleet.set_drain_time(name.id(), since);
        tracing::info!(agent = name.id(), drains = since.is_some(), "intent changed");
        api.inbox.agent(name.id());
    } else {
        api.known.catalog.apply(changes).await?;
    }
    Ok(shown(&api.known, view(api, name)?))
}

/// Removes what is known of an agent that is gone and has nothing.
pub(super) async fn forget(api: Arc<Api>, request: v1::ForgetAgentRequest) -> Result<(), ApiError> {
    let v1::ForgetAgentRequest { name, request_id } = &request;
    let name: AgentName = request::identified(name, str::parse, request_id)?;
    let identified = Identified::new(SCOPE, request_id, "ForgetAgent", &request);
    let once = Once::lock(&api, identified).await;
    let _lock = api.known.catalog.lock(&name.to_string()).await;
    if once.earlier(&api)?.is_some() {
        return Ok(());
    }
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
    let mut changes = once.remember(&api, NO_UID);
    changes.push(Change::Agent(name.id().to_owned(), None));
    api.known.catalog.apply(changes).await?;
    api.known.fleet.forget_gone(name.id());
    tracing::info!(agent = name.id(), "agent forgotten");
    api.inbox.agent(name.id());
    Ok(())
}

fn view(api: &Api, name: &AgentName) -> Result<AgentView, ApiError> {
    api.known.fleet.view(name.id()).ok_or_else(|| ApiError::NotFound(name.to_string()))
}
