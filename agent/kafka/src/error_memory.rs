//! Why brokers cannot be talked to.
//!
//! librdkafka reports failed connections and authentications through its error
//! event, while the requests that wait for a connection only time out. The
//! memory keeps the last such cause, so that a timeout can be told from a wrong
//! password.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, ClientContext};

use crate::classify;
use crate::connection_failure::{self, ConnectionFailure};
use crate::native::Failure;
use crate::oauth;

/// For how long librdkafka does not repeat the same error of a broker, and a
/// second for it to arrive.
const SUPPRESSED: Duration = Duration::from_secs(31);

/// librdkafka repeats the same error of a broker at most every 30 s
/// (rd_kafka_broker_set_error), so a cause still holds somewhat longer.
const REMEMBERED: Duration = Duration::from_secs(45);

/// Facility of log lines about connections that failed. Not all of these come
/// as errors too: one that the broker closes for want of SASL does not.
const CONNECTION_FAILED: &str = "FAIL";

/// librdkafka's logs and errors of one client: written to `tracing`, and the
/// last cause of failed connections remembered. Clones share the memory. A
/// context of its own delegates `log` and `error` to it.
#[derive(Debug, Clone, Default)]
pub struct ErrorMemory {
    causes: Arc<Mutex<Causes>>,
    /// The addresses that the client was given, as `host:port`.
    bootstrap: Arc<[String]>,
}

#[derive(Debug, Default)]
struct Causes {
    /// Authentication, TLS, or another protocol.
    refusal: Option<Cause>,
    /// Name resolution or transport, or an answer that is too large.
    network: Option<Cause>,
    oversized: OversizedAnswers,
}

/// Answers of brokers that were larger than what is taken: the connection is given up
/// then, and the same answer comes again on the next one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OversizedAnswers {
    /// How often librdkafka has told of one: the same of a broker every 30 s at most.
    pub told: u64,
    /// Bytes of the last one.
    pub bytes: u64,
}

#[derive(Debug, Clone)]
struct Cause {
    code: ErrorCode,
    words: String,
    /// See [`ConnectionFailure::is_telling`].
    is_telling: bool,
    seen: Instant,
}

impl Cause {
    fn is_fresh(&self) -> bool {
        self.seen.elapsed() < REMEMBERED
    }
}

impl ErrorMemory {
    /// An empty memory of a client with these settings: an address that stands in its
    /// `bootstrap.servers` is told from one that the brokers gave.
    pub fn of(config: &ClientConfig) -> Self {
        let servers = config.get("bootstrap.servers").unwrap_or_default();
        let bootstrap = servers.split(',').map(|server| server.trim().to_owned()).collect();
        Self { causes: Arc::default(), bootstrap }
    }

    /// The problem that an error stands for; where brokers seem unreachable,
    /// with the cause that librdkafka has last reported.
    pub fn problem(&self, context: &str, error: &KafkaError) -> Problem {
        let problem = classify::problem(context, error);
        match self.cause() {
            // librdkafka calls an answer that is too large a bad message.
            Some(Problem { code: ErrorCode::RecordTooLargeToFetch, message })
                if classify::native_code(error) == Some(RDKafkaErrorCode::BadMessage) =>
            {
                Problem::new(ErrorCode::RecordTooLargeToFetch, format!("{context}: {message}"))
            }
            _ => self.explain(context, problem),
        }
    }

    /// Like [`ErrorMemory::problem`], for an error of the C API.
    pub(crate) fn problem_of(&self, context: &str, failure: &Failure) -> Problem {
        let words = classify::advised(failure.code, &failure.words);
        let message = format!("{context}: {words}");
        self.explain(context, Problem::new(classify::error_code(failure.code), message))
    }

    /// Whether a connection may have failed since `moment`: librdkafka does not
    /// repeat the same failure for 30 s.
    pub fn may_have_failed_since(&self, moment: Instant) -> bool {
        let causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        let told = |cause: &Cause| cause.seen + SUPPRESSED >= moment;
        [&causes.refusal, &causes.network].into_iter().flatten().any(told)
    }

    /// Answers so far that were too large.
    pub fn oversized_answers(&self) -> OversizedAnswers {
        self.causes.lock().unwrap_or_else(PoisonError::into_inner).oversized
    }

    /// What keeps the client from its brokers, if something did of late.
    pub fn cause(&self) -> Option<Problem> {
        let causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        // A refusal tells more than the disconnect that follows it.
        [&causes.refusal, &causes.network]
            .into_iter()
            .flatten()
            .find(|cause| cause.is_fresh())
            .map(|cause| Problem::new(cause.code, cause.words.clone()))
    }

    fn explain(&self, context: &str, problem: Problem) -> Problem {
        match self.cause() {
            Some(cause) if problem.code == ErrorCode::KafkaUnreachable => {
                Problem::new(cause.code, format!("{context}: {}", cause.message))
            }
            _ => problem,
        }
    }

    /// Whether it is an answer that is too large: librdkafka's words advise settings that
    /// users do not have, and who waits for the answer finds out what it is about.
    fn remember(&self, native: RDKafkaErrorCode, words: &str) -> bool {
        use RDKafkaErrorCode as Native;
        let code = classify::error_code(native);
        // "All brokers are down" and timeouts have no cause in them.
        let is_network = matches!(native, Native::BrokerTransportFailure | Native::Resolve);
        if !is_network && !classify::is_refusal(code) {
            return false;
        }
        let ConnectionFailure { code, message, is_telling, oversized } =
            connection_failure::read(code, words, &self.bootstrap);
        let cause = Cause { code, words: message, is_telling, seen: Instant::now() };
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = oversized {
            causes.oversized = OversizedAnswers { told: causes.oversized.told + 1, bytes };
        }
        let slot = match classify::is_refusal(code) {
            true => &mut causes.refusal,
            false => &mut causes.network,
        };
        match slot {
            // librdkafka hints at the cause once, and is then only disconnected again.
            Some(told) if told.is_telling && !is_telling && told.is_fresh() => {
                told.seen = cause.seen;
            }
            slot => *slot = Some(cause),
        }
        oversized.is_some()
    }
}

