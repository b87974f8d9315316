//! Writes one record to a source topic.

use std::sync::atomic::{AtomicBool, Ordering};

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_kafka::{Delivered, NotDelivered, TestMessage, TestMessageWriter};
use kafka2oss_proto::agent::v1::{WriteTestMessage, WriteTestMessageResult};
use kafka2oss_proto::v1::TestMessagePayload;
use kafka2oss_proto::v1::test_message_payload::Content;

use super::{instance, unsupported};

/// Before anything is sent, `begun` is set.
///
/// # Errors
/// `TEST_MESSAGE_UNCERTAIN` where the record may stand in the topic; after any other
/// problem it certainly does not.
pub(super) async fn run(
    request: WriteTestMessage,
    begun: &AtomicBool,
) -> Result<WriteTestMessageResult, Problem> {
    let WriteTestMessage { connector: _, instance: wire, topic, partition, key, value, again: _ } =
        request;
    let instance = instance(wire)?;
    if partition.is_some_and(|partition| partition < 0) {
        return Err(unsupported("the partition is negative"));
    }
    let message = TestMessage { partition, key: bytes(key), value: bytes(value) };
    let writer = TestMessageWriter::connect(&instance).await?;
    begun.store(true, Ordering::Relaxed);
    let Delivered { partition, offset, timestamp } =
        writer.write(&topic, &message).await.map_err(|NotDelivered { problem, may_stand }| {
            if may_stand { uncertain(&problem.message) } else { problem }
        })?;
    Ok(WriteTestMessageResult { partition, offset, timestamp: timestamp.map(from_millis) })
}

/// The record may stand in the topic, or not.
pub(super) fn uncertain(why: &str) -> Problem {
    let message = format!("it is not known whether the test message was written: {why}");
    Problem::new(ErrorCode::TestMessageUncertain, message)
}

fn bytes(payload: Option<TestMessagePayload>) -> Option<Vec<u8>> {
    // A payload without content is an empty one: it is there.
    payload.map(|payload| match payload.content {
        Some(Content::Text(text)) => text.into_bytes(),
        Some(Content::Data(data)) => data,
        None => Vec::new(),
    })
}

fn from_millis(millis: i64) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: millis.div_euclid(1_000),
        // Below a billion by construction, so that the cast loses nothing.
        nanos: (millis.rem_euclid(1_000) * 1_000_000) as i32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_before_1970_have_positive_nanos() {
        assert_eq!(from_millis(-1), prost_types::Timestamp { seconds: -1, nanos: 999_000_000 });
        let later = prost_types::Timestamp { seconds: 1_603_779_578, nanos: 478_000_000 };
        assert_eq!(from_millis(1_603_779_578_478), later);
    }
}
