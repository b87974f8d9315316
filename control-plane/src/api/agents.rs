//! AgentService.

use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use kafka2oss_domain::names::AgentName;
use kafka2oss_domain::spec::Pool;
use kafka2oss_domain::violation::Violations;
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::agent_service_server::AgentService;
use tonic::{Request, Response, Status};

use super::context::Api;
use super::error::ApiError;
use super::listing::{Asked, Listing};
use super::{agent_intent, request, watch};
use crate::budget::Seats;
use crate::known::agent::shown;
use crate::model::fields::AGENTS;
use crate::model::placement::Move;
use crate::reconcile::rebalance::MAX_WAITING;

/// Moves that an answer has at most, so that clients take it.
const MAX_MOVES: usize = 10_000;

/// Shows the agents, and carries out what is wanted of them.
#[derive(Debug, Clone)]
pub(crate) struct Agents {
    api: Arc<Api>,
    watches: Arc<Seats>,
}

impl Agents {
    /// Over what the process knows.
    pub(crate) fn new(api: Arc<Api>, watches: Arc<Seats>) -> Self {
        Self { api, watches }
    }
}

#[tonic::async_trait]
impl AgentService for Agents {
    type WatchAgentsStream =
        Pin<Box<dyn Stream<Item = Result<v1::WatchAgentsResponse, Status>> + Send>>;

    async fn get_agent(
        &self,
        request: Request<v1::GetAgentRequest>,
    ) -> Result<Response<v1::Agent>, Status> {
        let name: AgentName = request::name(&request.get_ref().name, str::parse)?;
        let view = self.api.known.fleet.view(name.id());
        let view = view.ok_or_else(|| ApiError::NotFound(name.to_string()))?;
        Ok(Response::new(shown(&self.api.known, view)))
    }

    async fn list_agents(
        &self,
        request: Request<v1::ListAgentsRequest>,
    ) -> Result<Response<v1::ListAgentsResponse>, Status> {
        Ok(Response::new(list(&self.api, request.into_inner())?))
    }

    async fn watch_agents(
        &self,
        request: Request<v1::WatchAgentsRequest>,
    ) -> Result<Response<Self::WatchAgentsStream>, Status> {
        let messages = watch::agents(&self.api, &self.watches, request)?;
        Ok(Response::new(watch::decoded(messages)))
    }

    async fn drain_agent(
        &self,
        request: Request<v1::DrainAgentRequest>,
    ) -> Result<Response<v1::Agent>, Status> {
        let drained = agent_intent::drain(Arc::clone(&self.api), request.into_inner());
        Ok(Response::new(request::to_its_end(drained).await?))
    }

    async fn undrain_agent(
        &self,
        request: Request<v1::UndrainAgentRequest>,
    ) -> Result<Response<v1::Agent>, Status> {
        let undrained = agent_intent::undrain(Arc::clone(&self.api), request.into_inner());
        Ok(Response::new(request::to_its_end(undrained).await?))
    }

    async fn forget_agent(
        &self,
        request: Request<v1::ForgetAgentRequest>,
    ) -> Result<Response<()>, Status> {
        let forgotten = agent_intent::forget(Arc::clone(&self.api), request.into_inner());
        request::to_its_end(forgotten).await?;
        Ok(Response::new(()))
    }

    async fn rebalance(
        &self,
        request: Request<v1::RebalanceRequest>,
    ) -> Result<Response<v1::RebalanceResponse>, Status> {
        let v1::RebalanceRequest { pool, validate_only } = request.into_inner();
        let pool = pool.map(|v1::AgentPool { vpc_id, vswitch_id }| Pool::new(vpc_id, vswitch_id));
        let answer = self.api.inbox.rebalance(pool.clone(), validate_only);
        let answer = answer.ok_or(ApiError::TooManyRequests(MAX_WAITING))?;
        let answer = tokio::select! {
            biased;
            answer = answer => answer.map_err(|_| ApiError::Internal)?,
            () = self.api.stop.cancelled() => return Err(ApiError::Internal.into()),
        };
        let none = || ApiError::NoAgent(pool.unwrap_or_default().to_string());
        let moves = answer.ok_or_else(none)?;
        let move_count = i32::try_from(moves.len()).unwrap_or(i32::MAX);
        let moves = moves.into_iter().take(MAX_MOVES).map(task_move).collect();
        Ok(Response::new(v1::RebalanceResponse { moves, move_count }))
    }
}

/// One page. Without filter and order it costs what is on it; with them, a look at each
/// agent.
fn list(api: &Api, request: v1::ListAgentsRequest) -> Result<v1::ListAgentsResponse, ApiError> {
    let v1::ListAgentsRequest { page_size, page_token, filter, order_by } = request;
    let mut violations = Violations::new();
    let asked = Asked { page_size, page_token, filter, order_by };
    let listing = Listing::read(&asked, &[], &AGENTS, &mut violations);
    let Some(listing) = listing else { return Err(ApiError::Invalid(violations)) };
    let fleet = &api.known.fleet;
    let agents = |after: &str, most| -> Vec<_> {
        fleet.views(after, most).into_iter().map(|view| shown(&api.known, view)).collect()
    };
    let found = if listing.is_plain() {
        let after = listing.after_name().strip_prefix("agents/").unwrap_or_default();
        listing.first(agents(after, listing.enough()), fleet.len())
    } else {
        listing.choose(agents("", usize::MAX), |agent| &agent.name, |agent| agent)
    };
    let next_page_token = listing.next_token(&found, |agent| &agent.name, |agent| agent);
    let total_size = found.total_size();
    Ok(v1::ListAgentsResponse { agents: found.items, next_page_token, total_size })
}

fn task_move(one: Move) -> v1::TaskMove {
    let Move { connector, index, from, to } = one;
    v1::TaskMove {
        connector,
        index,
        from_agent: format!("agents/{from}"),
        to_agent: format!("agents/{to}"),
    }
}
