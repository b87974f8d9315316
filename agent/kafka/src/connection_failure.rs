//! What librdkafka's words about a failed connection mean: to whom, what is wrong,
//! which code. Pure.
//!
//! Its words are the only place where it says which address it tried and who named
//! that. They have the form `{name}: {what} (after {n}ms in state {state})`, where the
//! name is `{host:port}/bootstrap` for an address of `bootstrap.servers` and
//! `{host:port}/{broker id}` for one that the brokers gave
//! (librdkafka 2.12.1, `rd_kafka_mk_brokername`).

use kafka2oss_domain::ErrorCode;

/// What is wrong, and in which words a person is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectionFailure {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
    /// The words prove more than that there is no connection, or hint at it.
    pub(crate) is_telling: bool,
    /// Bytes of an answer of the broker's that is larger than what is taken.
    pub(crate) oversized: Option<u64>,
}

/// Whom a connection was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Peer<'a> {
    address: &'a str,
    /// `None` for an address of `bootstrap.servers`.
    broker: Option<i32>,
}

/// Reads librdkafka's words; `code` is what its own code of the error stands for, and
/// `bootstrap` the addresses that the instance names, as `host:port`.
pub(crate) fn read(code: ErrorCode, words: &str, bootstrap: &[String]) -> ConnectionFailure {
    let words = without_thread(words);
    let (peer, rest) = match split_peer(words) {
        Some((peer, rest)) => (Some(peer), rest),
        None => (None, words),
    };
    let (rest, stage) = split_stage(rest);
    let oversized = oversized(rest, stage);
    let meaning = || meaning(rest).or_else(|| closed_by_peer(rest, stage));
    let (code, what, is_telling) = match oversized {
        Some(Oversized { bytes, limit }) => {
            let what = format!("its answer has {bytes} bytes, and at most {limit} are taken");
            // The next connection is made at once: where that fails, this is not why.
            (ErrorCode::RecordTooLargeToFetch, what, false)
        }
        None => match meaning() {
            Some((code, what)) => (code, format!("{what} (librdkafka: {rest})"), true),
            None => (code, rest.to_owned(), false),
        },
    };
    let oversized = oversized.map(|answer| answer.bytes);
    let Some(Peer { address, broker }) = peer else {
        return ConnectionFailure { code, message: what, is_telling, oversized };
    };
    let is_ours = bootstrap.iter().any(|own| own.eq_ignore_ascii_case(address));
    let (code, who) = match broker {
        None => (code, format!("bootstrap server `{address}`")),
        Some(id) if is_ours => (code, format!("broker {id} at `{address}`")),
        Some(id) => {
            let code = match code {
                // Of one whose own servers are not known, every address may be theirs.
                ErrorCode::KafkaUnreachable if !bootstrap.is_empty() => {
                    ErrorCode::KafkaBrokerUnreachable
                }
                code => code,
            };
            (code, format!("broker {id} at `{address}`, an address that the brokers gave"))
        }
    };
    ConnectionFailure { code, message: format!("{who}: {what}"), is_telling, oversized }
}

/// A log line begins with the thread's name, in brackets.
fn without_thread(words: &str) -> &str {
    match words.strip_prefix("[thrd:").and_then(|rest| rest.split_once("]: ")) {
        Some((_, rest)) => rest,
        None => words,
    }
}

/// How far a connection had come when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The broker's first answer was waited for.
    FirstAnswer,
    /// It had been made just now.
    JustMade,
    /// Requests were answered.
    Up,
    Other,
}

/// What is older than this was not refused for how it began (librdkafka's own limit).
const JUST_MADE_MS: u64 = 2_000;

/// The words, and the stage that stands behind them: ` (after 3ms in state UP)`.
fn split_stage(words: &str) -> (&str, Stage) {
    let Some((words, stage)) = words.split_once(" (after ") else { return (words, Stage::Other) };
    let Some((after, state)) = stage.split_once("ms in state ") else {
        return (words, Stage::Other);
    };
    let is_recent = after.parse().is_ok_and(|after: u64| after < JUST_MADE_MS);
    let stage = match state.split(|character: char| !character.is_ascii_uppercase()).next() {
        Some("APIVERSION") => Stage::FirstAnswer,
        Some("UP") if is_recent => Stage::JustMade,
        Some("UP") => Stage::Up,
        _ => Stage::Other,
    };
    (words, stage)
}

