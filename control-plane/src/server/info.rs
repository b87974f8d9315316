//! What the control plane says of itself: each number from where it is decided.

use std::time::Duration;

use kafka2oss_proto::{Count, v1};

use super::limits::{CALLS, LONGEST, MAX_REQUEST};
use super::parts::Parts;
use super::services::MAX_MESSAGE;
use super::{STREAMS, files};
use crate::Options;
use crate::api::server::{FEATURES, set_limits};
use crate::observe::KEPT;
use crate::session::PROTOCOL_VERSION;
use crate::store::request_ids;

/// What a control plane with these parts is.
pub(super) fn of(parts: &Parts, options: &Options) -> v1::ServerInfo {
    let meta = parts.known.catalog.meta();
    let protocol_version = PROTOCOL_VERSION.to_wire();
    v1::ServerInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        min_agent_protocol_version: protocol_version,
        max_agent_protocol_version: protocol_version,
        store_id: meta.store_id.clone(),
        store_epoch: meta.store_epoch.to_wire(),
        start_time: Some(parts.start_time),
        features: FEATURES.map(str::to_owned).into(),
        limits: Some(limits(options)),
    }
}

fn limits(options: &Options) -> v1::ServerLimits {
    let concurrency = options.allowed_concurrency.iter();
    let mut limits = v1::ServerLimits {
        max_request_bytes: (MAX_REQUEST as u64).to_wire(),
        max_message_bytes: (MAX_MESSAGE as u64).to_wire(),
        max_requests: options.max_requests.to_wire(),
        max_calls: CALLS.0.to_wire(),
        max_calls_of_peer: CALLS.1.to_wire(),
        max_calls_of_connection: STREAMS.to_wire(),
        max_connections: files::connections(options.max_connections).to_wire(),
        max_connections_of_peer: options.max_connections_of_peer.to_wire(),
        max_watches: options.max_watches.to_wire(),
        max_watches_of_peer: options.max_watches_of_peer.to_wire(),
        preflight_timeout: duration(options.preflight_timeout),
        request_timeout: duration(options.request_timeout),
        max_request_timeout: duration(LONGEST),
        max_request_ids: request_ids::MOST.to_wire(),
        request_id_lifetime: duration(request_ids::KEPT),
        max_log_lines: KEPT.to_wire(),
        max_dead_letters: KEPT.to_wire(),
        allowed_concurrency: concurrency.map(|value| value.to_wire()).collect(),
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
