//! Those who were refused, and which of them are called when memory comes back.
//!
//! Only as many are called as would be admitted one after the other, so that a
//! release wakes no crowd; each one that takes its turn has the next called.

use std::collections::BTreeMap;

use super::admission::Standing;
use super::{Budget, ConnectorId, PartitionId};

/// A place in the order in which partitions were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// One connector's refused partitions, in the order of their refusal.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) waiting: BTreeMap<Ticket, Waiting>,
    /// What all of them ask for, in bytes.
    wanted: u64,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) partition: PartitionId,
    /// What it asks for beyond what it holds, in bytes.
    pub(super) growth: u64,
    /// It has no open object that could be closed to make progress, so nobody
    /// of its connector may overtake it: else one large record could wait for
    /// ever while small ones take what comes back.
    pub(super) first: bool,
    /// It was called and has not asked again yet.
    pub(super) called: bool,
}

impl Line {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn wanted(&self) -> u64 {
        self.wanted
    }

    /// Whether somebody stands before `ticket` who may not be overtaken.
    pub(super) fn goes_first_to_another(&self, ticket: Option<Ticket>) -> bool {
        self.waiting
            .iter()
            .take_while(|(other, _)| ticket.is_none_or(|own| **other < own))
            .any(|(_, waiting)| waiting.first)
    }
}

impl Budget {
    /// Puts a refused partition into its connector's line, at its old place if
    /// it has one.
    pub(super) fn join_line(&mut self, id: PartitionId, growth: u64) {
        let old = self.leave_line(id);
        let ticket = old.unwrap_or_else(|| Ticket(self.next_number()));
        let partition = self.partition_mut(id);
        partition.ticket = Some(ticket);
        let (connector, first) = (partition.connector, partition.open == 0);
        let line = &mut self.connector_mut(connector).line;
        line.waiting.insert(ticket, Waiting { partition: id, growth, first, called: false });
        line.wanted += growth;
    }

    /// Takes the partition out of its line; returns the place it had.
    pub(super) fn leave_line(&mut self, id: PartitionId) -> Option<Ticket> {
        let partition = self.partition_mut(id);
        let ticket = partition.ticket.take()?;
        let connector = partition.connector;
        let line = &mut self.connector_mut(connector).line;
        let waiting = line.waiting.remove(&ticket)?;
        line.wanted -= waiting.growth;
        Some(ticket)
    }

    /// Calls those who would be admitted by now, connectors in the order of
    /// their longest waiting partition.
    pub(super) fn call_lines(&mut self) {
        let by_age: BTreeMap<Ticket, ConnectorId> = self
            .connectors
            .iter()
            .filter_map(|(id, connector)| Some((*connector.line.waiting.keys().next()?, *id)))
            .collect();
        let mut promised = 0;
        for connector in by_age.into_values() {
            promised += self.call_line(connector, promised);
        }
    }

    /// Calls those of one connector, where others were promised `others` bytes;
    /// returns what these are promised.
    fn call_line(&mut self, id: ConnectorId, others: u64) -> u64 {
        let used = self.held.used() + others;
        let connector = self.connector(id);
        let mut promised = 0_u64;
        let mut called = Vec::new();
        for (ticket, waiting) in &connector.line.waiting {
            let partition = self.partition(waiting.partition);
            let standing = Standing {
                used: used + promised,
                connector_used: connector.held.used() + promised,
                connector_held: connector.held.variable() + promised,
                ..self.standing(partition)
            };
            // Asked of everyone, whether called before or not: what was there
            // when it was called may have gone to another.
            if !standing.admits(waiting.growth) {
                break;
            }
            promised += waiting.growth;
            if !waiting.called {
                called.push((*ticket, waiting.partition));
            }
            if waiting.first {
                break;
            }
        }
        for (ticket, partition) in called {
            if let Some(waiting) = self.connector_mut(id).line.waiting.get_mut(&ticket) {
                waiting.called = true;
            }
            self.calls.push(partition);
        }
        promised
    }
}
