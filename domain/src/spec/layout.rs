//! Where objects stand in the bucket.

/// Where objects stand in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// In front of every key, as it is.
    pub prefix: String,
    /// Folders by the time of records, if any.
    pub time_buckets: Option<TimeBuckets>,
    /// Whether a hash stands in front of every key.
    pub hash_prefix: bool,
}

/// Folders by the time of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeBuckets {
    /// How they are named.
    pub style: TimeBucketStyle,
    /// How long one is.
    pub length: TimeBucketLength,
    /// The zone of its hours and days: a name of the IANA database that this
    /// build knows.
    pub time_zone: String,
}

/// How folders of time are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeBucketStyle {
    /// `year=2026/month=01/day=31/hour=23/`.
    Hive,
    /// `2026/01/31/23/`.
    Plain,
}

/// How long a folder of time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeBucketLength {
    /// A day.
    Day,
    /// An hour.
    Hour,
    /// A minute.
    Minute,
}
