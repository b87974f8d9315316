//! The OSS emulator, asked by the AWS SDK as the agent configures it.

#![allow(clippy::unwrap_used, missing_docs)]

mod addressing;
mod buckets;
mod create_only;
mod directory;
mod faults;
mod listing;
mod objects;
mod signing;
mod support;
mod versioning;
