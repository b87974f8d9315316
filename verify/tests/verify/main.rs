//! Chains that were damaged on purpose, and ones that were not, on a real Kafka
//! (which `tests/run` puts in place), the OSS emulator and MinIO.
//!
//! `world` is a topic and a bucket, `writer` makes proper chains with the
//! product's own keys, formats and puts.

// In a test, an unwrap is its failure.
#![allow(clippy::unwrap_used)]

mod chains;
mod error_topics;
mod links;
mod log;
mod meanwhile;
mod outstanding;
mod records;
mod values;
mod world;
mod writer;
