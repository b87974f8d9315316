//! ServerService.

use kafka2oss_proto::v1::server_service_server::ServerService;
use kafka2oss_proto::{Count, v1};
use tonic::{Request, Response, Status};

pub(crate) use super::preflight::FEATURES;
use super::{paging, request, test_message};
use crate::fleet::asking;

/// Shows what the control plane is.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    info: v1::ServerInfo,
}

impl Server {
    /// Of a control plane that is this.
    pub(crate) fn new(info: v1::ServerInfo) -> Self {
        Self { info }
    }
}

#[tonic::async_trait]
impl ServerService for Server {
    async fn get_server_info(
        &self,
        _: Request<v1::GetServerInfoRequest>,
    ) -> Result<Response<v1::ServerInfo>, Status> {
        Ok(Response::new(self.info.clone()))
    }
}

/// Sets the limits that the methods of the API have.
pub(crate) fn set_limits(limits: &mut v1::ServerLimits) {
    limits.default_page_size = paging::DEFAULT.to_wire();
    limits.max_page_size = paging::MOST.to_wire();
    limits.max_test_message_bytes = (test_message::MAX_PAYLOAD as u64).to_wire();
    limits.max_commands_of_preflight_agent = asking::AGENT_WINDOW.to_wire();
    limits.max_request_id_bytes = request::MAX_REQUEST_ID.to_wire();
}
