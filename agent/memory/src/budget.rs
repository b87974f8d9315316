//! The accounts of the budget, and what follows from them: pure, without a
//! clock. Who is to look again at its partition comes out as
//! [`Budget::take_calls`].
//!
//! Invariants: the sums of a connector are those of its partitions (and of
//! objects in flight that outlived theirs); a partition is in its connector's
//! line exactly if its last question was refused and is still open; an object
//! that is named to be closed is open.

mod admission;
mod line;
mod pressure;
#[cfg(test)]
mod tests;
mod usage;

use std::collections::BTreeMap;

use admission::Standing;
use line::{Line, Ticket};
use usage::Held;
pub use usage::{ConnectorUsage, Usage};

/// A connector's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnectorId(u64);

/// A partition's number; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PartitionId(u64);

#[derive(Debug)]
struct Connector {
    name: String,
    /// How often it is registered.
    registrations: usize,
    held: Held,
    line: Line,
}

#[derive(Debug)]
struct Partition {
    connector: ConnectorId,
    open: u64,
    in_flight: u64,
    /// Whether its open object is named to be closed.
    closing: bool,
    /// Its place in its connector's line.
    ticket: Option<Ticket>,
}

/// One memory budget.
#[derive(Debug)]
pub(crate) struct Budget {
    total: u64,
    /// What all connectors hold.
    held: Held,
    connectors: BTreeMap<ConnectorId, Connector>,
    partitions: BTreeMap<PartitionId, Partition>,
    last_number: u64,
    calls: Vec<PartitionId>,
}

impl Budget {
    pub(crate) fn new(total: u64) -> Self {
        Self {
            total,
            held: Held::default(),
            connectors: BTreeMap::new(),
            partitions: BTreeMap::new(),
            last_number: 0,
            calls: Vec::new(),
        }
    }

    /// Partitions that should look again since the last call: whether there is
    /// room for them now, and whether they should close their object.
    pub(crate) fn take_calls(&mut self) -> Vec<PartitionId> {
        std::mem::take(&mut self.calls)
    }

    /// Makes a connector known, or counts one more registration of it.
    pub(crate) fn register(&mut self, name: &str) -> ConnectorId {
        let known = self.connectors.iter_mut().find(|(_, connector)| connector.name == name);
        if let Some((id, connector)) = known {
            connector.registrations += 1;
            return *id;
        }
        let id = ConnectorId(self.next_number());
        let connector = Connector {
            name: name.to_owned(),
            registrations: 1,
            held: Held::default(),
            line: Line::default(),
        };
        self.connectors.insert(id, connector);
        id
    }

    /// Takes one registration back; with the last one goes the connector, which
    /// then holds nothing.
    pub(crate) fn unregister(&mut self, id: ConnectorId) {
        let connector = self.connector_mut(id);
        connector.registrations -= 1;
        if connector.registrations == 0 {
            self.connectors.remove(&id);
        }
    }

    pub(crate) fn add_partition(&mut self, connector: ConnectorId) -> PartitionId {
        let id = PartitionId(self.next_number());
        let partition =
            Partition { connector, open: 0, in_flight: 0, closing: false, ticket: None };
        self.partitions.insert(id, partition);
        id
    }

    /// Gives back what the partition's open object holds. What is in flight
    /// stays in its connector's account.
    pub(crate) fn remove_partition(&mut self, id: PartitionId) {
        self.leave_line(id);
        self.set_open(id, 0);
        self.partitions.remove(&id);
        self.settle();
    }

    /// Lets the partition's open object hold `open` bytes, if there is room.
    pub(crate) fn try_grow(&mut self, id: PartitionId, open: u64) -> bool {
        let partition = self.partition(id);
        let growth = open.saturating_sub(partition.open);
        let ticket = partition.ticket;
        let admitted = growth == 0
            || !self.connector(partition.connector).line.goes_first_to_another(ticket)
                && self.standing(partition).admits(growth);
        if admitted {
            self.leave_line(id);
            self.set_open(id, open);
        } else {
            self.join_line(id, growth);
        }
        self.settle();
        admitted
    }

    /// Turns what is open into in flight; returns its bytes.
    pub(crate) fn close(&mut self, id: PartitionId) -> u64 {
        self.leave_line(id);
        let partition = self.partition(id);
        let (connector, bytes) = (partition.connector, partition.open);
        self.set_open(id, 0);
        self.set_in_flight(connector, id, 0, bytes);
        self.settle();
        bytes
    }

