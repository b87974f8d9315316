//! Names and peers of requests.

use std::sync::Arc;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::names::{ConnectorName, InstanceName, InvalidName};
use kafka2oss_domain::violation::Violations;
use tonic::Request;

use super::context::Api;
use super::error::ApiError;
use crate::permit;
use crate::store::connectors::ConnectorRecord;
use crate::store::instances::InstanceRecord;
use crate::{supervision, tasks};

/// Request IDs are up to this many bytes.
pub(super) const MAX_REQUEST_ID: usize = 64;

/// Whether plain secrets may travel on a request's connection: it has no TLS
/// yet, so only on this host.
pub(super) fn is_trusted<T>(request: &Request<T>) -> bool {
    request.remote_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback())
}

/// Reads a required field; what is wrong with it goes to `violations`.
pub(super) fn field<T>(
    field: &str,
    given: &str,
    read: impl FnOnce(&str) -> Result<T, InvalidName>,
    violations: &mut Violations,
) -> Option<T> {
    if given.is_empty() {
        violations.add(field, ErrorCode::FieldRequired, "is required");
        return None;
    }
    read(given)
        .map_err(|error| violations.add(field, ErrorCode::FieldInvalid, error.to_string()))
        .ok()
}

/// Reads a request's only field, the name of a resource.
pub(super) fn name<T>(
    given: &str,
    read: impl FnOnce(&str) -> Result<T, InvalidName>,
) -> Result<T, ApiError> {
    let mut violations = Violations::new();
    let name = field("name", given, read, &mut violations);
    name.ok_or(ApiError::Invalid(violations))
}

/// Reads the name of a resource, and checks a request ID.
pub(super) fn identified<T>(
    given: &str,
    read: impl FnOnce(&str) -> Result<T, InvalidName>,
    request_id: &str,
) -> Result<T, ApiError> {
    let mut violations = Violations::new();
    let name = field("name", given, read, &mut violations);
    check_request_id(request_id, &mut violations);
    match name {
        Some(name) if violations.is_empty() => Ok(name),
        _ => Err(ApiError::Invalid(violations)),
    }
}

/// `instances/{instance_id}`, or all for `instances/-`.
pub(super) fn parent(given: &str, violations: &mut Violations) -> Option<InstanceName> {
    if given == "instances/-" {
        return None;
    }
    field("parent", given, str::parse, violations)
}

/// Adds a violation when a request ID is too long.
pub(super) fn check_request_id(id: &str, violations: &mut Violations) {
    if id.len() > MAX_REQUEST_ID {
        let message = format!("has {} bytes; {MAX_REQUEST_ID} are allowed", id.len());
        violations.add("request_id", ErrorCode::FieldInvalid, message);
    }
}

/// The instance of this name.
pub(super) fn instance(api: &Api, name: &InstanceName) -> Result<Arc<InstanceRecord>, ApiError> {
    api.known.catalog.instance(name).ok_or_else(|| ApiError::NotFound(name.to_string()))
}

/// The connector of this name.
pub(super) fn connector(api: &Api, name: &ConnectorName) -> Result<Arc<ConnectorRecord>, ApiError> {
    let name = name.to_string();
    api.known.catalog.connector(&name).ok_or(ApiError::NotFound(name))
}

/// Runs `work` to its end even if the request is given up before.
pub(super) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    let permit = permit::current();
    let work = async move {
        let outcome = supervision::contained("a request", work).await;
        drop(permit);
        outcome
    };
    let outcome = tasks::spawn(tracing::Instrument::in_current_span(work)).await;
    // Without an outcome it panicked, or the runtime ends.
    outcome.ok().flatten().unwrap_or(Err(ApiError::Internal))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tonic::transport::server::TcpConnectInfo;

    use super::*;

    fn from(peer: Option<&str>) -> bool {
        let mut request = Request::new(());
        if let Some(peer) = peer {
            let remote_addr: SocketAddr = peer.parse().expect("an address");
            let info = TcpConnectInfo { local_addr: None, remote_addr: Some(remote_addr) };
            request.extensions_mut().insert(info);
        }
        is_trusted(&request)
    }

    #[test]
    fn only_this_host_is_trusted_without_tls() {
        for peer in ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(from(Some(peer)), "{peer}");
        }
        for peer in ["10.0.0.1:1", "[fe80::1]:1", "[::ffff:10.0.0.1]:1", "0.0.0.0:1"] {
            assert!(!from(Some(peer)), "{peer}");
        }
        assert!(!from(None), "a peer that is not known");
    }
}
