//! What the control plane says of itself: each number from where it is decided.

use std::time::Duration;

use kafka2oss_proto::v1;

use super::limits::{CALLS, LONGEST, MAX_REQUEST};
use super::parts::Parts;
use super::services::MAX_MESSAGE;
use super::{STREAMS, files};
use crate::Options;
use crate::api::server::{FEATURES, bytes, count, set_limits};
use crate::observe::KEPT;
use crate::session::PROTOCOL_VERSION;
use crate::store::request_ids;

/// What a control plane with these parts is.
pub(super) fn of(parts: &Parts, options: &Options) -> v1::ServerInfo {
    let meta = parts.known.catalog.meta();
    let protocol_version = i32::try_from(PROTOCOL_VERSION).unwrap_or(i32::MAX);
    v1::ServerInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        min_agent_protocol_version: protocol_version,
        max_agent_protocol_version: protocol_version,
        store_id: meta.store_id.clone(),
        store_epoch: i64::try_from(meta.store_epoch).unwrap_or(i64::MAX),
        start_time: Some(parts.start_time),
        features: FEATURES.map(str::to_owned).into(),
        limits: Some(limits(options)),
    }
}

fn limits(options: &Options) -> v1::ServerLimits {
    let concurrency = options.allowed_concurrency.iter();
    let mut limits = v1::ServerLimits {
        max_request_bytes: bytes(MAX_REQUEST),
        max_message_bytes: bytes(MAX_MESSAGE),
        max_requests: count(options.max_requests),
        max_calls: count(CALLS.0),
        max_calls_of_peer: count(CALLS.1),
        max_calls_of_connection: i32::try_from(STREAMS).unwrap_or(i32::MAX),
        max_connections: count(files::connections(options.max_connections)),
        max_connections_of_peer: count(options.max_connections_of_peer),
        max_watches: count(options.max_watches),
        max_watches_of_peer: count(options.max_watches_of_peer),
        preflight_timeout: duration(options.preflight_timeout),
        request_timeout: duration(options.request_timeout),
        max_request_timeout: duration(LONGEST),
        max_request_ids: count(request_ids::MOST),
        request_id_lifetime: duration(request_ids::KEPT),
        max_log_lines: count(KEPT),
        max_dead_letters: count(KEPT),
        allowed_concurrency: concurrency
            .map(|&value| i32::try_from(value).unwrap_or(i32::MAX))
            .collect(),
        agent_lease: duration(options.lease),
        heartbeat_interval: duration(options.heartbeat()),
        rebalance_interval: duration(options.rebalance_interval),
        ..v1::ServerLimits::default()
    };
    set_limits(&mut limits);
    limits
}

/// As messages have it; one that has no room is none.
fn duration(duration: Duration) -> Option<prost_types::Duration> {
    prost_types::Duration::try_from(duration).ok()
}
