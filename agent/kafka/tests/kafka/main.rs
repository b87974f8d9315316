//! What an agent says to Kafka, on a real broker, and on the embedded one as far
//! as `kafka2oss dev` needs it.

#![allow(clippy::unwrap_used, reason = "a test may end at once")]

mod admin;
mod causes;
mod client_certificate;
mod committed;
mod coordinator_away;
mod embedded;
mod error_topic;
mod internal_topic;
mod moved_broker;
mod preflight;
mod prepare;
mod remove;
mod sasl;
mod start;
mod support;
mod test_message;
mod token;
mod unreachable;
