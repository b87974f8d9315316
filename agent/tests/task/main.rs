//! A task on real Kafka and the OSS emulator: what it does with the records
//! that it is given, and with the partitions that are taken from it.

#![allow(clippy::unwrap_used, reason = "a test may end at once")]

mod chain;
mod group;
mod interference;
mod log_range;
mod records;
mod steering;
mod world;
