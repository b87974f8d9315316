//! Whether the store is whole: what is in its folder beside what should be (pure).

use std::collections::BTreeMap;
use std::fmt;

use prost_types::Timestamp;

use super::contents::Contents;
use super::last_batch::Last;
use super::marker::Marker;

/// What sled's files hold.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one, at the start")]
pub(super) enum Found {
    /// There are none.
    Nothing,
    /// There are some, and not the log.
    NoLog,
    /// sled cannot read them.
    Unreadable(String),
    /// These records.
    Records {
        /// All of them, but for the marker.
        contents: Contents,
        /// That of the last batch, if it can be read.
        marker: Option<Marker>,
        /// Whether the record is among them that names the store.
        is_named: bool,
    },
}

/// A store that has lost nothing.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Whole {
    /// It is to be made.
    New,
    /// It was written by a version whose batches had no marker.
    Unmarked,
    /// It is as this marker says.
    As(Marker),
}

/// What a store has lost.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    /// The last batches.
    Batches { there: Marker, last: Marker },
    /// It has gone another way since a batch before these, as after a restore of a part.
    OtherBatches { there: Marker, last: Marker },
    /// Records, or later values of some, within the batches that are there.
    Records { expected: Marker },
    /// Every batch.
    Everything { last: Marker },
    /// sled's log.
    Log,
    /// The record that names it.
    Name,
    /// The file `last-batch`.
    LastBatch,
    /// What that says.
    LastBatchContent,
    /// `last-batch` is another store's.
    Foreign,
    /// sled's files are damaged.
    Unreadable(String),
}

/// Says whether a store is whole, and what it has lost if not.
#[expect(clippy::result_large_err, reason = "it is called once, at the start")]
pub(super) fn judge(last: &Last, found: &Found) -> Result<Whole, What> {
    let last = match last {
        Last::Damaged => return Err(What::LastBatchContent),
        Last::Absent => None,
        Last::Known(marker) => Some(marker),
    };
    // It is made, with number 0, before anything else of a store is.
    let being_made = last.is_some_and(|last| last.number == 0);
    match (last, found) {
        (_, Found::Unreadable(reason)) => Err(What::Unreadable(reason.clone())),
        (None, Found::Nothing) => Ok(Whole::New),
        (Some(_), Found::Nothing | Found::NoLog) if being_made => Ok(Whole::New),
        (None, Found::NoLog) => Err(What::Log),
        (Some(last), Found::Nothing | Found::NoLog) => Err(What::Everything { last: last.clone() }),
        (None, Found::Records { marker: Some(_), .. }) => Err(What::LastBatch),
        (_, Found::Records { contents, marker: None, is_named }) => match last {
            Some(last) if !being_made => Err(What::Everything { last: last.clone() }),
            Some(_) if contents.is_empty() => Ok(Whole::New),
            _ if *is_named => Ok(Whole::Unmarked),
            _ => Err(What::Name),
        },
        (Some(last), Found::Records { contents, marker: Some(there), .. }) => {
            let both = || (there.clone(), last.clone());
            if there.lineage != last.lineage {
                return Err(What::Foreign);
            }
            if there.number < last.number {
                let (there, last) = both();
                return Err(What::Batches { there, last });
            }
            if there.number == last.number && there.number > 0 && there.chain != last.chain {
                let (there, last) = both();
                return Err(What::OtherBatches { there, last });
            }
            if !there.fits(contents) {
                return Err(What::Records { expected: there.clone() });
            }
            Ok(Whole::As(there.clone()))
        }
    }
}

/// A store that has lost something, for the operator.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the store in {folder} has lost data: {what}{counts}: {remedy}")]
pub(crate) struct Loss {
    folder: String,
    what: What,
    counts: String,
    remedy: &'static str,
}

/// Where something is left.
const GO_ON: &str = "restore a backup of the whole folder, or start once with --accept-loss to go \
                     on with what is left (the store's epoch rises, so that agents take older \
                     settings)";