fn split_peer(words: &str) -> Option<(Peer<'_>, &str)> {
    let (name, rest) = words.split_once(": ")?;
    // A coordinator's connection has a name that is no address, and says which it is.
    if matches!(name, "GroupCoordinator" | "TxnCoordinator") {
        let (address, rest) = rest.split_once(": ")?;
        is_address(address).then_some(())?;
        return Some((Peer { address, broker: None }, rest));
    }
    let (address, id) = name.rsplit_once('/')?;
    let address = address.rsplit_once("//").map_or(address, |(_, address)| address);
    is_address(address).then_some(())?;
    let broker = match id {
        "bootstrap" => None,
        id => Some(id.parse().ok()?),
    };
    Some((Peer { address, broker }, rest))
}

fn is_address(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

/// What certain words prove, and how to say so.
fn meaning(words: &str) -> Option<(ErrorCode, &'static str)> {
    use ErrorCode::{KafkaSecurityMismatch, KafkaTlsFailed, KafkaUnreachable};
    let says = |part: &str| words.contains(part);
    if let Some(size) = response_size(words) {
        return match size.to_be_bytes() {
            // A TLS record: an alert or a handshake, of version 3.x.
            [0x15 | 0x16, 0x03, _, _] => {
                Some((KafkaSecurityMismatch, "it speaks TLS, and the instance's protocol does not"))
            }
            [b'H', b'T', b'T', b'P'] => {
                Some((KafkaSecurityMismatch, "it speaks HTTP: no Kafka broker listens there"))
            }
            _ => None,
        };
    }
    let handshake = says("SSL handshake failed");
    if handshake && (says("wrong version number") || says("packet length too long")) {
        return Some((
            KafkaSecurityMismatch,
            "it does not speak TLS, and the instance's protocol does",
        ));
    }
    if says("certificate verify failed") || says("Failed to verify broker certificate") {
        return Some((KafkaTlsFailed, "its certificate is not trusted"));
    }
    // With TLS 1.3 the refusal comes after the handshake.
    if REFUSED_CERTIFICATE.iter().any(|alert| says(alert)) {
        let what = "it refuses this client's certificate, which has expired or is of an authority \
                    that it does not trust";
        return Some((KafkaTlsFailed, what));
    }
    if NO_CERTIFICATE.iter().any(|alert| says(alert)) || (handshake && says("might be required")) {
        let what = "it asks for a client's certificate, and was shown none, or one that it does \
                    not accept";
        return Some((KafkaTlsFailed, what));
    }
    if says("connecting to a PLAINTEXT broker listener?") {
        let what = "the connection ended in the TLS handshake: the broker is starting or \
                    stopping, or this listener does not speak TLS";
        return Some((KafkaUnreachable, what));
    }
    if says("Request not valid in current SASL state") {
        let what = "this listener asks for no user (SASL), and the instance's protocol does";
        return Some((KafkaSecurityMismatch, what));
    }
    if says("Failed to resolve") {
        return Some((KafkaUnreachable, "the agent's host does not know the name"));
    }
    None
}

/// TLS's alerts by which a broker refuses the certificate that it was shown, in OpenSSL's
/// words. Java says of one that has expired that it is unknown.
const REFUSED_CERTIFICATE: [&str; 5] = [
    "alert certificate expired",
    "alert certificate unknown",
    "alert unknown ca",
    "alert unsupported certificate",
    "alert certificate revoked",
];

/// The same where it was shown none. Java says of none that it is a bad one.
const NO_CERTIFICATE: [&str; 2] = ["alert certificate required", "alert bad certificate"];

/// What it may mean that a broker closes the connection: it stops, or does not like what
/// it was sent. librdkafka (2.12.1) means to hint at this, and does so only where its own
/// text of the error is not made up (`rd_kafka_transport_error_disconnected`).
fn closed_by_peer(words: &str, stage: Stage) -> Option<(ErrorCode, &'static str)> {
    if !words.starts_with("Disconnected") {
        return None;
    }
    let what = match stage {
        Stage::FirstAnswer => {
            "the connection ended before an answer: the broker is starting or stopping, or this \
             listener speaks TLS"
        }
        Stage::JustMade => {
            "the connection was closed right after it was made: the broker is stopping, or this \
             listener asks for a user (SASL)"
        }
        Stage::Up | Stage::Other => return None,
    };
    Some((ErrorCode::KafkaUnreachable, what))
}

/// An answer that is larger than `receive.message.max.bytes`.
#[derive(Debug, Clone, Copy)]
struct Oversized {
    bytes: u64,
    limit: u64,
}

/// The answer's size, where it is one: what comes first on a connection may be of another
/// protocol, what comes later is Kafka's.
fn oversized(words: &str, stage: Stage) -> Option<Oversized> {
    if !matches!(stage, Stage::JustMade | Stage::Up) {
        return None;
    }
    let bytes = response_size(words)?.try_into().ok()?;
    let (_, limit) = words.split_once("(0..")?;
    let (limit, _) = limit.split_once(')')?;
    let limit = limit.parse().ok()?;
    (bytes > limit).then_some(Oversized { bytes, limit })
}

/// The first four bytes of an answer, which librdkafka took for its length and found
/// beyond all bounds.
fn response_size(words: &str) -> Option<i32> {
    let (_, rest) = words.split_once("Invalid response size ")?;
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use ErrorCode::{
        KafkaAuthenticationFailed, KafkaBrokerUnreachable, KafkaSecurityMismatch, KafkaTlsFailed,
        KafkaUnreachable, RecordTooLargeToFetch,
    };

    fn told(code: ErrorCode, words: &str) -> ConnectionFailure {
        read(code, words, &["k1:9092".to_owned()])
    }

    #[test]
    fn who_named_the_address_decides_the_code() {
        let refused = "Connect to ipv4#10.0.0.1:9092 failed: Connection refused \
                       (after 0ms in state CONNECT)";
        for (name, code, who) in [
            ("k1:9092/bootstrap", KafkaUnreachable, "bootstrap server `k1:9092`: Connect"),
            ("K1:9092/1", KafkaUnreachable, "broker 1 at `K1:9092`: Connect"),
            (
                "sasl_ssl://inner:9092/2",
                KafkaBrokerUnreachable,
                "broker 2 at `inner:9092`, an address that the brokers gave: Connect",
            ),
        ] {
            for words in [format!("{name}: {refused}"), format!("[thrd:{name}]: {name}: {refused}")]
            {
                let failure = told(KafkaUnreachable, &words);
                assert_eq!(failure.code, code, "{words}");
                assert!(failure.message.starts_with(who), "{}", failure.message);
                assert!(failure.message.ends_with("Connection refused"), "{}", failure.message);
            }
        }
    }

    #[test]
    fn without_known_bootstrap_servers_no_address_is_the_brokers() {
        let words = "inner:9092/2: Connect to ipv4#10.0.0.1:9092 failed: Connection refused";
        assert_eq!(read(KafkaUnreachable, words, &[]).code, KafkaUnreachable);
    }

    #[test]
    fn a_coordinators_connection_is_named_by_its_address() {
        let words = "GroupCoordinator: k1:9092: Connect to ipv4#127.0.0.1:9092 failed: refused";
        let failure = told(KafkaUnreachable, words);
        assert!(failure.message.contains("`k1:9092`"), "{}", failure.message);
    }

    #[test]
    fn words_that_prove_another_cause_get_its_code() {
        for (words, code, what) in [
            (
                "Receive failed: Invalid response size 352518912 (0..100000000): increase \
                 receive.message.max.bytes",
                KafkaSecurityMismatch,
                "it speaks TLS",
            ),
            (
                "Receive failed: Invalid response size 1213486160 (0..100000000): increase \
                 receive.message.max.bytes",
                KafkaSecurityMismatch,
                "it speaks HTTP",
            ),
            (
                "SSL handshake failed: error:0A00010B:SSL routines::wrong version number",
                KafkaSecurityMismatch,
                "does not speak TLS",
            ),
            (
                "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: \
                 broker certificate could not be verified",
                KafkaTlsFailed,
                "not trusted",
            ),
            (
                "SSL handshake failed: error:0A00045C:SSL routines::tlsv13 alert certificate \
                 required",
                KafkaTlsFailed,
                "asks for a client's certificate",
            ),
            (
                "Disconnected: SSL transport error: error:0A000415:SSL routines::ssl/tls alert \
                 certificate expired",
                KafkaTlsFailed,
                "has expired",
            ),
            (
                "Disconnected: SSL transport error: error:0A000416:SSL routines::ssl/tls alert \
                 certificate unknown",
                KafkaTlsFailed,
                "refuses this client's certificate",
            ),
            (
                "Disconnected: connection closed by peer: receive 0 after POLLIN (after 2ms in \
                 state APIVERSION_QUERY)",
                KafkaUnreachable,
                "speaks TLS",
            ),
            (
                "Disconnected: verify that security.protocol is correctly configured, broker \
                 might require SASL authentication (after 3ms in state UP)",
                KafkaUnreachable,
                "asks for a user",
            ),
            ("Failed to resolve 'k1:9092': Name or service not known", KafkaUnreachable, "name"),
        ] {
            let failure = told(KafkaUnreachable, &format!("k1:9092/bootstrap: {words}"));
            assert_eq!(failure.code, code, "{words}");
            assert!(failure.message.contains(what), "{}", failure.message);
        }
    }

    #[test]
    fn an_answer_that_is_too_large_is_told_as_such_once_kafka_is_spoken() {
        let words = |size: i32, stage: &str| {
            format!(
                "k1:9092/1: Receive failed: Invalid response size {size} (0..100000000): increase \
                 receive.message.max.bytes{stage}"
            )
        };
        // The first bytes of TLS, too, are a size that a batch can have.
        for size in [110_000_123, 352_518_912] {
            for stage in [" (after 3ms in state UP)", " (after 9000ms in state UP, 2 identical)"] {
                let failure = told(KafkaUnreachable, &words(size, stage));
                assert_eq!(failure.code, RecordTooLargeToFetch, "{failure:?}");
                assert_eq!(failure.oversized, u64::try_from(size).ok());
                let expected = format!(
                    "broker 1 at `k1:9092`: its answer has {size} bytes, and at most 100000000 are \
                     taken"
                );
                assert_eq!(failure.message, expected);
            }
        }
        for (size, stage, code) in [
            (110_000_123, "", KafkaUnreachable),
            (110_000_123, " (after 3ms in state APIVERSION_QUERY)", KafkaUnreachable),
            (352_518_912, " (after 3ms in state APIVERSION_QUERY)", KafkaSecurityMismatch),
            (-1, " (after 3ms in state UP)", KafkaUnreachable),
        ] {
            let failure = told(KafkaUnreachable, &words(size, stage));
            assert_eq!((failure.code, failure.oversized), (code, None), "{size}{stage}");
        }
    }

    #[test]
    fn a_connection_that_was_up_for_long_is_not_taken_for_refused() {
        let words = "k1:9092/1: Disconnected (after 72000ms in state UP)";
        let failure = told(KafkaUnreachable, words);
        assert_eq!((failure.is_telling, failure.code), (false, KafkaUnreachable));
        assert_eq!(failure.message, "broker 1 at `k1:9092`: Disconnected");
    }

    #[test]
    fn other_words_stay_with_their_code() {
        let words = "SASL authentication error: Invalid username or password";
        let failure =
            told(KafkaAuthenticationFailed, &format!("sasl_ssl://k1:9092/bootstrap: {words}"));
        assert_eq!(failure.code, KafkaAuthenticationFailed);
        assert_eq!(failure.message, format!("bootstrap server `k1:9092`: {words}"));
    }

    proptest! {
        #[test]
        fn any_words_are_read_without_a_panic(words: String) {
            let _ = told(KafkaUnreachable, &words);
        }
    }
}
