//! What a verification came to.

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::findings::{Findings, Kind};
use crate::outstanding::{Backlog, Outstanding};

/// What a verification came to, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing is wrong, and each record that was in the topic stands in an object or in
    /// an error topic.
    Complete,
    /// Nothing is wrong so far, and no object stands yet for some of the records that
    /// were in the topic: see [`Report::backlog`].
    Incomplete,
    /// Something is wrong: see [`Report::findings`].
    Damaged,
}

/// What a verification came to: what was compared, what is wrong, and what no object
/// stands for yet. As JSON it has its verdict, and the sum of outstanding offsets, too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The topic.
    pub topic: String,
    /// Objects below the topic's folder that are of chains which count.
    pub objects: u64,
    /// Dead letters of the topic, copies counted in.
    pub error_records: u64,
    /// Each partition of each chain that was verified.
    pub partitions: Vec<PartitionReport>,
    /// What is wrong, by kind.
    pub findings: BTreeMap<Kind, Findings>,
}

/// What was verified of one partition of one chain.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PartitionReport {
    /// The chain; absent when nothing is known of any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// The connector's uid, as its links say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The partition.
    pub partition: i32,
    /// Where the chain starts; absent when there is neither a link nor a start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<i64>,
    /// Where its links end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<i64>,
    /// The first offset of which nothing had to be there; absent: its own end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<i64>,
    /// The group's committed offset; absent when it has none for this chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub committed: Option<i64>,
    /// What no object stands for yet; absent when there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outstanding: Option<Outstanding>,
    /// Offset of the first record that the topic still has.
    pub log_start: i64,
    /// Links.
    pub links: u64,
    /// Records in them.
    pub records: u64,
    /// Records in them that were compared with the topic's.
    pub compared: u64,
    /// Records that stand in a link of another attempt as well, as they may where
    /// attempts have keys of their own: the copies are not compared.
    pub repeated: u64,
    /// Records that were found in an error topic instead.
    pub dead_letters: u64,
    /// Records in links that could not be compared, since the topic has them no
    /// longer.
    pub unverifiable: u64,
    /// Objects that hold a value, of records behind the end of the chain: a link
    /// to come may refer to them.
    pub unclaimed_values: u64,
}

impl Report {
    /// Whether nothing is wrong so far. Records that could not be compared are not held
    /// against it; neither is what no object stands for yet.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// What it came to.
    pub fn verdict(&self) -> Verdict {
        match (self.is_clean(), self.backlog().is_empty()) {
            (false, _) => Verdict::Damaged,
            (true, false) => Verdict::Incomplete,
            (true, true) => Verdict::Complete,
        }
    }

    /// What no object stands for yet.
    pub fn backlog(&self) -> Backlog {
        let partitions = self.partitions.iter();
        Backlog::of(partitions.filter_map(|partition| partition.outstanding.as_ref()))
    }

    /// How often something is wrong in this way.
    pub fn count(&self, kind: Kind) -> u64 {
        self.findings.get(&kind).map_or(0, |findings| findings.count)
    }

    /// The sum of a figure over all partitions.
    pub fn total(&self, figure: impl Fn(&PartitionReport) -> u64) -> u64 {
        self.partitions.iter().map(figure).sum()
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { topic, objects, error_records, partitions, findings } = self;
        let mut report = serializer.serialize_struct("Report", 7)?;
        report.serialize_field("topic", topic)?;
        report.serialize_field("verdict", &self.verdict())?;
        report.serialize_field("outstanding_offsets", &self.backlog().offsets)?;
        report.serialize_field("objects", objects)?;
        report.serialize_field("error_records", error_records)?;
        report.serialize_field("partitions", partitions)?;
        report.serialize_field("findings", findings)?;
        report.end()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, objects, error_records, partitions, findings } = self;
        let links = self.total(|partition| partition.links);
        let compared = self.total(|partition| partition.compared);
        let unverifiable = self.total(|partition| partition.unverifiable);
        let dead_letters = self.total(|partition| partition.dead_letters);
        writeln!(f, "topic {topic}: {objects} objects, {links} links")?;
        writeln!(
            f,
            "records: {compared} compared, {dead_letters} in error topics \
             ({error_records} copies), {unverifiable} that the topic has no longer"
        )?;
        let repeated = self.total(|partition| partition.repeated);
        if repeated > 0 {
            writeln!(f, "{repeated} copies by other attempts, as AT_LEAST_ONCE permits")?;
        }
        for partition in partitions {
            writeln!(f, "{partition}")?;
        }
        match self.verdict() {
            Verdict::Complete => {
                writeln!(f, "nothing is wrong: what was in the topic is complete")?;
            }
            Verdict::Incomplete => {
                writeln!(f, "nothing is wrong so far, not complete: {}", self.backlog())?;
            }
            Verdict::Damaged => {}
        }
        for (kind, Findings { count, examples }) in findings {
            writeln!(f, "{}: {count}", kind.name())?;
            for example in examples {
                writeln!(f, "  {example}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for PartitionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chain, partition, start, end, links, records, outstanding, .. } = self;
        let offset =
            |offset: &Option<i64>| offset.map_or("?".to_owned(), |offset| offset.to_string());
        let chain = chain.as_deref().unwrap_or("none");
        let (start, end) = (offset(start), offset(end));
        write!(
            f,
            "chain {chain} partition {partition}: offsets {start} to {end}, \
             {links} links, {records} records"
        )?;
        match outstanding {
            Some(outstanding) => write!(f, "\n  {outstanding}"),
            None => Ok(()),
        }
    }
}