impl ClientContext for ErrorMemory {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    /// librdkafka's errors are our warnings: it tries again by itself, and what
    /// stays wrong is reported by who needs it. Its infos are of interest to
    /// few (idle connections closed, for example).
    fn log(&self, level: RDKafkaLogLevel, fac: &str, log_message: &str) {
        let failed = RDKafkaErrorCode::BrokerTransportFailure;
        if fac == CONNECTION_FAILED && self.remember(failed, log_message) {
            tracing::debug!(target: "librdkafka", facility = fac, "{log_message}");
            return;
        }
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!(target: "librdkafka", facility = fac, "{log_message}");
            }
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
                tracing::warn!(target: "librdkafka", facility = fac, "{log_message}");
            }
            RDKafkaLogLevel::Notice => {
                tracing::info!(target: "librdkafka", facility = fac, "{log_message}");
            }
            RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!(target: "librdkafka", facility = fac, "{log_message}");
            }
        }
    }

    /// Remembered; logged quietly, since `log` gets the same words.
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, "{reason}");
        if let Some(native) = classify::native_code(&error) {
            self.remember(native, reason);
        }
    }

    fn generate_oauth_token(&self, place: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        oauth::token(place)
    }
}

impl ConsumerContext for ErrorMemory {}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeout() -> KafkaError {
        KafkaError::MetadataFetch(RDKafkaErrorCode::OperationTimedOut)
    }

    #[test]
    fn a_timeout_after_a_refused_password_is_an_authentication_failure() {
        let memory = ErrorMemory::default();
        memory.error(
            KafkaError::Global(RDKafkaErrorCode::Authentication),
            "b1: SASL authentication error: Invalid username or password",
        );
        memory.error(KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure), "disconnected");
        memory.error(KafkaError::Global(RDKafkaErrorCode::AllBrokersDown), "1/1 brokers are down");

        let problem = memory.problem("cannot describe topic `t`", &timeout());

        assert_eq!(problem.code, ErrorCode::KafkaAuthenticationFailed);
        assert!(problem.message.contains("Invalid username or password"), "{problem}");
    }

    #[test]
    fn a_timeout_names_the_connection_that_failed() {
        let memory = ErrorMemory::default();
        memory
            .error(KafkaError::Global(RDKafkaErrorCode::Resolve), "cannot resolve `nowhere:9092`");

        let problem = memory.clone().problem("cannot read", &timeout());

        assert_eq!(problem.code, ErrorCode::KafkaUnreachable);
        assert!(problem.message.contains("nowhere:9092"), "{problem}");
    }

    #[test]
    fn a_connection_that_failed_is_remembered_from_the_log_too() {
        let memory = ErrorMemory::default();
        memory.log(
            RDKafkaLogLevel::Info,
            "FAIL",
            "b1:9092/1: Disconnected: might require SASL (after 1ms in state UP)",
        );

        let problem = memory.problem("cannot read", &timeout());

        assert_eq!(problem.code, ErrorCode::KafkaUnreachable);
        assert!(problem.message.contains("asks for a user (SASL)"), "{problem}");
    }

    #[test]
    fn a_hint_at_the_cause_outlives_the_disconnects_that_follow() {
        let memory = ErrorMemory::default();
        let lost = KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure);
        memory.error(lost.clone(), "b1:9092/1: Disconnected (after 2ms in state APIVERSION_QUERY)");
        memory.error(lost, "b1:9092/1: Disconnected (after 0ms in state CONNECT)");

        let problem = memory.problem("cannot read", &timeout());

        assert!(problem.message.contains("speaks TLS"), "{problem}");
    }

    #[test]
    fn answers_that_are_too_large_are_counted_and_explain_what_waits_for_them() {
        let memory = ErrorMemory::default();
        let words = |bytes: u64| {
            format!(
                "b1:9092/1: Receive failed: Invalid response size {bytes} (0..100000000): increase \
                 receive.message.max.bytes (after 90ms in state UP)"
            )
        };
        assert_eq!(memory.oversized_answers(), OversizedAnswers::default());

        for bytes in [110_000_000, 120_000_000] {
            memory.log(RDKafkaLogLevel::Error, "FAIL", &words(bytes));
            // The same once more, by the other way.
            memory.error(KafkaError::Global(RDKafkaErrorCode::BadMessage), &words(bytes));
        }

        let expected = OversizedAnswers { told: 2, bytes: 120_000_000 };
        assert_eq!(memory.oversized_answers(), expected);
        let problem = memory.problem("cannot read", &timeout());
        assert_eq!(problem.code, ErrorCode::RecordTooLargeToFetch, "{problem}");
        let bad = KafkaError::MessageConsumption(RDKafkaErrorCode::BadMessage);
        assert_eq!(memory.problem("cannot read", &bad), problem);
        assert!(!problem.message.contains("receive.message.max.bytes"), "{problem}");
    }

    #[test]
    fn an_error_with_a_cause_of_its_own_keeps_it() {
        let memory = ErrorMemory::default();
        memory.error(KafkaError::Global(RDKafkaErrorCode::Authentication), "refused");
        let error = KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition);

        assert_eq!(memory.problem("it", &error).code, ErrorCode::KafkaTopicNotFound);
    }
}
