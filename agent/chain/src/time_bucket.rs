//! Folders by the time of records.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kafka2oss_domain::spec::{TimeBucketLength, TimeBucketStyle};

/// Name of the folder of records whose timestamp is none, or out of the range
/// of years 1 to 9999.
pub(crate) const INVALID: &str = "invalid/";

/// A bucket of time; later ones are greater. Records without a legal time are
/// in the least one, so that they never close an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeBucket(Option<[i16; 5]>);

impl TimeBucket {
    /// The bucket of a record's timestamp, in milliseconds since 1970.
    pub(crate) fn of(timestamp: i64, length: TimeBucketLength, zone: &TimeZone) -> Self {
        let Ok(time) = Timestamp::from_millisecond(timestamp) else { return Self(None) };
        let time = time.to_zoned(zone.clone());
        if timestamp < 0 || !(1..=9_999).contains(&time.year()) {
            return Self(None);
        }
        let (hour, minute) = (i16::from(time.hour()), i16::from(time.minute()));
        let (hour, minute) = match length {
            TimeBucketLength::Day => (-1, -1),
            TimeBucketLength::Hour => (hour, -1),
            TimeBucketLength::Minute => (hour, minute),
        };
        let (month, day) = (i16::from(time.month()), i16::from(time.day()));
        Self(Some([time.year(), month, day, hour, minute]))
    }

    /// Appends the folder's name, with a slash at its end.
    pub(crate) fn write(self, key: &mut String, style: TimeBucketStyle) {
        let Some(parts) = self.0 else { return key.push_str(INVALID) };
        let names = ["year", "month", "day", "hour", "minute"];
        for (part, name) in parts.into_iter().zip(names).filter(|(part, _)| *part >= 0) {
            let width = if name == "year" { 4 } else { 2 };
            let written = match style {
                TimeBucketStyle::Hive => write!(key, "{name}={part:0width$}/"),
                TimeBucketStyle::Plain => write!(key, "{part:0width$}/"),
            };
            written.expect("a string is written to memory");
        }
    }
}
