//! ConnectorService.

use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::names::ConnectorName;
use kafka2oss_domain::violation::Violations;
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::connector_service_server::ConnectorService;
use tonic::{Request, Response, Status};

use super::context::Api;
use super::error::ApiError;
use super::listing::{Asked, Found, Listing};
use super::once::Identified;
use super::{
    act, create, entries, flush, preflight, request, reset_offsets, resume_partition, tail,
    test_message, update, watch,
};
use crate::budget::Seats;
use crate::model::fields::CONNECTORS;
use crate::model::lifecycle::Action;
use crate::observe::Shown;

/// Partitions of a page that shows them, beyond which it ends: a few megabytes.
const MAX_PARTITIONS: usize = 20_000;

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Creates and steers connectors.
#[derive(Debug, Clone)]
pub(crate) struct Connectors {
    api: Arc<Api>,
    watches: Arc<Seats>,
}

impl Connectors {
    /// Over what the process knows.
    pub(crate) fn new(api: Arc<Api>, watches: Arc<Seats>) -> Self {
        Self { api, watches }
    }

    async fn act(
        &self,
        action: Action,
        name: ConnectorName,
        etag: String,
        validate_only: bool,
        identified: Option<Identified>,
    ) -> Result<Response<v1::Connector>, Status> {
        let identified = identified.filter(|_| !validate_only);
        let asked = act::Asked { name, action, etag, validate_only, identified };
        let work = act::act(Arc::clone(&self.api), asked);
        Ok(Response::new(request::to_its_end(work).await?))
    }
}

#[tonic::async_trait]
impl ConnectorService for Connectors {
    type WatchConnectorsStream = Answers<v1::WatchConnectorsResponse>;
    type TailLogsStream = Answers<v1::TailLogsResponse>;
    type ValidateConnectorStream = Answers<v1::ValidateConnectorResponse>;
    type FlushConnectorStream = Answers<v1::FlushConnectorResponse>;
    type TailDeadLettersStream = Answers<v1::TailDeadLettersResponse>;

    async fn create_connector(
        &self,
        request: Request<v1::CreateConnectorRequest>,
    ) -> Result<Response<v1::Connector>, Status> {
        let trusted = request::is_trusted(&request);
        let work = create::create(Arc::clone(&self.api), request.into_inner(), trusted);
        Ok(Response::new(request::to_its_end(work).await?))
    }

    async fn preview_connector(
        &self,
        request: Request<v1::PreviewConnectorRequest>,
    ) -> Result<Response<v1::PreviewConnectorResponse>, Status> {
        let trusted = request::is_trusted(&request);
        Ok(Response::new(create::preview(&self.api, request.into_inner(), trusted)?))
    }

    async fn get_connector(
        &self,
        request: Request<v1::GetConnectorRequest>,
    ) -> Result<Response<v1::Connector>, Status> {
        let name = request::name(&request.get_ref().name, str::parse)?;
        let record = request::connector(&self.api, &name)?;
        Ok(Response::new(self.api.observed.shown(&record, false)))
    }

    async fn list_connectors(
        &self,
        request: Request<v1::ListConnectorsRequest>,
    ) -> Result<Response<v1::ListConnectorsResponse>, Status> {
        Ok(Response::new(list(&self.api, request.into_inner())?))
    }

    async fn update_connector(
        &self,
        request: Request<v1::UpdateConnectorRequest>,
    ) -> Result<Response<v1::Connector>, Status> {
        let trusted = request::is_trusted(&request);
        let work = update::update(Arc::clone(&self.api), request.into_inner(), trusted);
        Ok(Response::new(request::to_its_end(work).await?))
    }

    async fn delete_connector(
        &self,
        request: Request<v1::DeleteConnectorRequest>,
    ) -> Result<Response<v1::Connector>, Status> {
        let work = act::delete(Arc::clone(&self.api), request.into_inner());
        Ok(Response::new(request::to_its_end(work).await?))
    }

    async fn deploy_connector(
        &self,
        request: Request<v1::DeployConnectorRequest>,
    ) -> Result<Response<v1::Connector>, Status> {
        let work = preflight::deploy(Arc::clone(&self.api), request.into_inner());
        Ok(Response::new(request::to_its_end(work).await?))
    }

    async fn pause_connector(
        &self,
        request: Request<v1::PauseConnectorRequest>,
    ) -> Result<Response<v1::Connector>, Status> {
        let request = request.into_inner();
        let v1::PauseConnectorRequest { name, etag, validate_only, request_id } = &request;
        let name: ConnectorName = request::identified(name, str::parse, request_id)?;
        let method = "PauseConnector";
        let identified = Identified::new(name.instance(), request_id, method, &request);
        self.act(Action::Pause, name, etag.clone(), *validate_only, identified).await
    }

    async fn resume_connector(
        &self,
        request: Request<v1::ResumeConnectorRequest>,
    ) -> Result<Response<v1::Connector>, Status> {
        let request = request.into_inner();
        let v1::ResumeConnectorRequest { name, etag, validate_only, request_id } = &request;
        let name: ConnectorName = request::identified(name, str::parse, request_id)?;
        let method = "ResumeConnector";
        let identified = Identified::new(name.instance(), request_id, method, &request);
        self.act(Action::Resume, name, etag.clone(), *validate_only, identified).await
    }

    async fn resume_partition(
        &self,
        request: Request<v1::ResumePartitionRequest>,
    ) -> Result<Response<v1::Connector>, Status> {
        let work = resume_partition::resume(Arc::clone(&self.api), request.into_inner());
        Ok(Response::new(request::to_its_end(work).await?))
    }

