//! What is used, as it is accounted and as it is shown.

use std::collections::BTreeMap;

/// What is used of the budget; all in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// The whole budget.
    pub total: u64,
    /// What open objects hold.
    pub open: u64,
    /// What objects under way to the store hold.
    pub in_flight: u64,
    /// What is reserved for good, such as librdkafka's prefetch.
    pub fixed: u64,
    /// The same for each connector, by its name.
    pub connectors: BTreeMap<String, ConnectorUsage>,
}

impl Usage {
    /// Bytes in use. May be above the budget: by fixed parts, and by one record
    /// a connector that is larger than what is left.
    pub fn used(&self) -> u64 {
        self.open + self.in_flight + self.fixed
    }
}

/// What one connector uses; all in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConnectorUsage {
    /// What its open objects hold.
    pub open: u64,
    /// What its objects under way hold.
    pub in_flight: u64,
    /// What is reserved for it.
    pub fixed: u64,
    /// Partitions that were refused more memory and wait for it.
    pub waiting: usize,
}

/// What a connector holds, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Held {
    pub(super) open: u64,
    pub(super) in_flight: u64,
    pub(super) fixed: u64,
    /// The part of `open` that is named to be closed.
    pub(super) closing: u64,
}

impl Held {
    pub(super) fn used(&self) -> u64 {
        self.variable() + self.fixed
    }

    /// All but fixed parts.
    pub(super) fn variable(&self) -> u64 {
        self.open + self.in_flight
    }

    /// What is open and not yet named to be closed.
    pub(super) fn unnamed(&self) -> u64 {
        self.open - self.closing
    }

    /// What comes back without anything more being named.
    pub(super) fn under_way(&self) -> u64 {
        self.in_flight + self.closing
    }
}
