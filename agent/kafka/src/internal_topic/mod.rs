//! Compacted internal topics: key and value as bytes, the last value by key
//! counts, none is a tombstone.
//!
//! - [`InternalTopics`]: writes, acknowledged; [`InternalTopicWriters`]: one for all
//!   who write to the same instance.
//! - [`read_compacted`]: reads a whole topic.
//! - [`latest`]: what has been read and what is still to come, without I/O.

mod latest;
mod reader;
mod shared;
mod writer;

pub use reader::read_compacted;
pub use shared::{InternalTopicWriter, InternalTopicWriters};
pub use writer::InternalTopics;

use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::error_code::Problem;

/// An internal topic that does not exist is not the source topic's error.
fn of_internal_topic(mut problem: Problem) -> Problem {
    if problem.code == ErrorCode::KafkaTopicNotFound {
        problem.code = ErrorCode::KafkaResourceMissing;
    }
    problem
}
