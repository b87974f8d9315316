//! From librdkafka's errors to the error catalogue.

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

/// The problem that an error stands for: its code, and "{context}: {words}".
///
/// Without the cause that a timeout hides: where there is an
/// [`ErrorMemory`](crate::ErrorMemory), its `problem` tells more.
pub fn problem(context: &str, error: &KafkaError) -> Problem {
    let code = match (native_code(error), error) {
        (Some(native), _) => error_code(native),
        // librdkafka names the setting in words only: `ssl.ca.pem failed: ..`.
        (None, KafkaError::ClientCreation(words))
            if words.contains("ssl.") || words.contains("Private key check failed") =>
        {
            ErrorCode::KafkaTlsFailed
        }
        (None, _) => ErrorCode::KafkaRequestFailed,
    };
    let words = words(error);
    let message = match native_code(error) {
        Some(native) => advised(native, &words),
        None => words,
    };
    Problem::new(code, format!("{context}: {message}"))
}

/// The words of an error, and behind them what is not in them.
pub(crate) fn advised(native: RDKafkaErrorCode, words: &str) -> String {
    advice(native).map_or_else(|| words.to_owned(), |advice| format!("{words}; {advice}"))
}

/// What an answer of the brokers comes from where its own words do not say it, and the
/// catalogue's remedy is only that the answer is in the message.
fn advice(native: RDKafkaErrorCode) -> Option<&'static str> {
    use RDKafkaErrorCode as Native;
    match native {
        Native::InvalidSessionTimeout => Some(
            "the session timeout has to be between the brokers' group.min.session.timeout.ms and \
             group.max.session.timeout.ms",
        ),
        Native::CoordinatorNotAvailable => Some(
            "the brokers cannot serve their topic __consumer_offsets: look for partitions of it \
             without a leader, and for fewer brokers than offsets.topic.replication.factor",
        ),
        Native::NotEnoughReplicas | Native::NotEnoughReplicasAfterAppend => {
            Some("fewer replicas of the topic are in sync than its min.insync.replicas asks for")
        }
        Native::GroupMaxSizeReached => {
            Some("the group has as many members as the brokers' group.max.size allows")
        }
        _ => None,
    }
}

/// The code of the catalogue for one of librdkafka's or the brokers' codes;
/// `KAFKA_REQUEST_FAILED` where there is none of its own.
pub fn error_code(native: RDKafkaErrorCode) -> ErrorCode {
    use RDKafkaErrorCode as Native;
    match native {
        Native::BrokerTransportFailure
        | Native::AllBrokersDown
        | Native::Resolve
        | Native::OperationTimedOut
        | Native::MessageTimedOut
        | Native::TimedOutQueue
        | Native::WaitingForCoordinator
        | Native::BrokerNotAvailable
        | Native::NetworkException => ErrorCode::KafkaUnreachable,
        Native::SSL => ErrorCode::KafkaTlsFailed,
        Native::Authentication
        | Native::SaslAuthenticationFailed
        | Native::UnsupportedSASLMechanism
        | Native::IllegalSASLState => ErrorCode::KafkaAuthenticationFailed,
        Native::UnknownTopicOrPartition | Native::UnknownTopic | Native::UnknownTopicId => {
            ErrorCode::KafkaTopicNotFound
        }
        // Creation of topics and idempotent writing are rights on the cluster.
        Native::TopicAuthorizationFailed | Native::ClusterAuthorizationFailed => {
            ErrorCode::KafkaTopicAuthorizationFailed
        }
        Native::GroupAuthorizationFailed => ErrorCode::KafkaGroupAuthorizationFailed,
        // A member that has no assignor in common with ours is in the group.
        Native::InconsistentGroupProtocol => ErrorCode::KafkaGroupInUse,
        // Under group.protocol=consumer a second holder of an instance id gets
        // UnreleasedInstanceId.
        Native::FencedInstanceId | Native::Fenced | Native::UnreleasedInstanceId => {
            ErrorCode::KafkaFenced
        }
        // With auto.offset.reset=error librdkafka reports an offset that is out
        // of range as AutoOffsetReset.
        Native::OffsetOutOfRange | Native::AutoOffsetReset => ErrorCode::KafkaOffsetOutOfRange,
        Native::LogTruncation => ErrorCode::KafkaLogTruncated,
        _ => ErrorCode::KafkaRequestFailed,
    }
}

