//! The product as its users meet it: its own binaries as processes, driven
//! over gRPC, between real Kafka and a bucket.
#![allow(clippy::unwrap_used, reason = "a test fails at what it did not expect")]

mod agents;
mod bad_records;
mod changes;
mod clients;
mod clock;
mod connector;
mod control_plane;
mod credentials;
mod deployment;
mod durability;
mod encrypted;
mod every_tenth_broken;
mod flush;
mod kafka_causes;
mod lifecycle;
mod outstanding;
mod pausing;
mod preflight;
mod reflection;
mod requests;
mod rules;
mod secrets;
mod spec;
mod stalled_store;
mod standing_still;
mod store_causes;
mod strangers;
mod verification;
mod volume;
mod wizard;
mod world;
