//! What hostile peers say.

use bytes::Bytes;
use kafka2oss_proto::agent::v1::connect_request::Message as Said;
use kafka2oss_proto::{agent, v1};

use super::wire::framed;
use crate::fleet;
use crate::names;

/// Length of a log line, and how many come at once.
const LINE: usize = 2_000;
const LINES: usize = 500;
/// A message that is just not refused for its length.
const LONG: usize = 15 << 20;

fn said(message: Said) -> Bytes {
    framed(&agent::v1::ConnectRequest { message: Some(message) })
}

/// Hello under this id; of the pool of the good agents, or of one of its own.
pub(super) fn hello(id: &str, is_in_pool: bool) -> Bytes {
    let of_its_own = format!("pool-of-{id}");
    said(Said::Hello(agent::v1::Hello {
        agent_id: id.to_owned(),
        // The newest of all.
        boot_nonce: (1 << 53) - 1,
        vpc_id: if is_in_pool { fleet::VPC.to_owned() } else { of_its_own },
        vswitch_id: fleet::VSWITCH.to_owned(),
        region_id: fleet::REGION.to_owned(),
        capacity: 1_000,
        protocol_version: 1,
        ..agent::v1::Hello::default()
    }))
}

/// Lines of these connectors' logs.
pub(super) fn logs(connectors: &[String]) -> Bytes {
    let line = |connector: &String| v1::LogEntry {
        connector: connector.clone(),
        severity: v1::LogSeverity::Info.into(),
        message: "x".repeat(LINE),
        ..v1::LogEntry::default()
    };
    let entries = connectors.iter().cycle().take(LINES).map(line).collect();
    said(Said::Logs(agent::v1::LogBatch { entries, dropped: 0 }))
}

/// A report of these connectors, by name and uid, which is newer than any before.
pub(super) fn report(connectors: &[(String, String)], sequence: u64) -> Bytes {
    let partition = |number| v1::PartitionProgress {
        partition: number,
        // It changes with each.
        position: i64::try_from(sequence).ok(),
        last_object: format!("topic/{number}/{sequence}"),
        ..v1::PartitionProgress::default()
    };
    let connector = |(connector, uid): &(String, String)| agent::v1::ConnectorReport {
        connector: connector.clone(),
        uid: uid.clone(),
        partitions: (0..100).map(partition).collect(),
        ..agent::v1::ConnectorReport::default()
    };
    let connectors = connectors.iter().map(connector).collect();
    let report = agent::v1::StatusReport { sequence, connectors, ..Default::default() };
    said(Said::StatusReport(report))
}

/// As many entries as fit into a message, with nothing in them: little to send, and much to
/// make of it.
pub(super) fn many_parts() -> Bytes {
    let entries = vec![v1::LogEntry::default(); LONG / 2];
    said(Said::Logs(agent::v1::LogBatch { entries, dropped: 0 }))
}

/// A request that is refused, as long as it may be.
pub(super) fn long_request() -> Bytes {
    let labels = [("long".to_owned(), "x".repeat(LONG))].into();
    framed(&v1::CreateConnectorRequest {
        parent: names::instance(0),
        connector_id: "long".to_owned(),
        connector: Some(v1::Connector { labels, ..v1::Connector::default() }),
        ..v1::CreateConnectorRequest::default()
    })
}

/// A request for one connector.
pub(super) fn watch() -> Bytes {
    framed(&v1::WatchConnectorsRequest { parent: "instances/-".to_owned(), ..Default::default() })
}
