//! What an error on a partition's queue means for the partition.

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_kafka::Right;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Native;

/// What an error on a partition's queue means for the partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SourceError {
    /// librdkafka tries again by itself.
    Passing(Problem),
    /// The offset to be read is outside of the partition's log: with
    /// `auto.offset.reset=error` librdkafka fetches nothing more.
    OutOfRange,
    /// Going on could skip records.
    Stop(Problem),
    /// The consumer is of no more use.
    Broken(Problem),
}

/// Codes from here on are the brokers', those below librdkafka's own
/// (`rd_kafka_resp_err_t`).
const FIRST_BROKER_CODE: i32 = -1;

/// Sorts an error. After a broker's answer librdkafka fetches again from the
/// same offset. An error of its own that is not known to pass stops the
/// partition, since it goes on behind, for example, a batch that it cannot
/// decode.
pub(super) fn classify(topic: &str, error: &KafkaError) -> SourceError {
    let problem = kafka2oss_kafka::classify::problem("cannot read the partition", error);
    let problem = Right::on_topic("READ", topic).named_in(problem);
    let native = match error {
        KafkaError::MessageConsumptionFatal(_) => return SourceError::Broken(problem),
        KafkaError::MessageConsumption(native) => *native,
        _ => return SourceError::Stop(problem),
    };
    match native {
        Native::AutoOffsetReset | Native::OffsetOutOfRange => SourceError::OutOfRange,
        Native::LogTruncation => {
            SourceError::Stop(Problem::new(ErrorCode::KafkaLogTruncated, problem.message))
        }
        Native::BrokerTransportFailure
        | Native::AllBrokersDown
        | Native::OperationTimedOut
        | Native::Resolve
        | Native::UnknownTopic
        | Native::UnknownPartition => SourceError::Passing(problem),
        native if native as i32 >= FIRST_BROKER_CODE => SourceError::Passing(problem),
        _ => SourceError::Stop(problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_cannot_be_decoded_stops_the_partition() {
        for native in [Native::BadMessage, Native::BadCompression, Native::NotImplemented] {
            let sorted = classify("t", &KafkaError::MessageConsumption(native));
            assert!(matches!(sorted, SourceError::Stop(_)), "{native:?}: {sorted:?}");
        }
    }

    #[test]
    fn an_unreachable_broker_is_waited_for() {
        let sorted = classify("t", &KafkaError::MessageConsumption(Native::BrokerTransportFailure));
        assert!(matches!(sorted, SourceError::Passing(_)), "{sorted:?}");
    }

    #[test]
    fn a_brokers_answer_is_waited_out() {
        for native in [Native::Unknown, Native::NotLeaderForPartition, Native::RequestTimedOut] {
            let sorted = classify("t", &KafkaError::MessageConsumption(native));
            assert!(matches!(sorted, SourceError::Passing(_)), "{native:?}: {sorted:?}");
        }
    }

    #[test]
    fn a_fenced_consumer_is_given_up() {
        let sorted = classify("t", &KafkaError::MessageConsumptionFatal(Native::FencedInstanceId));
        assert!(matches!(sorted, SourceError::Broken(_)), "{sorted:?}");
    }
}
