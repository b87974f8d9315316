//! Values as people read them.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kafka2oss_proto::v1;
use prost_types::Timestamp;

/// What stands where nothing is known.
pub(crate) const NONE: &str = "-";

/// The text, or `-` where it is empty.
pub(crate) fn or_none(text: &str) -> String {
    if text.is_empty() { NONE.to_owned() } else { text.to_owned() }
}

/// The value, or `-` where there is none.
pub(crate) fn optional<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| value.to_string())
}

/// `team=blue,tier=1`.
pub(crate) fn labels(labels: &BTreeMap<String, String>) -> String {
    let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    or_none(&labels.join(","))
}

/// `1,234,567`.
pub(crate) fn count(number: impl Into<i128>) -> String {
    let number = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut text = if number < 0 { "-".to_owned() } else { String::new() };
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 record`, `1,000 records`.
pub(crate) fn plural(number: impl Into<i128>, noun: &str) -> String {
    let number = number.into();
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `999 B`, `1.5 KiB`, `32 MiB`.
pub(crate) fn bytes(number: impl Into<i128>) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let number = number.into();
    if number < 1024 {
        return format!("{number} B");
    }
    let mut value = number as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let text = format!("{value:.1}");
    format!("{} {}", text.strip_suffix(".0").unwrap_or(&text), UNITS[unit])
}

/// `1,200 records/s, 1.5 MiB/s`.
pub(crate) fn rate(records: f64, bytes: f64) -> String {
    format!("{} records/s, {}/s", a_second(records), self::bytes(bytes.round() as i64))
}

/// `1,200`; `1.2`, where there are few.
pub(crate) fn a_second(number: f64) -> String {
    if number < 9.95 { format!("{number:.1}") } else { count(number.round() as i64) }
}

/// `2025-03-01T10:00:00Z`, in UTC.
pub(crate) fn time(time: Option<&Timestamp>) -> String {
    instant(time).map_or_else(|| NONE.to_owned(), |instant| format!("{instant:.0}"))
}

/// With milliseconds: `2025-03-01T10:00:00.123Z`.
pub(crate) fn time_millis(time: Option<&Timestamp>) -> String {
    instant(time).map_or_else(|| NONE.to_owned(), |instant| format!("{instant:.3}"))
}

fn instant(time: Option<&Timestamp>) -> Option<jiff::Timestamp> {
    let time = time?;
    jiff::Timestamp::new(time.seconds, time.nanos).ok()
}

/// How long ago: `5s`, `3m`, `2h`, `9d`.
pub(crate) fn age(time: Option<&Timestamp>) -> String {
    age_at(time, SystemTime::now())
}

fn age_at(time: Option<&Timestamp>, now: SystemTime) -> String {
    let Some(time) = time else { return NONE.to_owned() };
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seconds = now.saturating_sub(u64::try_from(time.seconds).unwrap_or(0));
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// `60s`, `1.5s`.
pub(crate) fn duration(duration: Option<&prost_types::Duration>) -> String {
    match duration.map(|duration| Duration::try_from(*duration)) {
        Some(Ok(duration)) => format!("{}s", duration.as_secs_f64()),
        Some(Err(_)) | None => NONE.to_owned(),
    }
}

/// Bytes that may be text, quoted, at most `limit` characters of them.
pub(crate) fn preview(bytes: &[u8], limit: usize) -> String {
    let text: String = bytes.escape_ascii().take(limit + 1).map(char::from).collect();
    if text.len() > limit { format!("{}...", &text[..limit]) } else { text }
}

macro_rules! enum_texts {
    ($($(#[$doc:meta])* $function:ident: $type:ident without $prefix:literal;)*) => {
        $(
            $(#[$doc])*
            pub(crate) fn $function(value: i32) -> String {
                match v1::$type::try_from(value) {
                    Ok(value) => value.as_str_name().replacen($prefix, "", 1),
                    // From a newer control plane.
                    Err(_) => value.to_string(),
                }
            }
        )*

        /// What a watch says of something that is to be dropped.
pub(super) fn dropped(reason: v1::DropReason) -> &'static str {
    match reason {
        v1::DropReason::Filtered => "LEFT",
        v1::DropReason::Unspecified | v1::DropReason::Deleted => "GONE",
    }
}

#[cfg(test)]
        fn check_prefixes() {
            $(assert_eq!($function(0), "UNSPECIFIED");)*
        }
    };
}

enum_texts! {
    addressing_style: AddressingStyle without "ADDRESSING_STYLE_";
    agent_drain_state: AgentDrainState without "AGENT_DRAIN_STATE_";
    agent_state: AgentState without "AGENT_STATE_";
    compression: Compression without "COMPRESSION_";
    condition_status: ConditionStatus without "CONDITION_STATUS_";
    connector_state: ConnectorState without "CONNECTOR_STATE_";
    consumer_offset: ConsumerOffset without "CONSUMER_OFFSET_";
    delivery_guarantee: DeliveryGuarantee without "DELIVERY_GUARANTEE_";
    desired_state: DesiredState without "DESIRED_STATE_";
    failure_policy: FailureHandlingPolicy without "FAILURE_HANDLING_POLICY_";
    log_severity: LogSeverity without "LOG_SEVERITY_";
    output_format: OutputFormat without "OUTPUT_FORMAT_";
    overflow_policy: OverflowPolicy without "OVERFLOW_POLICY_";
    partition_state: PartitionState without "PARTITION_STATE_";
    resource_creation: ResourceCreation without "RESOURCE_CREATION_";
    resource_role: ResourceRole without "RESOURCE_ROLE_";
    sasl_mechanism: SaslMechanism without "SASL_MECHANISM_";
    security_protocol: SecurityProtocol without "SECURITY_PROTOCOL_";
    start_origin: StartOrigin without "START_ORIGIN_";
    storage_engine: StorageEngine without "STORAGE_ENGINE_";
    store_type: StoreType without "STORE_TYPE_";
    task_state: TaskState without "TASK_STATE_";
    text_encoding: TextEncoding without "TEXT_ENCODING_";
    time_bucket_length: TimeBucketLength without "TIME_BUCKET_LENGTH_";
    time_bucket_style: TimeBucketStyle without "TIME_BUCKET_STYLE_";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")]
        {
            assert_eq!(count(number), text);
        }
        assert_eq!(plural(1, "object"), "1 object");
        assert_eq!(plural(2_000, "object"), "2,000 objects");
    }

    #[test]
    fn sizes_have_the_unit_that_keeps_them_short() {
        for (number, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1 KiB"),
            (1_536, "1.5 KiB"),
            (1_048_575, "1 MiB"),
            (33_554_432, "32 MiB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn rates_have_a_digit_more_where_they_are_low() {
        assert_eq!(rate(0.0, 0.0), "0.0 records/s, 0 B/s");
        assert_eq!(rate(9.94, 1_023.6), "9.9 records/s, 1 KiB/s");
        assert_eq!(rate(1_234.5, 1_572_864.0), "1,235 records/s, 1.5 MiB/s");
        assert!(!rate(f64::MAX, f64::INFINITY).is_empty());
    }

    #[test]
    fn times_are_utc_and_absent_ones_a_dash() {
        let at = Timestamp { seconds: 1_603_779_578, nanos: 478_000_000 };
        assert_eq!(time(Some(&at)), "2020-10-27T06:19:38Z");
        assert_eq!(time_millis(Some(&at)), "2020-10-27T06:19:38.478Z");
        assert_eq!(time(None), "-");
    }

    #[test]
    fn an_age_has_one_unit() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        for (before, text) in [(5, "5s"), (130, "2m"), (7_300, "2h"), (200_000, "2d"), (-9, "0s")] {
            let at = Timestamp { seconds: 1_000_000 - before, nanos: 0 };
            assert_eq!(age_at(Some(&at), now), text);
        }
    }

    #[test]
    fn durations_are_in_seconds() {
        let half = prost_types::Duration { seconds: 1, nanos: 500_000_000 };
        assert_eq!(duration(Some(&half)), "1.5s");
        assert_eq!(duration(None), "-");
    }

    #[test]
    fn every_enum_loses_its_prefix() {
        check_prefixes();
        assert_eq!(connector_state(99), "99");
    }

    #[test]
    fn a_preview_shows_any_bytes_in_one_line() {
        assert_eq!(preview(b"a\nb\xff", 20), "a\\nb\\xff");
        assert_eq!(preview(b"abcdef", 3), "abc...");
    }
}
