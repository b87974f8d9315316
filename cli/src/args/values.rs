//! Values of options: durations, sizes, labels.

use std::time::Duration;

use jiff::SignedDuration;

/// Partitions of a topic that is made without a number of them.
const DEFAULT_PARTITIONS: u32 = 6;

/// `2s`, `100ms`, `1m 30s`; a bare number is seconds.
pub(crate) fn duration(given: &str) -> Result<Duration, String> {
    let refused = || format!("`{given}` is no duration such as 500ms, 2s, 1m or 24h");
    if let Ok(seconds) = given.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let parsed: SignedDuration = given.parse().map_err(|_| refused())?;
    Duration::try_from(parsed).map_err(|_| refused())
}

/// Bytes: `32MiB`, `1MB`, `64k`, or a bare number.
pub(crate) fn size(given: &str) -> Result<u64, String> {
    let refused = || format!("`{given}` is no size such as 1048576, 64KiB, 32MiB or 1GB");
    let digits = given.len() - given.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = given.split_at(digits);
    let number: u64 = number.parse().map_err(|_| refused())?;
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err(refused()),
    };
    number.checked_mul(factor).ok_or_else(refused)
}

/// `key=value`.
pub(crate) fn label(given: &str) -> Result<(String, String), String> {
    match given.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(format!("`{given}` is not of the form KEY=VALUE")),
    }
}

/// `name` or `name:partitions`; a topic's name has no colon.
pub(crate) fn topic(given: &str) -> Result<(String, u32), String> {
    match given.split_once(':') {
        None => Ok((given.to_owned(), DEFAULT_PARTITIONS)),
        Some((name, partitions)) => partitions
            .parse()
            .map(|partitions| (name.to_owned(), partitions))
            .map_err(|_| format!("`{given}` is not of the form NAME[:PARTITIONS]")),
    }
}

/// `2026-01-31T23:00:00Z`, or with an offset from UTC.
pub(crate) fn timestamp(given: &str) -> Result<jiff::Timestamp, String> {
    given.parse().map_err(|_| {
        format!("`{given}` is no time such as 2026-01-31T23:00:00Z or 2026-02-01T07:00:00+08:00")
    })
}

/// A time as [`timestamp`] reads it, or how long ago as [`duration`] does.
pub(crate) fn since(given: &str) -> Result<jiff::Timestamp, String> {
    let Ok(ago) = duration(given) else {
        return timestamp(given)
            .map_err(|refused| format!("{refused}, and no time ago such as 10m"));
    };
    let ago = SignedDuration::try_from(ago);
    let then = ago.ok().and_then(|ago| jiff::Timestamp::now().checked_sub(ago).ok());
    then.ok_or_else(|| format!("`{given}` ago is before all times"))
}

/// `partition=offset`.
pub(crate) fn partition_offset(given: &str) -> Result<(i32, i64), String> {
    given
        .split_once('=')
        .and_then(|(partition, offset)| Some((partition.parse().ok()?, offset.parse().ok()?)))
        .ok_or_else(|| format!("`{given}` is not of the form PARTITION=OFFSET"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_units_and_as_seconds() {
        for (given, millis) in
            [("2s", 2_000), ("100ms", 100), ("1m 30s", 90_000), ("24h", 86_400_000), ("7", 7_000)]
        {
            assert_eq!(duration(given), Ok(Duration::from_millis(millis)), "{given}");
        }
        for given in ["", "-1s", "2 parsecs", "s"] {
            assert!(duration(given).is_err(), "{given}");
        }
    }

    #[test]
    fn sizes_are_read_in_binary_and_decimal_units() {
        for (given, bytes) in
            [("5", 5), ("64k", 65_536), ("32MiB", 33_554_432), ("1 MB", 1_000_000), ("1g", 1 << 30)]
        {
            assert_eq!(size(given), Ok(bytes), "{given}");
        }
        for given in ["", "MiB", "-1", "1.5MiB", "99999999999g", "3 apples"] {
            assert!(size(given).is_err(), "{given}");
        }
    }

    #[test]
    fn a_topic_has_six_partitions_unless_said_otherwise() {
        assert_eq!(topic("a"), Ok(("a".to_owned(), 6)));
        assert_eq!(topic("a:12"), Ok(("a".to_owned(), 12)));
        assert!(topic("a:b").is_err());
    }

    #[test]
    fn a_label_has_a_key_and_a_value() {
        assert_eq!(label("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(label("a").is_err());
    }

    #[test]
    fn a_time_says_its_offset_from_utc() {
        let utc = timestamp("2026-01-31T23:00:00Z");
        assert!(utc.is_ok() && utc == timestamp("2026-02-01T07:00:00+08:00"));
        for given in ["", "2026-01-31", "2026-01-31T23:00:00", "yesterday"] {
            assert!(timestamp(given).is_err(), "{given}");
        }
    }

    #[test]
    fn since_is_a_time_or_how_long_ago() {
        assert_eq!(since("2026-01-31T23:00:00Z"), timestamp("2026-01-31T23:00:00Z"));
        let ago = since("10m").expect("a time");
        let passed = jiff::Timestamp::now().duration_since(ago).as_secs();
        assert!((600..660).contains(&passed), "{passed}");
        for given in ["", "yesterday", "99999999999999d"] {
            assert!(since(given).is_err(), "{given}");
        }
    }

    #[test]
    fn an_offset_is_of_a_partition() {
        assert_eq!(partition_offset("3=17"), Ok((3, 17)));
        for given in ["", "3", "=17", "3=", "3=a", "3=1=7"] {
            assert!(partition_offset(given).is_err(), "{given}");
        }
    }
}
