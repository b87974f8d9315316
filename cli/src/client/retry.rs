//! Calls that the control plane tells to come again (google.rpc.RetryInfo) come again, where
//! that is harmless: reads, and changes that have a request ID.

use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use kafka2oss_manifest::text_field;
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tonic_types::StatusExt;
use tower::{BoxError, Service, ServiceExt};

use crate::output;

const TIMEOUT: &str = "grpc-timeout";
/// What stands before a message in a body: a flag and the length.
const FRAME: usize = 5;

/// The connection of a command, which repeats calls within `limit` of each.
#[derive(Debug, Clone)]
pub(crate) struct Retrying<S> {
    inner: S,
    limit: Duration,
}

impl<S> Retrying<S> {
    pub(super) fn new(inner: S, limit: Duration) -> Self {
        Self { inner, limit }
    }
}

impl<S> Service<Request<Body>> for Retrying<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // Each attempt waits for its own.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self { inner, limit } = self.clone();
        Box::pin(async move { repeat(inner, limit, request).await })
    }
}

async fn repeat<S>(
    inner: S,
    limit: Duration,
    request: Request<Body>,
) -> Result<Response<Body>, BoxError>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone,
    S::Error: Into<BoxError>,
{
    let end = Instant::now() + limit;
    let (mut parts, body) = request.into_parts();
    // One message: no call of ours sends a stream.
    let message = body.collect().await?.to_bytes();
    loop {
        let body = Body::new(Full::new(message.clone()));
        let request = Request::from_parts(parts.clone(), body);
        let response = inner.clone().oneshot(request).await.map_err(Into::into)?;
        let Some((status, delay)) = told_to_wait(&response) else { return Ok(response) };
        let left = end.saturating_duration_since(Instant::now()).saturating_sub(delay);
        if left.is_zero() || !is_harmless(parts.uri.path(), message.get(FRAME..).unwrap_or(&[])) {
            return Ok(response);
        }
        output::note(format_args!("{}; trying again in {delay:?}", status.message()));
        tokio::time::sleep(delay).await;
        if parts.headers.contains_key(TIMEOUT)
            && let Ok(left) = HeaderValue::from_str(&format!("{}m", left.as_millis()))
        {
            parts.headers.insert(TIMEOUT, left);
        }
    }
}

/// The refusal, and when to come again: both stand in the head of an answer that is nothing
/// else.
fn told_to_wait(response: &Response<Body>) -> Option<(Status, Duration)> {
    let status = Status::from_header_map(response.headers())?;
    let delay = status.get_details_retry_info()?.retry_delay?;
    Some((status, delay))
}

/// Whether twice is the same as once: a flush is another barrier.
fn is_harmless(path: &str, message: &[u8]) -> bool {
    const READS: [&str; 7] = ["Get", "List", "Preview", "Validate", "Watch", "Tail", "Flush"];
    let method = path.rsplit('/').next().unwrap_or_default();
    READS.iter().any(|read| method.starts_with(read))
        || text_field(&format!("{method}Request"), message, "request_id")
            .is_some_and(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use kafka2oss_proto::v1;
    use prost::Message;
    use tonic::Code;
    use tonic_types::ErrorDetails;

    use super::*;

    /// A control plane that has no room for the first `refusals` calls, and how many came.
    fn busy(
        refusals: usize,
        delay: Duration,
    ) -> (
        impl Service<Request<Body>, Response = Response<Body>, Error = BoxError, Future: Send>
        + Clone
        + Send
        + 'static,
        Arc<AtomicUsize>,
    ) {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let service = tower::service_fn(move |request: Request<Body>| {
            let calls = Arc::clone(&counted);
            async move {
                // The whole message comes each time.
                let message = request.into_body().collect().await?.to_bytes();
                assert!(message.len() >= FRAME);
                if calls.fetch_add(1, Ordering::Relaxed) >= refusals {
                    return Ok::<_, BoxError>(Response::new(Body::empty()));
                }
                let details = ErrorDetails::with_retry_info(Some(delay));
                let code = Code::ResourceExhausted;
                Ok(Status::with_error_details(code, "no room", details).into_http())
            }
        });
        (service, calls)
    }

    fn request(method: &str, message: &impl Message) -> Request<Body> {
        let mut body = vec![0; FRAME];
        message.encode(&mut body).expect("a vector grows");
        let path = format!("/kafka2oss.v1.InstanceService/{method}");
        Request::builder()
            .uri(path)
            .header(TIMEOUT, "30000m")
            .body(Body::new(Full::new(body.into())))
            .expect("a request")
    }

    async fn calls(refusals: usize, delay: u64, request: Request<Body>) -> (usize, Duration, bool) {
        let (service, calls) = busy(refusals, Duration::from_secs(delay));
        let start = Instant::now();
        let retrying = Retrying::new(service, Duration::from_secs(30));
        let response = retrying.oneshot(request).await.expect("an answer");
        let is_done = Status::from_header_map(response.headers()).is_none();
        (calls.load(Ordering::Relaxed), start.elapsed(), is_done)
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_read_comes_again_after_as_long_as_it_was_told() {
        let get = request("GetInstance", &v1::GetInstanceRequest::default());
        assert_eq!(calls(0, 5, get).await, (1, Duration::ZERO, true));
        let get = request("GetInstance", &v1::GetInstanceRequest::default());
        assert_eq!(calls(2, 5, get).await, (3, 10 * SECOND, true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_comes_again_only_with_a_request_id() {
        let delete = |request_id: &str| {
            let request_id = request_id.to_owned();
            let name = "instances/a".to_owned();
            request(
                "DeleteInstance",
                &v1::DeleteInstanceRequest { name, request_id, ..Default::default() },
            )
        };
        assert_eq!(calls(1, 1, delete("")).await, (1, Duration::ZERO, false));
        assert_eq!(calls(1, 1, delete("a")).await, (2, SECOND, true));
        let rebalance = request("Rebalance", &v1::RebalanceRequest::default());
        assert_eq!(calls(1, 1, rebalance).await, (1, Duration::ZERO, false));
        let unknown = request("FromTheFuture", &v1::RebalanceRequest::default());
        assert_eq!(calls(1, 1, unknown).await, (1, Duration::ZERO, false));
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_the_command_is_the_end() {
        let get = || request("GetInstance", &v1::GetInstanceRequest::default());
        let (count, passed, is_done) = calls(usize::MAX, 7, get()).await;
        assert_eq!((count, is_done), (5, false));
        assert!(passed < 30 * SECOND, "{passed:?}");
        // It would be over before it comes again.
        assert_eq!(calls(1, 31, get()).await, (1, Duration::ZERO, false));
    }
}
