//! Has the agents that have tasks of a connector close open objects, again and again: one
//! that was lost or restarted has forgotten it, and partitions move.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka2oss_domain::feature;
use kafka2oss_proto::agent::v1::command::Command;
use kafka2oss_proto::agent::v1::command_progress::Progress;
use kafka2oss_proto::agent::v1::{CommandProgress, FlushConnector, FlushReport};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::api::context::Api;
use crate::budget::Seat;
use crate::fleet::asking::{self, Next};
use crate::model::flush::Barrier;
use crate::store::connectors::ConnectorRecord;
use crate::{chance, tasks};

/// From one command to an agent to the next: it follows each for 10 s, so that it tells
/// without a gap.
const EVERY: Duration = Duration::from_secs(5);
/// The same where the agent was given partitions meanwhile.
const WITH_MORE: Duration = Duration::from_secs(1);
/// Time that an agent has for one.
const TIMEOUT: Duration = Duration::from_secs(12);
/// Reports that wait to be looked at.
const WAITING: usize = 64;

/// What an agent, of this bare ID, says of a flush.
pub(super) type Report = (String, FlushReport);

/// The commands of one flush.
#[derive(Debug)]
pub(super) struct Rounds {
    api: Arc<Api>,
    /// Held by each command until its end, which may be after that of the flush.
    seat: Arc<Seat<String>>,
    reports: mpsc::Sender<Report>,
    sent: BTreeMap<String, Sent>,
}

/// The last command to an agent.
#[derive(Debug)]
struct Sent {
    at: Instant,
    targets: BTreeMap<i32, i64>,
}

impl Rounds {
    /// None was sent yet; what the agents say comes out here.
    pub(super) fn new(api: Arc<Api>, seat: Arc<Seat<String>>) -> (Self, mpsc::Receiver<Report>) {
        let (reports, said) = mpsc::channel(WAITING);
        (Self { api, seat, reports, sent: BTreeMap::new() }, said)
    }

    /// Sends what is due to the agents that have tasks and are there.
    pub(super) fn send(&mut self, record: &ConnectorRecord, barrier: &Barrier, now: Instant) {
        let placement = self.api.known.catalog.placement(record.name());
        for agent in placement.iter().flat_map(|placement| placement.agents()) {
            let since = self.sent.get(agent).map(|sent| now.duration_since(sent.at));
            if since.is_some_and(|since| since < WITH_MORE) || !self.is_able(agent) {
                continue;
            }
            let targets = barrier.targets_of(agent);
            let has_more = |sent: &Sent| targets.keys().any(|key| !sent.targets.contains_key(key));
            let is_due = match self.sent.get(agent) {
                None => true,
                Some(sent) => since.is_some_and(|since| since >= EVERY) || has_more(sent),
            };
            if is_due && !targets.is_empty() {
                self.begin(agent, record, targets.clone());
                self.sent.insert(agent.to_owned(), Sent { at: now, targets });
            }
        }
    }

    fn is_able(&self, agent: &str) -> bool {
        let fleet = &self.api.known.fleet;
        fleet.is_connected(agent)
            && fleet.view(agent).is_some_and(|view| {
                view.record.features.iter().any(|feature| feature == feature::FLUSH)
            })
    }

    fn begin(&self, agent: &str, record: &ConnectorRecord, targets: BTreeMap<i32, i64>) {
        let command = Command::FlushConnector(FlushConnector {
            connector: record.name().to_owned(),
            uid: record.uid().to_owned(),
            epoch: record.epoch_number(),
            target_offsets: targets,
        });
        let (api, seat) = (Arc::clone(&self.api), Arc::clone(&self.seat));
        let (agent, reports) = (agent.to_owned(), self.reports.clone());
        tasks::spawn(async move {
            tokio::select! {
                biased;
                () = api.stop.cancelled() => {}
                () = round(&api, agent, command, reports) => {}
            }
            drop(seat);
        });
    }
}

/// One command to one agent, to its end.
async fn round(api: &Api, agent: String, command: Command, reports: mpsc::Sender<Report>) {
    let fleet = &api.known.fleet;
    let id = format!("flush-{}", chance::ulid());
    let mut followed = asking::follow(fleet, &agent, id, command, TIMEOUT);
    let answer = loop {
        match followed.next().await {
            Next::Step(CommandProgress { progress: Some(Progress::Flush(report)), .. }) => {
                // Fails once the flush is over.
                let _ = reports.send((agent.clone(), report)).await;
            }
            Next::Step(_) => {}
            Next::End(answer) => break answer,
        }
    };
    if let Err(unanswered) = answer {
        tracing::debug!(agent, ?unanswered, "a flush was not followed to its end");
    }
}
