//! What kafka2oss runs against when there is no cloud: for `kafka2oss dev` and
//! for tests.
//!
//! - [`oss`]: an emulator of Alibaba Cloud OSS as its S3-compatible API shows it,
//!   with fault injection and a request log.
//! - [`kafka`]: librdkafka's mock cluster as an embedded Kafka.
//!
//! Nothing in here is part of the product's data path, and none of the product's
//! guarantees is proven on it alone: end-to-end tests use a real broker as well.

pub mod kafka;
pub mod oss;
