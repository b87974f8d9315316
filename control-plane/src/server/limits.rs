//! Limits of calls: how many are open, of one peer and in all; what may come of their
//! messages; and of unary requests how many are carried out at a time, and for how long.
//! What is carried out is counted from when its message is there, so that whoever sends none
//! holds up nobody. Streams end when their peer or the process does.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use tonic::body::Body;
use tonic::transport::server::TcpConnectInfo;
use tower::{Layer, Service};

use super::body::{self, Messages, collect};
use super::held::Held;
use super::kind::Kind;
use super::services::MAX_MESSAGE;
use crate::api::error::{ApiError, to_status};
use crate::budget::{Bytes, Declarations, Full, Pace, Seat, Seats};
use crate::permit::{self, Permit};

/// No request has longer, whatever deadline it names.
pub(super) const LONGEST: Duration = Duration::from_secs(10 * 60);
/// A request's own deadline is kept this much early, so that the answer says
/// so, and not the transport.
const EARLY: Duration = Duration::from_millis(5);
/// Bytes of a request: a spec is far below, a test message has two parts of 1 MiB.
pub(super) const MAX_REQUEST: usize = 8 << 20;
/// Calls that are open, in all and of one peer. Each takes some kilobytes.
pub(super) const CALLS: (usize, usize) = (8_192, 4_096);
/// Agents' streams. There may be a thousand agents behind one address.
const AGENTS: (usize, usize) = (8_192, 4_096);
/// Questions after health.
const HEALTH: (usize, usize) = (512, 128);
/// Memory of long messages that come, in all and of one peer.
const BYTES: (usize, usize) = (512 << 20, 256 << 20);
/// The same of large messages on a peer's streams: so much at once, and then so much a second.
const PACE: (usize, usize) = (128 << 20, 64 << 20);

/// Puts [`Limits`] around a service.
#[derive(Debug, Clone)]
pub(super) struct LimitsLayer {
    most: usize,
    permits: Arc<Semaphore>,
    timeout: Duration,
    calls: Arc<Seats>,
    agents: Arc<Seats>,
    health: Arc<Seats>,
    bytes: Arc<Bytes>,
    pace: Arc<Pace>,
    declarations: Arc<Declarations>,
}

impl LimitsLayer {
    /// At most `most` requests at a time; `timeout` where a request has none.
    pub(super) fn new(most: usize, timeout: Duration) -> Self {
        let most = most.min(Semaphore::MAX_PERMITS);
        let seats = |(most, of_peer)| Arc::new(Seats::new(most, of_peer));
        Self {
            most,
            permits: Arc::new(Semaphore::new(most)),
            timeout,
            calls: seats(CALLS),
            agents: seats(AGENTS),
            health: seats(HEALTH),
            bytes: Arc::new(Bytes::new(BYTES.0, BYTES.1)),
            pace: Arc::new(Pace::new(PACE.0, PACE.1)),
            declarations: Arc::new(Declarations::read(&[
                kafka2oss_proto::FILE_DESCRIPTOR_SET,
                kafka2oss_proto::agent::FILE_DESCRIPTOR_SET,
            ])),
        }
    }

    fn seat(&self, kind: Kind, peer: Option<IpAddr>) -> Result<Seat, ApiError> {
        let seats = match kind {
            Kind::Unary | Kind::Stream | Kind::Conversation => &self.calls,
            Kind::Agent => &self.agents,
            Kind::Health => &self.health,
        };
        seats.take(peer).map_err(|Full { most }| ApiError::TooManyStreams(most))
    }

    fn permit(&self) -> Result<Permit, ApiError> {
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        permit.map(Permit::new).map_err(|_| ApiError::TooManyRequests(self.most))
    }

    /// When a request has to be answered.
    fn deadline(&self, headers: &HeaderMap) -> Instant {
        let time = grpc_timeout(headers).map_or(self.timeout, |time| time.saturating_sub(EARLY));
        Instant::now() + time.min(LONGEST)
    }
}

