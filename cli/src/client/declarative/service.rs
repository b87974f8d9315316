//! The calls about a resource, alike for both kinds.

use kafka2oss_manifest::{Kind, Resource};
use kafka2oss_proto::v1;
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::args::new_request_id;
use crate::client::{Client, paging};

impl Client {
    /// The resource as it is; `None` where there is none of that name.
    pub(super) async fn stored(&self, kind: Kind, name: &str) -> Result<Option<Resource>, Status> {
        let name = name.to_owned();
        let answer = match kind {
            Kind::Instance => {
                let request = self.request(v1::GetInstanceRequest { name });
                self.instances().get_instance(request).await.map(|one| one.into_inner().into())
            }
            Kind::Connector => {
                let request = self.request(v1::GetConnectorRequest { name });
                self.connectors().get_connector(request).await.map(|one| one.into_inner().into())
            }
        };
        match answer {
            Ok(resource) => Ok(Some(resource)),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status),
        }
    }

    /// Creates it, or only answers with what it would be.
    pub(super) async fn create(
        &self,
        resource: Resource,
        validate_only: bool,
    ) -> Result<Resource, Status> {
        let id = resource.name().rsplit('/').next().unwrap_or_default().to_owned();
        let parent = resource.instance().to_owned();
        let request_id = if validate_only { String::new() } else { new_request_id() };
        match resource {
            Resource::Instance(instance) => {
                let instance = Some(*instance);
                let request = v1::CreateInstanceRequest {
                    instance_id: id,
                    instance,
                    validate_only,
                    request_id,
                };
                let answer = self.instances().create_instance(self.request(request)).await?;
                Ok(answer.into_inner().into())
            }
            Resource::Connector(connector) => {
                let request = v1::CreateConnectorRequest {
                    parent,
                    connector_id: id,
                    connector: Some(*connector),
                    validate_only,
                    request_id,
                };
                let answer = self.connectors().create_connector(self.request(request)).await?;
                Ok(answer.into_inner().into())
            }
        }
    }

    /// Has all that can be set of it be as given, if its etag still is the given one's; or
    /// only answers with what it would be.
    pub(super) async fn replace(
        &self,
        resource: Resource,
        validate_only: bool,
    ) -> Result<Resource, Status> {
        let update_mask = Some(FieldMask { paths: vec!["*".to_owned()] });
        let request_id = if validate_only { String::new() } else { new_request_id() };
        match resource {
            Resource::Instance(instance) => {
                let request = v1::UpdateInstanceRequest {
                    instance: Some(*instance),
                    update_mask,
                    validate_only,
                    request_id,
                    ..Default::default()
                };
                let answer = self.instances().update_instance(self.request(request)).await?;
                Ok(answer.into_inner().into())
            }
            Resource::Connector(connector) => {
                let request = v1::UpdateConnectorRequest {
                    connector: Some(*connector),
                    update_mask,
                    validate_only,
                    request_id,
                    ..Default::default()
                };
                let answer = self.connectors().update_connector(self.request(request)).await?;
                Ok(answer.into_inner().into())
            }
        }
    }

    /// Every instance that a filter means.
    pub(super) async fn all_instances(&self, filter: &str) -> Result<Vec<Resource>, Status> {
        let instances = paging::all(async |page_token| {
            let request = self.request(v1::ListInstancesRequest {
                page_size: paging::PAGE_SIZE,
                page_token,
                filter: filter.to_owned(),
                ..Default::default()
            });
            let page = self.instances().list_instances(request).await?.into_inner();
            Ok((page.instances, page.next_page_token))
        })
        .await?;
        Ok(instances.into_iter().map(Resource::from).collect())
    }

    /// Every connector of a parent that a filter means.
    pub(super) async fn all_connectors(
        &self,
        parent: &str,
        filter: &str,
    ) -> Result<Vec<v1::Connector>, Status> {
        paging::all(async |page_token| {
            let request = self.request(v1::ListConnectorsRequest {
                parent: parent.to_owned(),
                page_size: paging::PAGE_SIZE,
                page_token,
                filter: filter.to_owned(),
                view: v1::ConnectorView::Basic.into(),
                ..Default::default()
            });
            let page = self.connectors().list_connectors(request).await?.into_inner();
            Ok((page.connectors, page.next_page_token))
        })
        .await
    }
}

/// Whether nobody answered: others would not be answered either.
pub(super) fn is_no_answer(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Unknown)
        || status.code() == Code::Cancelled
}
