//! When what is shown is worked out, and when it is told: at once when the
//! connector was written or its state changes, and otherwise once a second at
//! most.

use std::sync::Arc;
use std::time::Duration;

use kafka2oss_proto::v1;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::agenda::Agenda;
use super::agents;
use super::board::Board;
use super::facts;
use super::observed::Observed;
use super::shown::{ConnectorRow, Shown};
use super::watchable::Row;
use crate::known::Known;
use crate::model::flowing::Memory;
use crate::store::connectors::ConnectorRecord;

/// Changes that are not of the state are told this often at most.
pub(super) const COALESCED: Duration = Duration::from_secs(1);
/// All rows are looked at once a lease, in so many parts: a report can grow
/// too old without anything happening.
const PARTS: u32 = 32;

/// What becomes of something that was worked out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Telling {
    /// It is told.
    Now,
    /// It is told at this time, as it is then.
    At(Instant),
    /// It is known.
    Not,
}

impl Observed {
    /// The status of a record as it is now, told or not.
    pub(crate) fn current(&self, record: &ConnectorRecord) -> v1::ConnectorStatus {
        let before = self.board.row(record.name(), record.uid());
        sum_up(&self.known, record, before.as_ref()).0
    }

    /// A connector was written: shows it as it is now to those who watch.
    pub(crate) fn refresh(&self, record: &ConnectorRecord) {
        self.look(record.name(), |_, _, _| Telling::Now);
    }

    /// Shows a connector if it has changed. Returns when it may be shown if that
    /// is not yet.
    fn tell(&self, name: &str) -> Option<Instant> {
        self.look(name, |before, record, status| {
            let same_record = before.record.connector() == record.connector();
            if same_record { telling(before, status, Instant::now()) } else { Telling::Now }
        })
    }

    /// Looks at a connector that exists. One that was never shown is.
    fn look(
        &self,
        name: &str,
        decide: impl FnOnce(&ConnectorRow, &ConnectorRecord, &v1::ConnectorStatus) -> Telling,
    ) -> Option<Instant> {
        let _order = self.board.in_order();
        let record = self.known.catalog.connector(name)?;
        let before = self.board.row(name, record.uid());
        let (status, memory) = sum_up(&self.known, &record, before.as_ref());
        let telling = before.as_ref().map_or(Telling::Now, |row| decide(row, &record, &status));
        match telling {
            Telling::Now => {
                let same = before.filter(|row| row.record.connector() == record.connector());
                let shown = match same {
                    Some(row) => row.shown.with_status(status),
                    None => Shown::new(&record, status),
                };
                let (shown, memory) = (Arc::new(shown), Arc::new(memory));
                self.board.show(ConnectorRow { shown, record, memory, told: Instant::now() });
                None
            }
            Telling::At(at) => {
                self.board.change(name, |row| row.memory = Arc::new(memory));
                Some(at)
            }
            Telling::Not => {
                self.board.change(name, |row| row.memory = Arc::new(memory));
                None
            }
        }
    }

    /// Looks at everything that was touched.
    #[cfg(feature = "pieces")]
    pub(crate) fn tell_touched(&self) {
        for name in self.board.take_touched() {
            self.tell(&name);
        }
        for name in self.agents.take_touched() {
            self.tell_agent(&name);
        }
    }

    /// Shows every connector and every agent that exists, as at the start.
    pub(crate) fn fill(&self) {
        for record in self.known.catalog.connectors() {
            self.refresh(&record);
        }
        for (id, _) in self.known.catalog.agents() {
            self.tell_agent(&agents::name(&id));
        }
    }
}

fn sum_up(
    known: &Known,
    record: &ConnectorRecord,
    before: Option<&ConnectorRow>,
) -> (v1::ConnectorStatus, Memory) {
    let memory = before.map_or_else(Arc::default, |row| Arc::clone(&row.memory));
    facts::sum_up(known, record, before.map(|row| row.shown.status()), &memory)
}

fn telling(before: &ConnectorRow, status: &v1::ConnectorStatus, now: Instant) -> Telling {
    let told = before.shown.status();
    let next = before.told + COALESCED;
    if told == status {
        Telling::Not
    } else if verdict(told) == verdict(status) && now < next {
        Telling::At(next)
    } else {
        Telling::Now
    }
}

/// What is told at once.
fn verdict(status: &v1::ConnectorStatus) -> (i32, i64, i32, Vec<(i32, &str)>) {
    let conditions =
        status.conditions.iter().map(|one| (one.status, one.reason.as_str())).collect();
    (status.state, status.observed_generation, status.tasks_ready, conditions)
}

/// Shows what changes of connectors until the process stops.
pub(crate) async fn publish(observed: Arc<Observed>, stop: CancellationToken) {
    let lease = observed.known.lease;
    run(&observed.board, lease, |name| observed.tell(name), &stop).await;
}

/// Shows what changes of agents until the process stops.
pub(crate) async fn publish_agents(observed: Arc<Observed>, stop: CancellationToken) {
    let lease = observed.known.lease;
    run(&observed.agents, lease, |name| observed.tell_agent(name), &stop).await;
}

/// Looks at what is touched until the process stops. `tell` says when to look again.
async fn run<R: Row>(
    board: &Board<R>,
    lease: Duration,
    tell: impl Fn(&str) -> Option<Instant>,
    stop: &CancellationToken,
) {
    let part = lease / PARTS;
    let mut agenda = Agenda::default();
    let mut next_part = Instant::now() + part;
    let mut looked_at: Arc<str> = Arc::default();
    loop {
        let now = Instant::now();
        if next_part <= now {
            next_part = now + part;
            let names = board.names_after(&looked_at, board.len() / PARTS as usize + 1);
            // At the end, from the beginning next time.
            looked_at = names.last().cloned().unwrap_or_default();
            for name in names {
                agenda.add(&name, now);
            }
        }
        // A change of state does not wait for an earlier change's second.
        for name in board.take_touched() {
            agenda.add(&name, now);
        }
        if let Some(name) = agenda.pop(now) {
            if let Some(at) = tell(&name) {
                agenda.add(&name, at);
            }
            // Others have their turn, too, where very much has changed.
            tokio::task::yield_now().await;
            if stop.is_cancelled() {
                return;
            }
            continue;
        }
        let next = agenda.next().map_or(next_part, |at| at.min(next_part));
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = board.wait() => {}
            () = tokio::time::sleep_until(next) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(status: v1::ConnectorStatus, told: Instant) -> ConnectorRow {
        let record = ConnectorRecord::default();
        ConnectorRow {
            shown: Arc::new(Shown::new(&record, status)),
            record: Arc::new(record),
            memory: Arc::default(),
            told,
        }
    }

    #[test]
    fn a_change_of_state_is_told_at_once_and_any_other_once_a_second() {
        let told = Instant::now();
        let soon = told + COALESCED / 2;
        let before = v1::ConnectorStatus { total_lag: Some(1), ..Default::default() };
        let lag = v1::ConnectorStatus { total_lag: Some(2), ..before.clone() };
        let state = v1::ConnectorStatus { state: 3, ..before.clone() };
        let row = row(before.clone(), told);
        assert_eq!(telling(&row, &before, soon), Telling::Not);
        assert_eq!(telling(&row, &state, soon), Telling::Now);
        assert_eq!(telling(&row, &lag, soon), Telling::At(told + COALESCED));
        assert_eq!(telling(&row, &lag, told + COALESCED), Telling::Now);
    }
}
