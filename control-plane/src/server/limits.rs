//! Limits of unary requests: how many are under way, and for how long.
//! Streams have neither: they end when their peer or the process does.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use tokio::sync::Semaphore;
use tower::{Layer, Service};

use crate::api::error::{ApiError, to_status};

/// Methods that stream, by their last part.
const STREAMS: [&str; 6] = [
    "/Connect",
    "/WatchConnectors",
    "/TailLogs",
    "/TailDeadLetters",
    "/Watch",
    "/ServerReflectionInfo",
];
/// Whoever asks whether the control plane lives is answered however much is under way.
const HEALTH: &str = "/grpc.health.v1.Health/";
/// No request has longer, whatever deadline it names.
const LONGEST: Duration = Duration::from_secs(10 * 60);
/// A request's own deadline is kept this much early, so that the answer says
/// so, and not the transport.
const EARLY: Duration = Duration::from_millis(5);

/// Puts [`Limits`] around a service.
#[derive(Debug, Clone)]
pub(super) struct LimitsLayer {
    most: usize,
    permits: Arc<Semaphore>,
    timeout: Duration,
}

impl LimitsLayer {
    /// At most `most` requests at a time; `timeout` where a request has none.
    pub(super) fn new(most: usize, timeout: Duration) -> Self {
        let most = most.min(Semaphore::MAX_PERMITS);
        Self { most, permits: Arc::new(Semaphore::new(most)), timeout }
    }
}

impl<S> Layer<S> for LimitsLayer {
    type Service = Limits<S>;

    fn layer(&self, inner: S) -> Limits<S> {
        Limits { inner, limits: self.clone() }
    }
}

/// Refuses unary requests beyond the limit, and ends those whose time is over.
#[derive(Debug, Clone)]
pub(super) struct Limits<S> {
    inner: S,
    limits: LimitsLayer,
}

impl<S, B> Service<Request<B>> for Limits<S>
where
    S: Service<Request<B>, Response = Response<tonic::body::Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let path = request.uri().path();
        if path.starts_with(HEALTH) || STREAMS.iter().any(|stream| path.ends_with(stream)) {
            return Box::pin(self.inner.call(request));
        }
        let Ok(permit) = Arc::clone(&self.limits.permits).try_acquire_owned() else {
            let refusal = to_status(&ApiError::TooManyRequests(self.limits.most)).into_http();
            return Box::pin(std::future::ready(Ok(refusal)));
        };
        let time = grpc_timeout(request.headers())
            .map_or(self.limits.timeout, |time| time.saturating_sub(EARLY))
            .min(LONGEST);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let _permit = permit;
            match tokio::time::timeout(time, answer).await {
                Ok(answer) => answer,
                Err(_) => Ok(to_status(&ApiError::DeadlineExceeded).into_http()),
            }
        })
    }
}

/// A request's own deadline: up to 8 digits and a unit.
fn grpc_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let legal = (1..=8).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| legal)?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3_600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use tower::ServiceExt;

    use super::*;

    fn timeout(text: &str) -> Option<Duration> {
        let value = HeaderValue::from_str(text).expect("a header value");
        grpc_timeout(&HeaderMap::from_iter([(
            http::header::HeaderName::from_static("grpc-timeout"),
            value,
        )]))
    }

    #[test]
    fn deadlines_are_read_with_their_unit() {
        assert_eq!(timeout("3S"), Some(Duration::from_secs(3)));
        assert_eq!(timeout("99999999H"), Some(Duration::from_secs(99_999_999 * 3_600)));
        assert_eq!(timeout("500m"), Some(Duration::from_millis(500)));
        for wrong in ["", "S", "3", "123456789S", "-3S", "3x", "3 S"] {
            assert_eq!(timeout(wrong), None, "{wrong}");
        }
    }

    fn request(path: &str) -> Request<()> {
        Request::builder().uri(path).body(()).expect("a request")
    }

    fn code(answer: &Response<tonic::body::Body>) -> Option<&str> {
        answer.headers().get("grpc-status").and_then(|code| code.to_str().ok())
    }

    #[tokio::test(start_paused = true)]
    async fn unary_requests_beyond_the_limit_are_refused_and_streams_are_not() {
        let layer = LimitsLayer::new(1, Duration::from_secs(60));
        let service = layer.layer(tower::service_fn(|request: Request<()>| async move {
            if request.uri().path().ends_with("Slow") {
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
            Ok::<_, std::convert::Infallible>(Response::new(tonic::body::Body::empty()))
        }));
        let slow = tokio::spawn(service.clone().oneshot(request("/s/Slow")));
        tokio::task::yield_now().await;
        let refused = service.clone().oneshot(request("/s/Get")).await.expect("an answer");
        assert_eq!(code(&refused), Some("8"));
        let stream = service.clone().oneshot(request("/s/WatchConnectors")).await;
        assert_eq!(code(&stream.expect("an answer")), None);
        let health = service.clone().oneshot(request("/grpc.health.v1.Health/Check")).await;
        assert_eq!(code(&health.expect("an answer")), None);
        let slow = slow.await.expect("no panic").expect("an answer");
        assert_eq!(code(&slow), None);
        let after = service.oneshot(request("/s/Get")).await.expect("an answer");
        assert_eq!(code(&after), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_ends_at_its_deadline() {
        let layer = LimitsLayer::new(1, Duration::from_secs(60));
        let service = layer.layer(tower::service_fn(|_: Request<()>| async move {
            std::future::pending::<()>().await;
            Ok::<_, std::convert::Infallible>(Response::new(tonic::body::Body::empty()))
        }));
        let answer = service.clone().oneshot(request("/s/Get")).await.expect("an answer");
        assert_eq!(code(&answer), Some("4"));

        let begun = tokio::time::Instant::now();
        let mut patient = request("/s/Get");
        let deadline = http::HeaderName::from_static("grpc-timeout");
        patient.headers_mut().insert(deadline, HeaderValue::from_static("99999999H"));
        let answer = service.oneshot(patient).await.expect("an answer");
        assert_eq!((code(&answer), begun.elapsed()), (Some("4"), LONGEST));
    }
}