impl<S> Layer<S> for LimitsLayer {
    type Service = Limits<S>;

    fn layer(&self, inner: S) -> Limits<S> {
        Limits { inner, limits: self.clone() }
    }
}

/// Refuses what is beyond the limits, and ends requests whose time is over.
#[derive(Debug, Clone)]
pub(super) struct Limits<S> {
    inner: S,
    limits: LimitsLayer,
}

impl<S> Service<Request<Body>> for Limits<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let clone = self.inner.clone();
        // The one that is ready.
        let inner = std::mem::replace(&mut self.inner, clone);
        let limits = self.limits.clone();
        let kind = Kind::of(request.uri().path());
        let peer = peer(&request);
        let seat = match limits.seat(kind, peer) {
            Ok(seat) => seat,
            Err(refusal) => {
                let refusal = to_status(&refusal).into_http();
                return Box::pin(std::future::ready(Ok(refusal)));
            }
        };
        Box::pin(async move {
            let answer = match answer(inner, &limits, kind, peer, request).await {
                Ok(answer) => answer?,
                Err(refusal) => to_status(&refusal).into_http(),
            };
            Ok(answer.map(|body| Body::new(Held::new(body, seat))))
        })
    }
}

/// The service's answer, or why it is not asked.
async fn answer<S>(
    mut inner: S,
    limits: &LimitsLayer,
    kind: Kind,
    peer: Option<IpAddr>,
    request: Request<Body>,
) -> Result<Result<Response<Body>, S::Error>, ApiError>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    let mut share = limits.bytes.share(peer);
    let (declarations, method) =
        (Arc::clone(&limits.declarations), request.uri().path().to_owned());
    let most = limits.bytes.most_of_message();
    let weigh = move |message: &[u8]| declarations.weigh(&method, message, most);
    if matches!(kind, Kind::Conversation | Kind::Agent) {
        let pace = Arc::clone(&limits.pace);
        let messages = |body| Body::new(Messages::new(body, share, pace, MAX_MESSAGE, weigh));
        return Ok(inner.call(request.map(messages)).await);
    }
    let deadline = limits.deadline(request.headers());
    let (parts, body) = request.into_parts();
    let message = timeout(body::TIME, collect(body, &mut share, MAX_REQUEST, weigh));
    let message = match timeout_at(deadline, message).await {
        Ok(Ok(message)) => message?,
        Ok(Err(_)) => return Err(ApiError::MessageLate(body::TIME)),
        Err(_) => return Err(ApiError::DeadlineExceeded),
    };
    let request = Request::from_parts(parts, Body::new(message));
    if kind != Kind::Unary {
        return Ok(inner.call(request).await);
    }
    let answer = permit::with(limits.permit()?, inner.call(request));
    timeout_at(deadline, answer).await.map_err(|_| ApiError::DeadlineExceeded)
}

