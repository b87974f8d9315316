//! The names that the product's code works with, made by that code once, and
//! the small values that stand for them in states.

use std::collections::HashMap;

use kafka2oss_chain::{AttemptId, Identity, KeyLayout, Pin};
use kafka2oss_domain::spec::{Layout, TimeBucketLength, TimeBucketStyle, TimeBuckets};

use crate::Bounds;

/// The one partition.
pub(crate) const PARTITION: i32 = 0;

const TOPIC: &str = "orders";
const UID: &str = "01JD0000000000000000000000";
const TOPIC_IDS: [&str; 2] = ["mFpQHAqlQ5aRNZxNnSeMZQ", "5kDZcKyiTxqd5oE3y0qNWw"];
const MINUTE: i64 = 60_000;

/// A chain: what the partition has one of for each epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Chain {
    /// Number of the epoch, from 1 on.
    pub epoch: u8,
    /// Incarnation of the topic, from 0 on.
    pub topic: u8,
}

/// Stands for a key: two of these are equal when the keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The chain.
    pub chain: Chain,
    /// First offset of the link.
    pub first: i64,
    /// Offset of its first record.
    pub first_record: i64,
    /// The layout, 0 or 1.
    pub layout: u8,
    /// The assignment whose own it is.
    pub attempt: Option<u8>,
}

/// Identities and keys of all chains within some bounds.
#[derive(Debug)]
pub(crate) struct Names {
    identities: HashMap<Chain, Identity>,
    pins: HashMap<Key, Pin>,
    keys: HashMap<Pin, Key>,
}

impl Names {
    pub(crate) fn new(bounds: &Bounds) -> Self {
        let mut names =
            Self { identities: HashMap::new(), pins: HashMap::new(), keys: HashMap::new() };
        // One epoch more than may be opened: the one that a run without faults
        // opens for a recreated topic.
        for epoch in 1..=bounds.resets + 2 {
            for topic in 0..=bounds.recreations {
                names.add(Chain { epoch, topic }, bounds);
            }
        }
        names
    }

    fn add(&mut self, chain: Chain, bounds: &Bounds) {
        let records = bounds.records;
        // One more than the bounds have: that of a run without faults.
        let own = (0..=bounds.assignments).filter(|_| bounds.taken.is_overwritten());
        let attempts: Vec<_> = std::iter::once(None).chain(own.map(Some)).collect();
        let identity = Identity {
            uid: UID.to_owned(),
            topic_id: TOPIC_IDS[usize::from(chain.topic)].to_owned(),
            epoch: u64::from(chain.epoch),
        };
        for (layout, (spec, extension)) in (0..).zip(layouts()) {
            let made = KeyLayout::new(&spec, TOPIC, PARTITION, identity.chain_id());
            for first in 0..records {
                for first_record in first..records {
                    for &attempt in &attempts {
                        let id = attempt.map(|number| AttemptId::of(number.into()));
                        let pin = made.link(first, first_record * MINUTE, extension, id);
                        let key = Key { chain, first, first_record, layout, attempt };
                        let stands_for = *self.keys.entry(pin.clone()).or_insert(key);
                        let Key { chain: of, first: at, attempt: by, .. } = stands_for;
                        assert_eq!((of, at, by), (chain, first, attempt), "{pin}");
                        self.pins.insert(key, pin);
                    }
                }
            }
        }
        self.identities.insert(chain, identity);
    }

    pub(crate) fn identity(&self, chain: Chain) -> &Identity {
        &self.identities[&chain]
    }

    /// The pin of a link by a layout.
    pub(crate) fn pin(&self, key: Key) -> &Pin {
        &self.pins[&key]
    }

    pub(crate) fn key(&self, pin: &Pin) -> Key {
        self.keys[pin]
    }
}

/// What a connector's update may change: layout and format. The second one's
/// keys depend on the first record, too, which retention may remove.
fn layouts() -> [(Layout, &'static str); 2] {
    let buckets = TimeBuckets {
        style: TimeBucketStyle::Plain,
        length: TimeBucketLength::Minute,
        time_zone: "UTC".to_owned(),
    };
    [
        (Layout { prefix: "a/".to_owned(), time_buckets: None, hash_prefix: false }, "json"),
        (
            Layout { prefix: "b/".to_owned(), time_buckets: Some(buckets), hash_prefix: false },
            "json.gz",
        ),
    ]
}
