//! Compacted internal topics: key and value as bytes, the last value by key
//! counts, none is a tombstone.
//!
//! - [`InternalTopics`]: writes, acknowledged.
//! - [`read_compacted`]: reads a whole topic.
//! - [`latest`]: what has been read and what is still to come, without I/O.

mod latest;
mod reader;
mod writer;

pub use reader::read_compacted;
pub use writer::InternalTopics;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;

/// An internal topic that does not exist is not the source topic's error.
fn of_internal_topic(mut problem: Problem) -> Problem {
    if problem.code == ErrorCode::KafkaTopicNotFound {
        problem.code = ErrorCode::KafkaResourceMissing;
    }
    problem
}
