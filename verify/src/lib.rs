//! Does each record of a topic stand in the objects of its chain exactly once,
//! as it is? Reads topic and bucket, changes neither, and reports what is wrong.
//!
//! - `verification`: [`Verification`], what is to be verified, and how a run
//!   goes: listing, error topics, then partition by partition.
//! - `catalog`: which objects there are, chain by chain.
//! - `walk`: the judgement: one pass over a partition's objects and its records
//!   side by side. Pure; `compare` is a record beside its original,
//!   `dead_letters` what stands in the error topics.
//! - `partition`, `object`: feed a walk.
//! - `source`, `body`, `values`: the edges to Kafka and the store.
//! - `progress`: how far a run is.
//! - `report`: [`Report`], `findings` its bounded lists, `outstanding` what no object
//!   stands for yet.
//!
//! Of each partition that is being walked, a part of one object, a few records
//! and what librdkafka has fetched ahead (8 MiB) are in memory. What grows is the
//! catalog, by 16 bytes an object and once the name of each folder (by about 100
//! more where attempts have keys of their own), and the index of the error topics, by about 150 bytes a dead letter.

mod body;
mod catalog;
mod compare;
mod dead_letters;
mod findings;
mod object;
mod outstanding;
mod partition;
mod progress;
mod report;
mod source;
mod values;
mod verification;
mod walk;

pub use findings::{Finding, Findings, Kind, OffsetRange};
pub use outstanding::{Backlog, Outstanding};
pub use progress::{Phase, Progress};
pub use report::{PartitionReport, Report, Verdict};
pub use verification::{Options, Verification};
