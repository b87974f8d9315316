//! A request's way through the emulator, around s3s: addressing, OSS's own rules
//! on headers, faults, the log, and the form of the reply.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use s3s::Body;
use s3s::service::S3Service;
use tokio_util::sync::CancellationToken;

use super::address::{Address, BaseDomain};
use super::fault::Fault;
use super::faults::Faults;
use super::hold::{Gate, HeldRequest};
use super::operation::Operation;
use super::refusal::{Code, ErrorBody, Refusal, read_s3_error};
use super::request_log::{Outcome, RequestLog, RequestRecord};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-oss-request-id");
const QOS_DELAY_TIME: HeaderName = HeaderName::from_static("x-oss-qos-delay-time");
const FORBID_OVERWRITE: &str = "x-oss-forbid-overwrite";

/// Largest body that the emulator takes, in bytes. OSS itself takes 5 GB in one
/// PUT; the emulator holds a body in memory.
pub(crate) const MAX_BODY: usize = 1 << 30;

/// A request's body as it came, for the operations that check it as a whole.
#[derive(Debug, Clone)]
pub(crate) struct RawBody(pub(crate) Bytes);

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("the answer is lost")]
    Lost,
    #[error("the connection is reset")]
    Reset,
    #[error("the emulator stops")]
    Stopped,
    #[error("the request could not be read or handled")]
    Failed,
}

/// Whether a PUT must not replace an object.
pub(crate) fn is_create_only(headers: &HeaderMap) -> bool {
    headers
        .get(FORBID_OVERWRITE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
}

pub(crate) struct Front {
    pub(crate) domain: BaseDomain,
    pub(crate) service: S3Service,
    pub(crate) faults: Faults,
    pub(crate) log: RequestLog,
    /// Cancelled when the emulator stops.
    pub(crate) stopped: CancellationToken,
    pub(crate) requests: AtomicU64,
}

impl Front {
    /// Handles a request whose body has arrived whole.
    pub(crate) async fn handle(
        self: Arc<Self>,
        request: Request<Bytes>,
    ) -> Result<Response<Body>, NoAnswer> {
        let seen = self.look_at(&request);
        let result = self.pass(request, &seen).await;
        let (outcome, answer) = match result {
            Ok(reply) => (reply.outcome(), Ok(reply.response)),
            Err((NoAnswer::Lost, Some(status))) => {
                (Outcome::AnswerLost { status: status.as_u16() }, Err(NoAnswer::Lost))
            }
            Err((NoAnswer::Reset, _)) => (Outcome::Reset, Err(NoAnswer::Reset)),
            Err((why, _)) => (Outcome::Abandoned, Err(why)),
        };
        self.log.push(seen.record(outcome));
        answer
    }

    /// Answers a request whose body is above [`MAX_BODY`], and was not read.
    pub(crate) fn refuse_too_large(&self, request: &Request<Bytes>) -> Response<Body> {
        let seen = self.look_at(request);
        let reply = seen.refused_as(&Refusal::of(Code::EntityTooLarge));
        self.log.push(seen.record(reply.outcome()));
        reply.response
    }

    fn look_at(&self, request: &Request<Bytes>) -> Seen {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let host = host.unwrap_or_default().to_owned();
        let address = self.domain.resolve(&host, request.uri().path());
        let is_copy = request.headers().contains_key("x-amz-copy-source");
        let operation = address.as_ref().map_or(Operation::Other, |address| {
            Operation::of(request.method(), address, request.uri().query(), is_copy)
        });
        Seen {
            request_id: format!("{number:024X}"),
            method: request.method().clone(),
            host,
            address,
            operation,
            create_only: is_create_only(request.headers()),
            body_len: request.body().len(),
        }
    }

    /// The straight way: wait, be held, meet a fault or be carried out, be held.
    async fn pass(
        &self,
        request: Request<Bytes>,
        seen: &Seen,
    ) -> Result<Reply, (NoAnswer, Option<StatusCode>)> {
        let plan = self.faults.plan(seen.operation, seen.bucket(), seen.key());
        if !plan.latency.is_zero() {
            self.unless_stopped(tokio::time::sleep(plan.latency)).await?;
        }
        self.hold(&plan.hold_before, seen).await?;
        let reply = match &plan.fault {
            Some(Fault::ConnectionReset) => return Err((NoAnswer::Reset, None)),
            Some(Fault::Throttle { code, delay }) => seen.throttled(code.as_str(), *delay),
            Some(Fault::Refuse { status, code }) => {
                let status = StatusCode::from_u16(*status);
                let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                seen.refused(status, code, "An injected fault.")
            }
            Some(Fault::Elsewhere { endpoint }) => seen.elsewhere(endpoint),
            Some(Fault::AbsenceDenied) => match self.carry_out(request, seen).await? {
                reply if reply.error_code.as_deref() == Some(Code::NoSuchKey.as_str()) => {
                    seen.refused_as(&Refusal::of(Code::AccessDenied))
                }
                reply => reply,
            },
            Some(Fault::LostAnswer | Fault::Latency(_)) | None => {
                self.carry_out(request, seen).await?
            }
        };
        self.hold(&plan.hold_after, seen).await?;
        if plan.fault == Some(Fault::LostAnswer) {
            return Err((NoAnswer::Lost, Some(reply.response.status())));
        }
        Ok(reply)
    }

    async fn hold(
        &self,
        gates: &[Arc<Gate>],
        seen: &Seen,
    ) -> Result<(), (NoAnswer, Option<StatusCode>)> {
        for gate in gates {
            let request = HeldRequest {
                bucket: seen.bucket().map(str::to_owned),
                key: seen.key().map(str::to_owned),
            };
            self.unless_stopped(gate.pass(request)).await?;
        }
        Ok(())
    }

    async fn unless_stopped(
        &self,
        wait: impl Future<Output = ()>,
    ) -> Result<(), (NoAnswer, Option<StatusCode>)> {
        let done = self.stopped.run_until_cancelled(wait).await;
        done.ok_or((NoAnswer::Stopped, None))
    }

    async fn carry_out(
        &self,
        request: Request<Bytes>,
        seen: &Seen,
    ) -> Result<Reply, (NoAnswer, Option<StatusCode>)> {
        if let Err(refusal) = &seen.address {
            return Ok(seen.refused_as(refusal));
        }
        if let Err(refusal) = check_encoding(request.headers()) {
            return Ok(seen.refused_as(&refusal));
        }
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(RawBody(body.clone()));
        let request = Request::from_parts(parts, Body::from(body));
        let response = self.service.call(request).await.map_err(|_| (NoAnswer::Failed, None))?;
        if response.status().is_success() {
            return Ok(seen.dressed(response, None));
        }

        let status = response.status();
        let body = response.into_body().collect().await;
        let body = body.map_err(|_| (NoAnswer::Failed, None))?.to_bytes();
        let body = String::from_utf8_lossy(&body);
        let (code, message) = read_s3_error(&body)
            .unwrap_or_else(|| (status.canonical_reason().unwrap_or("Error"), String::new()));
        Ok(seen.refused(status, code, &message))
    }
}

/// OSS takes no trailers behind an aws-chunked body, which is how SDKs send
/// checksums of streamed bodies by default.
fn check_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    let sha256 = headers.get("x-amz-content-sha256").map(HeaderValue::as_bytes);
    let has_trailer = sha256.is_some_and(|value| value.ends_with(b"-TRAILER"));
    if has_trailer || headers.contains_key("x-amz-trailer") {
        let message = "aws-chunked encoding with trailers is not supported.";
        return Err(Refusal::new(Code::InvalidArgument, message));
    }
    Ok(())
}

