//! The test harness: real brokers, real object stores and the product's own
//! binaries, each started on free ports, awaited by asking, and always cleaned
//! up.
//!
//! `tests/run` puts Apache Kafka, MinIO and grpcurl in place and names their
//! places in the environment ([`environment`]); without these the servers here
//! refuse to start and say so.
//!
//! What every server here has in common:
//!
//! - It ends with its handle (`Drop` kills it), with this process (the kernel
//!   kills it, also after `kill -9`, see [`child`]), and its files go with it
//!   ([`scratch`]).
//! - Starting awaits readiness by asking the server, within a stated time, and
//!   an error carries the end of the server's log.
//! - Addresses are loopback.

pub mod access_rules;
pub mod bucket;
pub mod certificate;
pub mod child;
pub mod console_consumer;
pub mod environment;
pub mod generation;
pub mod held_threads;
pub mod judge;
pub mod kafka;
pub mod kafka_access;
pub mod kafka_proxy;
pub mod lossy_disk;
pub mod minio;
pub mod moved_clock;
pub mod name;
pub mod oss;
pub mod port;
mod preloaded;
pub mod process;
pub mod produce;
pub mod proxy;
pub mod raw_client;
pub mod read;
pub use kafka2oss_figures::resident;
pub mod scratch;
pub mod sts;
pub mod token;
pub mod topic;
pub mod wait;
