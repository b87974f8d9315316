//! What is wrong, counted, with some examples.

use std::collections::BTreeMap;
use std::fmt;

use kafka2oss_chain::ChainId;
use serde::Serialize;

/// A way in which objects can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A record of the topic stands in no object of the chain that can be read,
    /// and in no error topic. Counted by record.
    Missing,
    /// The object that holds a record's value is not there.
    MissingValue,
    /// A record stands in two links, twice in one, or in a link and in an error
    /// topic.
    Duplicated,
    /// A record is not as the topic has it.
    Altered,
    /// A record stands in a link, and the topic has none at its offset.
    Unexpected,
    /// A record stands behind one of a higher offset, or in a link that does not
    /// stand for its offset.
    OutOfOrder,
    /// A link starts behind the end of the one before.
    Hole,
    /// A link starts before the end of the one before.
    Overlap,
    /// The group's committed offset is at no link's end.
    CommittedOffset,
    /// A link does not have as many records as its metadata says.
    Contradictory,
    /// An object's content cannot be read, or is not the one that its metadata
    /// has the checksum of.
    Damaged,
    /// An object stands where only objects of the chain belong, and is none.
    Foreign,
    /// No record refers to an object that holds a value.
    Garbage,
}

impl Kind {
    /// Its name for people and for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::MissingValue => "missing_value",
            Self::Duplicated => "duplicated",
            Self::Altered => "altered",
            Self::Unexpected => "unexpected",
            Self::OutOfOrder => "out_of_order",
            Self::Hole => "hole",
            Self::Overlap => "overlap",
            Self::CommittedOffset => "committed_offset",
            Self::Contradictory => "contradictory",
            Self::Damaged => "damaged",
            Self::Foreign => "foreign",
            Self::Garbage => "garbage",
        }
    }
}

/// Offsets from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OffsetRange {
    /// The first.
    pub first: i64,
    /// The last.
    pub last: i64,
}

/// An example of what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Finding {
    /// The chain, if it is of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// The partition, if it is of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    /// The offsets, if it is about some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offsets: Option<OffsetRange>,
    /// Key of the object, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What is wrong with it, for people.
    pub detail: String,
}

impl Finding {
    /// About an object.
    pub(crate) fn of_object(key: &str, detail: impl Into<String>) -> Self {
        Self { key: Some(key.to_owned()), detail: detail.into(), ..Self::default() }
    }

    /// About the records of some offsets.
    pub(crate) fn of_offsets(first: i64, last: i64, detail: impl Into<String>) -> Self {
        let offsets = Some(OffsetRange { first, last });
        Self { offsets, detail: detail.into(), ..Self::default() }
    }

    #[must_use]
    pub(crate) fn in_object(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    #[must_use]
    pub(crate) fn at(mut self, offset: i64) -> Self {
        self.offsets = Some(OffsetRange { first: offset, last: offset });
        self
    }

    #[must_use]
    pub(crate) fn of_partition(mut self, chain: Option<ChainId>, partition: i32) -> Self {
        self.chain = chain.map(|chain| chain.to_string());
        self.partition = Some(partition);
        self
    }

    /// Takes the next offset in, if all else is the same.
    fn join(&mut self, next: &Self) -> bool {
        let (Some(own), Some(other)) = (self.offsets.as_mut(), next.offsets) else { return false };
        let same = self.chain == next.chain
            && self.partition == next.partition
            && self.key == next.key
            && self.detail == next.detail
            && own.last.checked_add(1) == Some(other.first);
        if same {
            own.last = other.last;
        }
        same
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chain, partition, offsets, key, detail } = self;
        if let Some(partition) = partition {
            write!(f, "partition {partition} ")?;
        }
        match offsets {
            Some(OffsetRange { first, last }) if first == last => write!(f, "offset {first} ")?,
            Some(OffsetRange { first, last }) => write!(f, "offsets {first} to {last} ")?,
            None => {}
        }
        if let Some(chain) = chain {
            write!(f, "of chain {chain} ")?;
        }
        if let Some(key) = key {
            // Anyone may have put it.
            write!(f, "in `{}` ", key.escape_debug())?;
        }
        write!(f, "- {detail}")
    }
}

/// What is wrong in one way.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Findings {
    /// How often.
    pub count: u64,
    /// The first of them; records of consecutive offsets are one example.
    pub examples: Vec<Finding>,
}

/// What is wrong, by kind, with a bounded number of examples each.
#[derive(Debug, Clone)]
pub(crate) struct Collector {
    limit: usize,
    found: BTreeMap<Kind, Findings>,
}

impl Collector {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, found: BTreeMap::new() }
    }

    /// Adds one.
    pub(crate) fn add(&mut self, kind: Kind, finding: Finding) {
        let Findings { count, examples } = self.found.entry(kind).or_default();
        // After an example that was left out there is none to be joined with.
        let is_shown = *count == shown(examples);
        *count += 1;
        if is_shown && examples.last_mut().is_some_and(|last| last.join(&finding)) {
            return;
        }
        if examples.len() < self.limit {
            examples.push(finding);
        }
    }

    /// Adds those of another partition.
    pub(crate) fn append(&mut self, other: Self) {
        for (kind, findings) in other.found {
            let own = self.found.entry(kind).or_default();
            own.count += findings.count;
            let left = self.limit.saturating_sub(own.examples.len());
            own.examples.extend(findings.examples.into_iter().take(left));
        }
    }

    pub(crate) fn into_found(self) -> BTreeMap<Kind, Findings> {
        self.found
    }
}

/// How many findings the examples stand for.
fn shown(examples: &[Finding]) -> u64 {
    examples
        .iter()
        .map(|example| {
            example
                .offsets
                .map_or(1, |offsets| offsets.last.abs_diff(offsets.first).saturating_add(1))
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(offset: i64) -> Finding {
        Finding::of_offsets(offset, offset, "gone").of_partition(None, 0)
    }

    #[test]
    fn consecutive_offsets_are_one_example_and_the_rest_is_only_counted() {
        let mut collector = Collector::new(2);
        for offset in [1, 2, 3, 7, 9, 10, 8] {
            collector.add(Kind::Missing, missing(offset));
        }
        let found = collector.into_found();
        assert_eq!(found[&Kind::Missing].count, 7);
        let examples: Vec<_> =
            found[&Kind::Missing].examples.iter().map(Finding::to_string).collect();
        assert_eq!(examples, ["partition 0 offsets 1 to 3 - gone", "partition 0 offset 7 - gone"]);
    }

    #[test]
    fn partitions_are_put_together_within_the_limit() {
        let (mut all, mut other) = (Collector::new(3), Collector::new(3));
        for offset in [1, 3] {
            all.add(Kind::Missing, missing(offset));
            other.add(Kind::Missing, missing(offset + 10));
        }
        other.add(Kind::Foreign, Finding::of_object("k\n", "unknown"));
        all.append(other);
        let found = all.into_found();
        assert_eq!((found[&Kind::Missing].count, found[&Kind::Missing].examples.len()), (4, 3));
        assert_eq!(found[&Kind::Foreign].examples[0].to_string(), "in `k\\n` - unknown");
    }
}
