//! ServerService.

use kafka2oss_proto::v1;
use kafka2oss_proto::v1::server_service_server::ServerService;
use tonic::{Request, Response, Status};

pub(crate) use super::preflight::FEATURES;
use super::{paging, preflight, request, test_message};

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
    limits.default_page_size = count(paging::DEFAULT);
    limits.max_page_size = count(paging::MOST);
    limits.max_test_message_bytes = bytes(test_message::MAX_PAYLOAD);
    limits.max_commands_of_preflight_agent = count(preflight::AGENT_WINDOW);
    limits.max_request_id_bytes = count(request::MAX_REQUEST_ID);
}

/// A number as messages have it; one that has no room is the largest.
pub(crate) fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// The same of bytes.
pub(crate) fn bytes(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