/// Where nothing is.
const BEGIN_ANEW: &str = "there is nothing left to go on with: restore a backup of the whole \
                          folder, or move the folder away to begin with an empty store (agents go \
                          on with what they run)";

impl Loss {
    /// Of the store in `folder`; `name` says what a family is called.
    pub(super) fn new(
        folder: String,
        what: What,
        found: &Found,
        name: fn(u32) -> &'static str,
    ) -> Self {
        let expected = match &what {
            What::Batches { last, .. } | What::OtherBatches { last, .. } => Some(last),
            What::Everything { last } => Some(last),
            What::Records { expected } => Some(expected),
            _ => None,
        };
        let (there, hopeless) = match found {
            Found::Records { contents, is_named, .. } => (contents.families().clone(), !is_named),
            Found::Unreadable(_) => (BTreeMap::new(), false),
            Found::Nothing | Found::NoLog => (BTreeMap::new(), true),
        };
        let counts = match (expected, found) {
            (Some(expected), Found::Records { .. } | Found::Nothing | Found::NoLog) => {
                counts(&there, expected, name)
            }
            _ => String::new(),
        };
        Self { folder, what, counts, remedy: if hopeless { BEGIN_ANEW } else { GO_ON } }
    }

    /// Whether nothing is left that one could go on with.
    pub(super) fn is_hopeless(&self) -> bool {
        self.remedy == BEGIN_ANEW
    }

    /// As [`Loss::is_hopeless`], now that it is known.
    pub(super) fn hopeless(self) -> Self {
        Self { remedy: BEGIN_ANEW, ..self }
    }
}

/// How many records of each family there are of how many.
fn counts(there: &BTreeMap<u32, u64>, expected: &Marker, name: fn(u32) -> &'static str) -> String {
    let mut families: Vec<u32> = there.keys().chain(expected.families.keys()).copied().collect();
    families.sort_unstable();
    families.dedup();
    let of = |family: &u32| {
        let (has, had) = (there.get(family), expected.families.get(family));
        format!(
            "{} {} of {}",
            name(*family),
            has.copied().unwrap_or_default(),
            had.copied().unwrap_or_default()
        )
    };
    let told: Vec<_> = families.iter().map(of).collect();
    format!(" (records that are there: {})", told.join(", "))
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Batches { there, last } => {
                let (first, end) = (there.number + 1, last.number);
                write!(
                    f,
                    "batches {first} to {end} are missing: what is there ends at {}, and the file \
                     last-batch says that batch {end} was written at {}",
                    time(there.write_time),
                    time(last.write_time)
                )
            }
            Self::OtherBatches { there, last } => write!(
                f,
                "its batch {} of {} is not the one of {} that the file last-batch tells of",
                there.number,
                time(there.write_time),
                time(last.write_time)
            ),
            Self::Records { expected } => write!(
                f,
                "its records are not those of batch {}, written at {}, the last that is there: \
                 some are missing, or have the values of earlier batches",
                expected.number,
                time(expected.write_time)
            ),
            Self::Everything { last } => write!(
                f,
                "its files are gone or empty, and the file last-batch says that batch {} was \
                 written at {}",
                last.number,
                time(last.write_time)
            ),
            Self::Log => write!(f, "the file db is gone, and other files of the store are there"),
            Self::Name => write!(f, "the record that names it is not there"),
            Self::LastBatch => write!(
                f,
                "the file last-batch is gone, so that nobody can tell whether the last batches \
                 are there"
            ),
            Self::LastBatchContent => write!(
                f,
                "the file last-batch is damaged, so that nobody can tell whether the last batches \
                 are there"
            ),
            Self::Foreign => write!(f, "its files and the file last-batch are of two stores"),
            Self::Unreadable(reason) => write!(f, "its files are damaged ({reason})"),
        }
    }
}

fn time(of: Option<Timestamp>) -> String {
    of.map_or_else(|| "an unknown time".to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests;
