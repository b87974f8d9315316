//! InstanceService.

use std::sync::Arc;

use kafka2oss_domain::names::InstanceName;
use kafka2oss_domain::violation::Violations;
use kafka2oss_proto::spec::redact;
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::instance_service_server::InstanceService;
use tonic::{Request, Response, Status};

use super::context::Api;
use super::error::ApiError;
use super::listing::{Asked, Listing};
use super::once::{Identified, Once};
use super::{create_instance, etag, request, update_instance};
use crate::catalog::Change;
use crate::model::fields::INSTANCES;
use crate::store::instances::InstanceRecord;

/// Registers Kafka instances.
#[derive(Debug, Clone)]
pub(crate) struct Instances {
    api: Arc<Api>,
}

impl Instances {
    /// Over what the process knows.
    pub(crate) fn new(api: Arc<Api>) -> Self {
        Self { api }
    }
}

#[tonic::async_trait]
impl InstanceService for Instances {
    async fn create_instance(
        &self,
        request: Request<v1::CreateInstanceRequest>,
    ) -> Result<Response<v1::Instance>, Status> {
        let api = Arc::clone(&self.api);
        let created = create_instance::create(api, request.into_inner());
        let mut instance = request::to_its_end(created).await?;
        redact(&mut instance);
        Ok(Response::new(instance))
    }

    async fn get_instance(
        &self,
        request: Request<v1::GetInstanceRequest>,
    ) -> Result<Response<v1::Instance>, Status> {
        let name = request::name(&request.get_ref().name, str::parse)?;
        Ok(Response::new(shown(&*request::instance(&self.api, &name)?)))
    }

    async fn list_instances(
        &self,
        request: Request<v1::ListInstancesRequest>,
    ) -> Result<Response<v1::ListInstancesResponse>, Status> {
        Ok(Response::new(list(&self.api, request.into_inner())?))
    }

    async fn update_instance(
        &self,
        request: Request<v1::UpdateInstanceRequest>,
    ) -> Result<Response<v1::Instance>, Status> {
        let updated = update_instance::update(Arc::clone(&self.api), request.into_inner());
        let mut instance = request::to_its_end(updated).await?;
        redact(&mut instance);
        Ok(Response::new(instance))
    }

    async fn delete_instance(
        &self,
        request: Request<v1::DeleteInstanceRequest>,
    ) -> Result<Response<()>, Status> {
        let api = Arc::clone(&self.api);
        request::to_its_end(delete(api, request.into_inner())).await?;
        Ok(Response::new(()))
    }
}

/// One page. It costs a look at each instance.
fn list(
    api: &Api,
    request: v1::ListInstancesRequest,
) -> Result<v1::ListInstancesResponse, ApiError> {
    let v1::ListInstancesRequest { page_size, page_token, filter, order_by } = request;
    let mut violations = Violations::new();
    let asked = Asked { page_size, page_token, filter, order_by };
    let listing = Listing::read(&asked, &[], &INSTANCES, &mut violations);
    let Some(listing) = listing else { return Err(ApiError::Invalid(violations)) };
    let records = api.known.catalog.instances();
    let all = records.iter().filter_map(|record| record.instance.as_ref()).collect();
    let found = listing.choose(all, |instance| &instance.name, |instance| *instance);
    let next_page_token =
        listing.next_token(&found, |instance| &instance.name, |instance| *instance);
    let instances = found.items.iter().map(|instance| redacted(instance)).collect();
    let total_size = found.total_size();
    Ok(v1::ListInstancesResponse { instances, next_page_token, total_size })
}

fn shown(record: &InstanceRecord) -> v1::Instance {
    record.instance.as_ref().map(redacted).unwrap_or_default()
}

fn redacted(instance: &v1::Instance) -> v1::Instance {
    let mut instance = instance.clone();
    redact(&mut instance);
    instance
}

async fn delete(api: Arc<Api>, request: v1::DeleteInstanceRequest) -> Result<(), ApiError> {
    let id = &request.request_id;
    let name: InstanceName = request::identified(&request.name, str::parse, id)?;
    let identified = Identified::new(&name, id, "DeleteInstance", &request);
    let _lock = api.known.catalog.lock(&name.to_string()).await;
    let once = Once::lock(&api, identified).await;
    if once.earlier(&api)?.is_some() {
        return Ok(());
    }
    let record = request::instance(&api, &name)?;
    let current = record.instance.clone().unwrap_or_default();
    etag::check(&request.name, &current.etag, &request.etag)?;
    let connectors = api.known.catalog.connectors_of(&name);
    if let Some(example) = connectors.first() {
        return Err(ApiError::InstanceHasConnectors {
            instance: name.to_string(),
            count: connectors.len(),
            example: example.name().to_owned(),
        });
    }
    let mut changes = once.remember(&api, &current.uid);
    changes.push(Change::Instance(name.to_string(), None));
    api.known.catalog.apply(changes).await?;
    tracing::info!(instance = %name, "instance removed");
    Ok(())
}