    async fn reset_offsets(
        &self,
        request: Request<v1::ResetOffsetsRequest>,
    ) -> Result<Response<v1::Connector>, Status> {
        let work = reset_offsets::reset(Arc::clone(&self.api), request.into_inner());
        Ok(Response::new(request::to_its_end(work).await?))
    }

    async fn send_test_message(
        &self,
        request: Request<v1::SendTestMessageRequest>,
    ) -> Result<Response<v1::SendTestMessageResponse>, Status> {
        Ok(Response::new(test_message::send(&self.api, request.into_inner()).await?))
    }

    async fn get_connector_progress(
        &self,
        request: Request<v1::GetConnectorProgressRequest>,
    ) -> Result<Response<v1::ConnectorProgress>, Status> {
        let name = request::name(&request.get_ref().name, str::parse)?;
        let record = request::connector(&self.api, &name)?;
        let status = self.api.observed.current(&record);
        Ok(Response::new(v1::ConnectorProgress {
            total_lag: status.total_lag.unwrap_or_default(),
            partitions: status.partitions,
        }))
    }

    async fn flush_connector(
        &self,
        request: Request<v1::FlushConnectorRequest>,
    ) -> Result<Response<Self::FlushConnectorStream>, Status> {
        let stream = flush::flush(&self.api, &request.into_inner())?;
        Ok(Response::new(Box::pin(stream)))
    }

    async fn validate_connector(
        &self,
        request: Request<v1::ValidateConnectorRequest>,
    ) -> Result<Response<Self::ValidateConnectorStream>, Status> {
        let trusted = request::is_trusted(&request);
        let stream = preflight::validate(&self.api, request.into_inner(), trusted)?;
        Ok(Response::new(Box::pin(stream)))
    }

    async fn watch_connectors(
        &self,
        request: Request<v1::WatchConnectorsRequest>,
    ) -> Result<Response<Self::WatchConnectorsStream>, Status> {
        let messages = watch::connectors(&self.api, &self.watches, request)?;
        Ok(Response::new(watch::decoded(messages)))
    }

    async fn tail_logs(
        &self,
        request: Request<v1::TailLogsRequest>,
    ) -> Result<Response<Self::TailLogsStream>, Status> {
        let stream = tail::logs(&self.api, request.into_inner())?;
        Ok(Response::new(Box::pin(stream)))
    }

    async fn list_logs(
        &self,
        request: Request<v1::ListLogsRequest>,
    ) -> Result<Response<v1::ListLogsResponse>, Status> {
        Ok(Response::new(entries::logs(&self.api, request.into_inner())?))
    }

    async fn list_dead_letters(
        &self,
        request: Request<v1::ListDeadLettersRequest>,
    ) -> Result<Response<v1::ListDeadLettersResponse>, Status> {
        Ok(Response::new(entries::dead_letters(&self.api, request.into_inner())?))
    }

    async fn tail_dead_letters(
        &self,
        request: Request<v1::TailDeadLettersRequest>,
    ) -> Result<Response<Self::TailDeadLettersStream>, Status> {
        let stream = tail::dead_letters(&self.api, request.into_inner())?;
        Ok(Response::new(Box::pin(stream)))
    }
}

/// One page. Without filter and order it costs what is on it; with them, a look at each
/// connector of the parent, as it is shown already.
fn list(
    api: &Api,
    request: v1::ListConnectorsRequest,
) -> Result<v1::ListConnectorsResponse, ApiError> {
    let v1::ListConnectorsRequest { parent: given, page_size, page_token, filter, order_by, view } =
        request;
    let mut violations = Violations::new();
    let parent = request::parent(&given, &mut violations);
    let full = match v1::ConnectorView::try_from(view) {
        Ok(v1::ConnectorView::Unspecified | v1::ConnectorView::Basic) => false,
        Ok(v1::ConnectorView::Full) => true,
        Err(_) => {
            let message = format!("{view} is no view: use BASIC or FULL");
            violations.add("view", ErrorCode::FieldInvalid, message);
            false
        }
    };
    let asked = Asked { page_size, page_token, filter, order_by };
    let also = [given.as_str(), if full { "full" } else { "basic" }];
    let listing = Listing::read(&asked, &also, &CONNECTORS, &mut violations);
    let Some(listing) = listing.filter(|_| violations.is_empty()) else {
        return Err(ApiError::Invalid(violations));
    };
    if let Some(instance) = &parent {
        request::instance(api, instance)?;
    }
    let (board, instance) = (&api.observed.board, parent.as_ref());
    let mut found = if listing.is_plain() {
        let items = board.list(instance, listing.after_name(), listing.enough());
        listing.first(items, board.count(instance))
    } else {
        // What is shown is shared, and looked at while nobody waits for it.
        let all = board.list(instance, "", usize::MAX);
        listing.choose(all, |shown| shown.name(), |shown| &**shown)
    };
    if full {
        end_in_time(&mut found);
    }
    let next_page_token = listing.next_token(&found, |shown| shown.name(), |shown| &**shown);
    let shown = |shown: &Arc<Shown>| if full { shown.connector(true) } else { shown.basic() };
    let connectors = found.items.iter().map(shown).collect();
    let total_size = found.total_size();
    Ok(v1::ListConnectorsResponse { connectors, next_page_token, total_size })
}

/// Ends a page where it has very many partitions.
fn end_in_time(found: &mut Found<Arc<Shown>>) {
    let mut partitions = 0;
    let fitting = found.items.iter().take_while(|shown| {
        let fits = partitions < MAX_PARTITIONS;
        partitions += shown.status().partitions.len();
        fits
    });
    let fitting = fitting.count();
    found.more |= fitting < found.items.len();
    found.items.truncate(fitting);
}
