//! What this crate's tests share: assignments, tasks without Kafka, a cluster
//! that only deletes, a control plane that says what a test tells it to.

mod assignments;
mod control_plane;
mod kafka;
mod tasks;

pub(crate) use assignments::{assignment, connector_name, inline, resume, wire};
pub(crate) use control_plane::{ControlPlane, Stream};
pub(crate) use kafka::FakeKafka;
pub(crate) use tasks::{Event, FakeTasks, Hand};

use std::future::Future;
use std::time::Duration;

/// Fails a test that would wait for ever.
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(Duration::from_secs(20), future).await {
        Ok(output) => output,
        Err(_) => panic!("waited in vain for {what}"),
    }
}