/// Whom a request is of.
fn peer(request: &Request<Body>) -> Option<IpAddr> {
    let connection = request.extensions().get::<TcpConnectInfo>()?;
    connection.remote_addr().map(|peer| peer.ip().to_canonical())
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
    use futures::stream;
    use http::HeaderValue;
    use http_body::Frame;
    use http_body_util::StreamBody;
    use tonic::Status;
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

    fn request(path: &str) -> Request<Body> {
        Request::builder().uri(path).body(Body::empty()).expect("a request")
    }

    fn code(answer: &Response<Body>) -> Option<&str> {
        answer.headers().get("grpc-status").and_then(|code| code.to_str().ok())
    }

    #[tokio::test(start_paused = true)]
    async fn unary_requests_beyond_the_limit_are_refused_and_streams_are_not() {
        let layer = LimitsLayer::new(1, Duration::from_secs(60));
        let service = layer.layer(tower::service_fn(|request: Request<Body>| async move {
            if request.uri().path().ends_with("Slow") {
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
            Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
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

    /// A request whose message never comes.
    fn silent(path: &str) -> Request<Body> {
        let body = StreamBody::new(stream::pending::<Result<Frame<bytes::Bytes>, Status>>());
        request(path).map(|_| Body::new(body))
    }

    #[tokio::test(start_paused = true)]
    async fn requests_without_a_message_hold_up_nobody_and_end() {
        let layer = LimitsLayer::new(1, Duration::from_secs(60));
        let service = layer.layer(tower::service_fn(|_: Request<Body>| async move {
            Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
        }));
        let begun = Instant::now();
        let silent: Vec<_> = ["/s/Get", "/s/WatchConnectors", "/grpc.health.v1.Health/Check"]
            .map(|path| tokio::spawn(service.clone().oneshot(silent(path))))
            .into();
        tokio::task::yield_now().await;
        let answer = service.clone().oneshot(request("/s/Get")).await.expect("an answer");
        assert_eq!(code(&answer), None);
        for silent in silent {
            let answer = silent.await.expect("no panic").expect("an answer");
            assert_eq!((code(&answer), begun.elapsed()), (Some("4"), body::TIME));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_beyond_the_limit_are_refused_until_answers_are_sent_and_health_is_not() {
        let mut layer = LimitsLayer::new(1, Duration::from_secs(60));
        layer.calls = Arc::new(Seats::new(2, 2));
        let service = layer.layer(tower::service_fn(|_: Request<Body>| async move {
            let body = StreamBody::new(stream::pending::<Result<Frame<bytes::Bytes>, Status>>());
            Ok::<_, std::convert::Infallible>(Response::new(Body::new(body)))
        }));
        let watch = || service.clone().oneshot(request("/s/WatchConnectors"));
        let (first, _second) = (watch().await.expect("an answer"), watch().await);
        let refused = watch().await.expect("an answer");
        assert_eq!(code(&refused), Some("8"));
        let health = request("/grpc.health.v1.Health/Watch");
        let health = service.clone().oneshot(health).await.expect("an answer");
        assert_eq!(code(&health), None);
        drop((first, refused));
        assert_eq!(code(&watch().await.expect("an answer")), None);
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_goes_on_without_its_request_is_counted() {
        let layer = LimitsLayer::new(1, Duration::from_secs(60));
        let (going, mut permits) = tokio::sync::mpsc::unbounded_channel();
        let service = layer.layer(tower::service_fn(move |_: Request<Body>| {
            let going = going.clone();
            async move {
                going.send(permit::current()).expect("taken");
                std::future::pending::<Result<Response<Body>, std::convert::Infallible>>().await
            }
        }));
        let given_up = tokio::spawn(service.clone().oneshot(request("/s/Create")));
        let permit = permits.recv().await.expect("it runs").expect("a permit");
        given_up.abort();
        let _ = given_up.await;
        let refused = service.clone().oneshot(request("/s/Create")).await.expect("an answer");
        assert_eq!(code(&refused), Some("8"));
        drop(permit);
        let carried_out = tokio::spawn(service.oneshot(request("/s/Create")));
        permits.recv().await.expect("it runs");
        carried_out.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_ends_at_its_deadline() {
        let layer = LimitsLayer::new(1, Duration::from_secs(60));
        let service = layer.layer(tower::service_fn(|_: Request<Body>| async move {
            std::future::pending::<()>().await;
            Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
        }));
        let answer = service.clone().oneshot(request("/s/Get")).await.expect("an answer");
        assert_eq!(code(&answer), Some("4"));

        let begun = Instant::now();
        let mut patient = request("/s/Get");
        let deadline = http::HeaderName::from_static("grpc-timeout");
        patient.headers_mut().insert(deadline, HeaderValue::from_static("99999999H"));
        let answer = service.oneshot(patient).await.expect("an answer");
        assert_eq!((code(&answer), begun.elapsed()), (Some("4"), LONGEST));
    }
}