/// Whether no broker can be talked to, so that another request would only wait
/// as long again.
pub fn is_cut_off(code: ErrorCode) -> bool {
    is_refusal(code)
        || matches!(code, ErrorCode::KafkaUnreachable | ErrorCode::KafkaBrokerUnreachable)
}

/// Whether librdkafka goes on by itself after an error of this code, since it connects
/// again.
pub fn is_passing(native: RDKafkaErrorCode) -> bool {
    error_code(native) == ErrorCode::KafkaUnreachable
}

/// Whether a broker answers, and does not let the client in: other secrets or
/// settings may.
pub fn is_refusal(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::KafkaAuthenticationFailed
            | ErrorCode::KafkaSecurityMismatch
            | ErrorCode::KafkaTlsFailed
    )
}

/// librdkafka's or the broker's code behind an error, if there is one.
pub fn native_code(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    match error {
        // rdkafka 0.39 leaves these out of `rdkafka_error_code`.
        KafkaError::AdminOp(native) => Some(*native),
        _ => error.rdkafka_error_code(),
    }
}

fn words(error: &KafkaError) -> String {
    match error {
        // Its own words hold the value, which may be a secret.
        KafkaError::ClientConfig(_, _, setting, _) => {
            format!("librdkafka does not take the value of `{setting}`")
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::types::RDKafkaConfRes;

    #[test]
    fn each_kind_of_error_has_its_code() {
        use RDKafkaErrorCode as Native;
        let cases = [
            (
                KafkaError::MetadataFetch(Native::BrokerTransportFailure),
                ErrorCode::KafkaUnreachable,
            ),
            (KafkaError::Global(Native::AllBrokersDown), ErrorCode::KafkaUnreachable),
            (KafkaError::Global(Native::Resolve), ErrorCode::KafkaUnreachable),
            (KafkaError::AdminOp(Native::OperationTimedOut), ErrorCode::KafkaUnreachable),
            (KafkaError::Global(Native::Authentication), ErrorCode::KafkaAuthenticationFailed),
            (KafkaError::Global(Native::SSL), ErrorCode::KafkaTlsFailed),
            (
                KafkaError::MetadataFetch(Native::UnknownTopicOrPartition),
                ErrorCode::KafkaTopicNotFound,
            ),
            (
                KafkaError::MessageConsumption(Native::TopicAuthorizationFailed),
                ErrorCode::KafkaTopicAuthorizationFailed,
            ),
            (
                KafkaError::ConsumerCommit(Native::GroupAuthorizationFailed),
                ErrorCode::KafkaGroupAuthorizationFailed,
            ),
            (KafkaError::MessageConsumptionFatal(Native::FencedInstanceId), ErrorCode::KafkaFenced),
            (
                KafkaError::MessageConsumption(Native::AutoOffsetReset),
                ErrorCode::KafkaOffsetOutOfRange,
            ),
            (KafkaError::MessageConsumption(Native::LogTruncation), ErrorCode::KafkaLogTruncated),
            (
                KafkaError::ConsumerCommit(Native::OffsetMetadataTooLarge),
                ErrorCode::KafkaRequestFailed,
            ),
            (KafkaError::Canceled, ErrorCode::KafkaRequestFailed),
            (
                KafkaError::ClientCreation("ssl.ca.pem failed: no certificate".into()),
                ErrorCode::KafkaTlsFailed,
            ),
        ];
        for (error, code) in cases {
            assert_eq!(problem("it", &error).code, code, "{error}");
        }
    }

    #[test]
    fn a_message_names_the_context_and_keeps_the_brokers_words() {
        let error = KafkaError::ConsumerCommit(RDKafkaErrorCode::OffsetMetadataTooLarge);

        let problem = problem("cannot commit", &error);

        assert!(problem.message.starts_with("cannot commit: "), "{problem}");
        assert!(problem.message.contains("Offset metadata string too large"), "{problem}");
    }

    #[test]
    fn a_setting_that_is_refused_is_named_without_its_value() {
        let error = KafkaError::ClientConfig(
            RDKafkaConfRes::RD_KAFKA_CONF_INVALID,
            "Invalid value \"hunter2\"".into(),
            "sasl.password".into(),
            "hunter2".into(),
        );

        let problem = problem("cannot connect", &error);

        assert!(problem.message.contains("sasl.password"), "{problem}");
        assert!(!problem.message.contains("hunter2"), "{problem}");
    }
}
