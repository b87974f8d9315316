//! What an agent says to Kafka besides consuming the source topic's records.
//!
//! - [`client_config`]: librdkafka's settings for an instance, with its secrets.
//! - [`ErrorMemory`] and [`classify`]: from librdkafka's errors to the error
//!   catalogue, with the cause that a timeout hides.
//! - [`KafkaAdmin`] and [`BrokerAdmin`]: topics, groups, offsets.
//! - [`oauth`]: tokens, as brokers may ask for.
//! - [`partition_list`]: committed offsets with their metadata as bytes.
//! - [`headers`]: headers of fetched records as bytes.
//! - [`ErrorTopicProducer`], [`TestMessageWriter`]: what an agent writes.
//! - [`InternalTopics`], [`read_compacted`]: compacted internal topics.
//! - [`Calls`]: calls of librdkafka that wait, with a limit.
//! - [`PerInstance`]: connections that all who talk to an instance share.
//! - [`prepare`](prepare()), [`remove`](remove()), [`preflight`](preflight()): the control
//!   plane's commands; what is decided stands in `plan`, `start`, `preflight/judge` and
//!   `preflight/rights`, without I/O.
//!
//! Nothing here blocks the async runtime: calls of librdkafka that wait run on
//! blocking threads, each with a limit.

mod admin;
mod async_producer;
mod broker_admin;
mod calls;
pub mod classify;
mod config;
mod connection_failure;
mod coordinator;
mod drop_in_background;
mod error_memory;
mod error_topic;
pub mod headers;
mod internal_topic;
mod main_queue;
mod native;
pub mod oauth;
pub mod partition_list;
mod per_instance;
mod permission;
mod plan;
mod preflight;
mod prepare;
mod producer;
mod remove;
mod repeating;
mod right;
mod start;
mod test_message;

pub use admin::{
    Broker, BrokerSettings, Committed, Creation, KafkaAdmin, Operations, TopicDescription,
    TopicPlan, Watermarks,
};
pub use broker_admin::{BrokerAdmin, GroupMember, GroupMembers, LogPlace};
pub use calls::Calls;
pub use config::client_config;
pub use error_memory::{ErrorMemory, OversizedAnswers};
pub use error_topic::{ErrorRecord, ErrorStage, ErrorTopicProducer, SendError};
pub use internal_topic::{InternalTopics, read_compacted};
pub use per_instance::{Connect, PerInstance, Shared};
pub use permission::Permission;
pub use preflight::{PreflightInput, PreflightedKafka, preflight};
pub use prepare::{PrepareInput, PreparedKafka, prepare};
pub use producer::Written;
pub use remove::remove;
pub use right::Right;
pub use start::StartAt;
pub use test_message::{
    Delivered, NotDelivered, TEST_MESSAGE_HEADER, TestMessage, TestMessageWriter,
    may_be_test_message, millis_since_1970, test_message_timestamp,
};
