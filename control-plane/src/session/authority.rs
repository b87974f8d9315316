//! Of what an agent may speak: what it has been given, and nothing else.
//!
//! An agent has authority over a connector while it has tasks of it, and after
//! that until it has shown that it stopped them. Whatever it says of anything
//! else is dropped and counted, whoever it says it is.

use kafka2oss_proto::agent;

use super::bounds;
use crate::catalog::{Catalog, Placed};

/// One agent's authority.
#[derive(Debug)]
pub(super) struct Authority<'a> {
    catalog: &'a Catalog,
    agent: &'a str,
    refused: u64,
}

impl<'a> Authority<'a> {
    /// Of the agent with the bare id `agent`.
    pub(super) fn new(catalog: &'a Catalog, agent: &'a str) -> Self {
        Self { catalog, agent, refused: 0 }
    }

    /// The uid of the connector `name` if the agent may speak of it.
    pub(super) fn over(&mut self, name: &str) -> Option<String> {
        let uid = self.uid(name);
        self.refused += u64::from(uid.is_none());
        uid
    }

    /// Leaves in a report what the agent may speak of, within bounds. Returns what is known
    /// of each connector that is left.
    pub(super) fn limit(&mut self, report: &mut agent::v1::StatusReport) -> Vec<Placed> {
        let names = report.connectors.iter().map(|one| one.connector.as_str());
        let mut known = self.catalog.connectors_and_placements(names).into_iter();
        let mut left = Vec::with_capacity(known.len());
        report.connectors.retain(|one| {
            let known = known.next().flatten();
            let known = known.filter(|known| known.0.uid() == one.uid && self.has(known));
            self.refused += u64::from(known.is_none());
            let keep = known.is_some();
            left.extend(known);
            keep
        });
        report.connectors.iter_mut().for_each(bounds::limit);
        report.load.as_mut().into_iter().for_each(bounds::limit_load);
        left
    }

    /// Leaves in an answer to a list what the agent may speak of, within bounds.
    pub(super) fn limit_answer(&mut self, ack: &mut agent::v1::AssignmentAck) {
        ack.nacks.retain(|nack| self.over(&nack.connector).is_some());
        ack.nacks.iter_mut().for_each(bounds::limit_nack);
    }

    /// Of the uids that the agent says it runs, those that it may.
    pub(super) fn limit_held(&mut self, held: &[String]) -> Vec<String> {
        let may_hold = |uid: &&String| {
            let name = self.catalog.connector_of_uid(uid).map(|record| record.name().to_owned());
            let may = name.is_some_and(|name| self.uid(&name).is_some());
            self.refused += u64::from(!may);
            may
        };
        held.iter().filter(may_hold).cloned().collect()
    }

    /// How much was dropped.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    fn uid(&self, name: &str) -> Option<String> {
        let known = self.catalog.connector_and_placement(name)?;
        self.has(&known).then(|| known.0.uid().to_owned())
    }

    fn has(&self, (record, placement): &Placed) -> bool {
        let placed = placement.as_ref().is_some_and(|placement| {
            placement.uid == record.uid() && placement.may_run_on().any(|agent| agent == self.agent)
        });
        let stopping = record
            .deletion
            .as_ref()
            .is_some_and(|deletion| deletion.agents.iter().any(|agent| agent == self.agent));
        placed || stopping
    }
}
