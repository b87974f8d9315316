//! What an agent says to Kafka besides consuming the source topic's records.
//!
//! - [`client_config`]: librdkafka's settings for an instance, with its secrets.
//! - [`ErrorMemory`] and [`classify`]: from librdkafka's errors to the error
//!   catalogue, with the cause that a timeout hides.
//! - [`KafkaAdmin`] and [`BrokerAdmin`]: topics, groups, offsets.
//! - [`partition_list`]: committed offsets with their metadata as bytes.
//! - [`ErrorTopicProducer`], [`produce_test_message`]: what an agent writes.
//! - [`prepare`](prepare()), [`remove`](remove()): the control plane's commands;
//!   what is decided stands in `plan`, without I/O.
//!
//! Nothing here blocks the async runtime: calls of librdkafka that wait run on
//! blocking threads, each with a limit.

mod admin;
mod broker_admin;
pub mod classify;
mod config;
mod drop_in_background;
mod error_memory;
mod error_topic;
mod native;
pub mod partition_list;
mod plan;
mod prepare;
mod remove;
mod test_message;

pub use admin::{Committed, Creation, KafkaAdmin, TopicDescription, TopicPlan, Watermarks};
pub use broker_admin::BrokerAdmin;
pub use config::client_config;
pub use error_memory::ErrorMemory;
pub use error_topic::{ErrorRecord, ErrorStage, ErrorTopicProducer, Written};
pub use prepare::{PrepareInput, PreparedKafka, prepare};
pub use remove::remove;
pub use test_message::{Delivered, TestMessage, produce_test_message};
