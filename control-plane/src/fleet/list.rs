//! What an agent is to run, as it is sent: a list of parts that are encoded once, when a
//! connector's assignment changes. All that is not the agent's own is shared with the other
//! agents of the connector.

use std::fmt;
use std::sync::Arc;

use bytes::{BufMut, Bytes};
use kafka2oss_proto::agent;
use prost::Message as _;

use crate::encoded::{Encoded, begin_field, field_len};

/// Number of `connectors` in AssignmentList.
const CONNECTORS: u8 = 3;

/// What one agent is to run of one connector.
#[derive(PartialEq, Eq)]
pub(crate) struct Assignment {
    /// The connector's full name.
    pub(crate) connector: Arc<str>,
    /// Its uid.
    pub(crate) uid: Arc<str>,
    /// ConnectorAssignment without its tasks.
    pub(crate) whole: Bytes,
    /// ConnectorAssignment with nothing but its tasks.
    pub(crate) tasks: Box<[u8]>,
}

/// Everything that an agent is to run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Assigned {
    /// In the order of the connectors' names.
    connectors: Vec<Arc<Assignment>>,
    /// The stream's last AssignmentRequest that had come before all of this was
    /// worked out; 0 before the first.
    pub(super) answered_request: u64,
}

/// An AssignmentList.
#[derive(Debug, Clone)]
pub(crate) struct List {
    pub(super) version: u64,
    pub(super) nonce: String,
    pub(super) assigned: Arc<Assigned>,
    /// AssignmentList without its connectors.
    head: Bytes,
}

impl Assignment {
    fn len(&self) -> usize {
        self.whole.len() + self.tasks.len()
    }
}

impl fmt::Debug for Assignment {
    // There may be secrets in the bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connector, uid, whole: _, tasks: _ } = self;
        f.debug_struct("Assignment")
            .field("connector", connector)
            .field("uid", uid)
            .finish_non_exhaustive()
    }
}

impl Assigned {
    /// Takes what is to be run, in the order of the names.
    pub(super) fn new(connectors: Vec<Arc<Assignment>>, answered_request: u64) -> Self {
        debug_assert!(connectors.is_sorted_by(|one, next| one.connector < next.connector));
        Self { connectors, answered_request }
    }

    /// What is to be run, in the order of the names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Assignment>> {
        self.connectors.iter()
    }

    /// Uids of the connectors.
    pub(super) fn uids(&self) -> impl Iterator<Item = &Arc<str>> {
        self.iter().map(|one| &one.uid)
    }

    /// Whether something is to be run of the connector `uid`.
    pub(super) fn has(&self, uid: &str) -> bool {
        self.uids().any(|one| **one == *uid)
    }

    /// Of how many connectors something is to be run.
    pub(super) fn len(&self) -> usize {
        self.connectors.len()
    }

    /// What is to be run of one connector.
    pub(super) fn get(&self, connector: &str) -> Option<&Arc<Assignment>> {
        self.position(connector).ok().map(|at| &self.connectors[at])
    }

    /// Puts one in the place of what was to be run of the connector, and returns that.
    pub(super) fn set(
        &mut self,
        connector: &str,
        assignment: Option<Arc<Assignment>>,
    ) -> Option<Arc<Assignment>> {
        match (self.position(connector), assignment) {
            (Ok(at), Some(assignment)) => {
                Some(std::mem::replace(&mut self.connectors[at], assignment))
            }
            (Ok(at), None) => Some(self.connectors.remove(at)),
            (Err(at), Some(assignment)) => {
                self.connectors.insert(at, assignment);
                None
            }
            (Err(_), None) => None,
        }
    }

    fn position(&self, connector: &str) -> Result<usize, usize> {
        self.connectors.binary_search_by(|one| (*one.connector).cmp(connector))
    }
}

impl List {
    /// The list of this version.
    pub(crate) fn new(version: u64, nonce: String, assigned: Arc<Assigned>) -> Self {
        let answered_request = assigned.answered_request;
        let head =
            agent::v1::AssignmentList { version, nonce, connectors: Vec::new(), answered_request };
        Self { version, head: head.encode_to_vec().into(), nonce: head.nonce, assigned }
    }
}

impl Encoded for List {
    fn len(&self) -> usize {
        let connectors = self.assigned.iter().map(|one| field_len::<CONNECTORS>(one.len()));
        self.head.len() + connectors.sum::<usize>()
    }

    fn put(&self, buffer: &mut impl BufMut) {
        buffer.put_slice(&self.head);
        for one in self.assigned.iter() {
            begin_field::<CONNECTORS>(one.len(), buffer);
            buffer.put_slice(&one.whole);
            buffer.put_slice(&one.tasks);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(connector: &str, tasks: &[i32]) -> agent::v1::ConnectorAssignment {
        agent::v1::ConnectorAssignment {
            connector: connector.to_owned(),
            uid: format!("uid of {connector}"),
            generation: 3,
            placement_version: 300,
            features: vec!["x".repeat(200)],
            tasks: tasks
                .iter()
                .map(|index| agent::v1::TaskAssignment { index: *index, threads: 2 })
                .collect(),
            ..agent::v1::ConnectorAssignment::default()
        }
    }

    fn encoded(message: &agent::v1::ConnectorAssignment) -> Arc<Assignment> {
        let tasks =
            agent::v1::ConnectorAssignment { tasks: message.tasks.clone(), ..Default::default() };
        let whole = agent::v1::ConnectorAssignment { tasks: Vec::new(), ..message.clone() };
        Arc::new(Assignment {
            connector: message.connector.as_str().into(),
            uid: message.uid.as_str().into(),
            whole: whole.encode_to_vec().into(),
            tasks: tasks.encode_to_vec().into(),
        })
    }

    #[test]
    fn a_list_of_parts_is_read_as_the_message() {
        let connectors = [
            vec![],
            vec![assignment("a", &[0])],
            vec![assignment("a", &[0, 1]), assignment("b", &[7])],
        ];
        for (connectors, answered_request) in connectors.into_iter().zip([0, 1, 300]) {
            let assigned =
                Assigned::new(connectors.iter().map(encoded).collect(), answered_request);
            let list = List::new(7, "nonce".to_owned(), Arc::new(assigned));
            let mut bytes = Vec::new();
            list.put(&mut bytes);
            assert_eq!(bytes.len(), list.len());
            let nonce = "nonce".to_owned();
            let expected =
                agent::v1::AssignmentList { version: 7, nonce, connectors, answered_request };
            assert_eq!(agent::v1::AssignmentList::decode(&bytes[..]), Ok(expected));
        }
    }

    #[test]
    fn one_takes_the_place_of_what_was_there_of_its_connector() {
        let mut assigned = Assigned::default();
        let [a, b, other_b] =
            [("a", 0), ("b", 0), ("b", 1)].map(|(name, task)| encoded(&assignment(name, &[task])));
        assert_eq!(assigned.set("b", Some(Arc::clone(&b))), None);
        assert_eq!(assigned.set("a", Some(Arc::clone(&a))), None);
        assert_eq!(assigned.set("b", Some(Arc::clone(&other_b))), Some(b));
        assert_eq!(assigned.iter().collect::<Vec<_>>(), [&a, &other_b]);
        assert_eq!((assigned.get("a"), assigned.get("c")), (Some(&a), None));
        assert_eq!((assigned.set("c", None), assigned.set("a", None)), (None, Some(a)));
        assert_eq!(assigned.iter().collect::<Vec<_>>(), [&other_b]);
    }
}
