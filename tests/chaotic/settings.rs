//! What may be said about a run, by environment variables: `tests/chaos` sets
//! them.

use std::env;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use kafka2oss_proto::v1::DeliveryGuarantee;

const SECONDS: &str = "KAFKA2OSS_TEST_CHAOS_SECONDS";
const CYCLES: &str = "KAFKA2OSS_TEST_CHAOS_CYCLES";
const SEED: &str = "KAFKA2OSS_TEST_CHAOS_SEED";
const STORE: &str = "KAFKA2OSS_TEST_CHAOS_STORE";
const ECHO: &str = "KAFKA2OSS_TEST_CHAOS_ECHO";

/// One whose first half minute has nearly every kind of disturbance.
const DEFAULT_SEED: u64 = 6_091;
const DEFAULT_TIME: Duration = Duration::from_secs(72);

/// The store of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreKind {
    /// The OSS emulator.
    Oss,
    /// The same with versioning, so that it overwrites.
    OssVersioned,
    /// MinIO.
    Minio,
}

impl StoreKind {
    /// What may be guaranteed on it.
    pub(crate) fn guarantee(self) -> DeliveryGuarantee {
        match self {
            Self::Oss | Self::Minio => DeliveryGuarantee::ExactlyOnce,
            Self::OssVersioned => DeliveryGuarantee::AtLeastOnce,
        }
    }
}

/// How long disturbances go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// So many cycles.
    Cycles(u64),
    /// The cycles that start in this time, at least one.
    Time(Duration),
}

/// What may be said about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) seed: u64,
    pub(crate) extent: Extent,
    /// One after the other, each with its share of the extent.
    pub(crate) stores: Vec<StoreKind>,
    /// Whether what happens is printed as it does.
    pub(crate) echoes: bool,
}

impl Settings {
    pub(crate) fn from_environment() -> Result<Self> {
        let extent = match (number(CYCLES)?, number(SECONDS)?) {
            (Some(_), Some(_)) => bail!("{CYCLES} and {SECONDS} exclude each other"),
            (Some(0), None) => bail!("{CYCLES} must be 1 or more"),
            (Some(cycles), None) => Extent::Cycles(cycles),
            (None, seconds) => Extent::Time(seconds.map_or(DEFAULT_TIME, Duration::from_secs)),
        };
        let stores = match env::var(STORE).as_deref() {
            Err(_) => vec![StoreKind::Oss, StoreKind::Minio, StoreKind::OssVersioned],
            Ok("oss") => vec![StoreKind::Oss],
            Ok("oss-versioned") => vec![StoreKind::OssVersioned],
            Ok("minio") => vec![StoreKind::Minio],
            Ok(other) => bail!("{STORE} is {other:?}, not oss, minio or oss-versioned"),
        };
        let echoes = env::var_os(ECHO).is_some();
        Ok(Self { seed: number(SEED)?.unwrap_or(DEFAULT_SEED), extent, stores, echoes })
    }
}

impl Extent {
    /// The part of store `index` of `count`.
    pub(crate) fn share(self, index: usize, count: usize) -> Self {
        let (index, count) = (index as u64, count as u64);
        match self {
            // The first ones take what is left over.
            Self::Cycles(cycles) => {
                Self::Cycles(cycles / count + u64::from(index < cycles % count))
            }
            Self::Time(time) => {
                Self::Time(time / u32::try_from(count).expect("there are three stores"))
            }
        }
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Oss => "oss",
            Self::OssVersioned => "oss-versioned",
            Self::Minio => "minio",
        })
    }
}

fn number<T: FromStr<Err: fmt::Display>>(variable: &str) -> Result<Option<T>> {
    let Ok(value) = env::var(variable) else { return Ok(None) };
    let parsed = value.parse().map_err(|error| anyhow!("{variable} is {value:?}: {error}"))?;
    Ok(Some(parsed))
}

#[cfg(test)]
mod tests {
    use super::Extent;

    #[test]
    fn shares_add_up() {
        let shares: Vec<_> = (0..2).map(|index| Extent::Cycles(5).share(index, 2)).collect();
        assert_eq!(shares, [Extent::Cycles(3), Extent::Cycles(2)]);
    }
}