    /// An object in flight that held `from` bytes holds `to` from now on; 0
    /// when it is done. The partition may be gone.
    pub(crate) fn resize_in_flight(
        &mut self,
        connector: ConnectorId,
        partition: PartitionId,
        from: u64,
        to: u64,
    ) {
        self.set_in_flight(connector, partition, from, to);
        self.settle();
    }

    /// Takes a refused question back.
    pub(crate) fn withdraw(&mut self, id: PartitionId) {
        self.leave_line(id);
        self.settle();
    }

    /// Whether the partition's open object is named to be closed.
    pub(crate) fn should_close(&self, id: PartitionId) -> bool {
        self.partition(id).closing
    }

    /// The whole budget, in bytes.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// What is reserved of it, in bytes.
    pub(crate) fn fixed(&self) -> u64 {
        self.held.fixed
    }

    /// Whether at most half of it is used.
    pub(crate) fn is_ample(&self) -> bool {
        self.held.used() <= self.total / 2
    }

    /// Reserves, without asking.
    pub(crate) fn reserve_fixed(&mut self, connector: ConnectorId, bytes: u64) {
        self.account(connector, |held| held.fixed += bytes);
        self.settle();
    }

    pub(crate) fn release_fixed(&mut self, connector: ConnectorId, bytes: u64) {
        self.account(connector, |held| held.fixed -= bytes);
        self.settle();
    }

    pub(crate) fn usage(&self) -> Usage {
        let connectors = self.connectors.values().map(|Connector { name, held, line, .. }| {
            let usage = ConnectorUsage {
                open: held.open,
                in_flight: held.in_flight,
                fixed: held.fixed,
                waiting: line.len(),
            };
            (name.clone(), usage)
        });
        Usage {
            total: self.total,
            open: self.held.open,
            in_flight: self.held.in_flight,
            fixed: self.held.fixed,
            connectors: connectors.collect(),
        }
    }

    /// What follows from any change: who is to try again, what is to be closed.
    fn settle(&mut self) {
        self.call_lines();
        self.name_what_should_close();
    }

    /// Changes a connector's sums, and so those of all.
    fn account(&mut self, connector: ConnectorId, change: impl Fn(&mut Held)) {
        change(&mut self.held);
        change(&mut self.connector_mut(connector).held);
    }

    fn standing(&self, partition: &Partition) -> Standing {
        let held = self.connector(partition.connector).held;
        Standing {
            total: self.total,
            used: self.held.used(),
            connector_used: held.used(),
            connector_held: held.variable(),
            partition_held: partition.open + partition.in_flight,
            minimum: admission::minimum(self.total, self.partitions.len()),
        }
    }

    fn set_open(&mut self, id: PartitionId, open: u64) {
        let partition = self.partition_mut(id);
        let before = std::mem::replace(&mut partition.open, open);
        let closing_before = if partition.closing { before } else { 0 };
        partition.closing &= open > 0;
        let closing = if partition.closing { open } else { 0 };
        let connector = partition.connector;
        self.account(connector, |held| {
            held.open = held.open - before + open;
            held.closing = held.closing - closing_before + closing;
        });
    }

    fn set_in_flight(
        &mut self,
        connector: ConnectorId,
        partition: PartitionId,
        from: u64,
        to: u64,
    ) {
        self.account(connector, |held| held.in_flight = held.in_flight - from + to);
        if let Some(partition) = self.partitions.get_mut(&partition) {
            partition.in_flight = partition.in_flight - from + to;
        }
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn connector(&self, id: ConnectorId) -> &Connector {
        self.connectors.get(&id).expect("what uses a connector's memory keeps it registered")
    }

    fn connector_mut(&mut self, id: ConnectorId) -> &mut Connector {
        self.connectors.get_mut(&id).expect("what uses a connector's memory keeps it registered")
    }

    fn partition(&self, id: PartitionId) -> &Partition {
        self.partitions.get(&id).expect("a partition is known as long as its handle is there")
    }

    fn partition_mut(&mut self, id: PartitionId) -> &mut Partition {
        self.partitions.get_mut(&id).expect("a partition is known as long as its handle is there")
    }
}