/// What is known of a request before it is carried out.
struct Seen {
    request_id: String,
    method: Method,
    host: String,
    address: Result<Address, Refusal>,
    operation: Operation,
    create_only: bool,
    body_len: usize,
}

struct Reply {
    response: Response<Body>,
    error_code: Option<String>,
}

impl Reply {
    fn outcome(&self) -> Outcome {
        Outcome::Answered {
            status: self.response.status().as_u16(),
            error_code: self.error_code.clone(),
        }
    }
}

impl Seen {
    fn bucket(&self) -> Option<&str> {
        self.address.as_ref().ok().and_then(Address::bucket)
    }

    fn key(&self) -> Option<&str> {
        self.address.as_ref().ok().and_then(Address::key)
    }

    fn dressed(&self, mut response: Response<Body>, error_code: Option<&str>) -> Reply {
        if let Ok(id) = HeaderValue::from_str(&self.request_id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        Reply { response, error_code: error_code.map(str::to_owned) }
    }

    fn refused_as(&self, refusal: &Refusal) -> Reply {
        self.refused(refusal.code().status(), refusal.code().as_str(), refusal.message())
    }

    /// OSS's error 0003-00001403.
    fn elsewhere(&self, endpoint: &str) -> Reply {
        let message = "The bucket you are attempting to access must be addressed using the \
                       specified endpoint. Please send all future requests to this endpoint.";
        self.refused_with(StatusCode::FORBIDDEN, "AccessDenied", message, Some(endpoint))
    }

    fn refused(&self, status: StatusCode, code: &str, message: &str) -> Reply {
        self.refused_with(status, code, message, None)
    }

    fn refused_with(
        &self,
        status: StatusCode,
        code: &str,
        message: &str,
        endpoint: Option<&str>,
    ) -> Reply {
        let (request_id, host) = (&self.request_id, &self.host);
        let body = ErrorBody { code, message, request_id, host, endpoint };
        // A reply to HEAD has no body.
        let body =
            if self.method == Method::HEAD { Body::empty() } else { Body::from(body.to_string()) };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        self.dressed(response, Some(code))
    }

    fn throttled(&self, code: &str, delay: Duration) -> Reply {
        let message = "Please reduce your request rate.";
        let mut reply = self.refused(StatusCode::SERVICE_UNAVAILABLE, code, message);
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        reply.response.headers_mut().insert(QOS_DELAY_TIME, HeaderValue::from(millis));
        reply
    }

    fn record(self, outcome: Outcome) -> RequestRecord {
        RequestRecord {
            bucket: self.bucket().map(str::to_owned),
            key: self.key().map(str::to_owned),
            request_id: self.request_id,
            operation: self.operation,
            create_only: self.create_only,
            body_len: self.body_len,
            outcome,
        }
    }
}
