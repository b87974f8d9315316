//! The embedded Kafka: what the agent needs of it in `kafka2oss dev`, and where it
//! differs from a broker.

#![allow(clippy::unwrap_used, missing_docs)]

mod groups;
mod offsets;
mod support;
mod topics;
