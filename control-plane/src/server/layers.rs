//! What every request passes: its ID, a span for the log, limits.

use http::{HeaderValue, Request};
use tower::ServiceBuilder;
use tower::layer::util::{Identity, Stack};
use tower_http::classify::{GrpcErrorsAsFailures, SharedClassifier};
use tower_http::request_id::{
    MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::trace::{DefaultOnFailure, DefaultOnRequest, DefaultOnResponse, TraceLayer};
use tracing::{Level, Span};

use super::limits::LimitsLayer;
use crate::Options;
use crate::chance;

type Trace =
    TraceLayer<SharedClassifier<GrpcErrorsAsFailures>, fn(&Request<tonic::body::Body>) -> Span>;

/// The layers, outermost first: a request gets an ID unless it has one; a
/// span with it; the ID goes back with the answer; limits.
pub(super) type Layers = Stack<
    LimitsLayer,
    Stack<PropagateRequestIdLayer, Stack<Trace, Stack<SetRequestIdLayer<Ulids>, Identity>>>,
>;

/// The layers with what the operator set.
pub(super) fn stack(options: &Options) -> Layers {
    let make_span: fn(&Request<tonic::body::Body>) -> Span = span;
    let trace = TraceLayer::new_for_grpc()
        .make_span_with(make_span)
        .on_request(DefaultOnRequest::new().level(Level::TRACE))
        .on_response(DefaultOnResponse::new().level(Level::DEBUG))
        .on_failure(DefaultOnFailure::new().level(Level::DEBUG));
    let builder = ServiceBuilder::new()
        .layer(SetRequestIdLayer::x_request_id(Ulids))
        .layer(trace)
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(LimitsLayer::new(options.max_requests, options.request_timeout));
    builder.into_inner()
}

fn span(request: &Request<tonic::body::Body>) -> Span {
    let id = request.extensions().get::<RequestId>().map(RequestId::header_value);
    tracing::info_span!("request", rpc = request.uri().path(), id = ?id)
}

/// IDs for requests that come without one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ulids;

impl MakeRequestId for Ulids {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        HeaderValue::from_str(&chance::ulid().to_string()).ok().map(RequestId::new)
    }
}
