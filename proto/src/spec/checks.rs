//! What the conversions from the wire share: collecting violations, and the
//! rules for numbers, durations and enums.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::violation::Violations;

/// Violations of one message, while it is converted. Whatever gives `None`
/// has added a violation.
#[derive(Debug, Default)]
pub(super) struct Checks(Violations);

impl Checks {
    /// Adds a violation of this code.
    pub(super) fn add(&mut self, field: &str, code: ErrorCode, message: impl Into<String>) {
        self.0.add(field, code, message);
    }

    /// Adds: the field has to be set.
    pub(super) fn required(&mut self, field: &str) {
        self.0.add(field, ErrorCode::FieldRequired, "is required");
    }

    /// Adds: the field's value is outside of what is allowed.
    pub(super) fn invalid(&mut self, field: &str, message: impl Into<String>) {
        self.0.add(field, ErrorCode::FieldInvalid, message);
    }

    /// Adds `fault`, if there is one, as a value outside of what is allowed.
    pub(super) fn legal(&mut self, field: &str, fault: Result<(), String>) {
        if let Err(message) = fault {
            self.invalid(field, message);
        }
    }

    /// Adds those of the same message.
    pub(super) fn append(&mut self, violations: Violations) {
        self.0.append(violations);
    }

    /// Converts a part that has to be there.
    pub(super) fn part<W, D>(&mut self, field: &str, wire: Option<W>) -> Option<D>
    where
        D: TryFrom<W, Error = Violations>,
    {
        let Some(wire) = wire else {
            self.required(field);
            return None;
        };
        D::try_from(wire).map_err(|violations| self.0.add_within(field, violations)).ok()
    }

    /// Converts an enum that has to be set.
    pub(super) fn choice<D: Choice>(&mut self, field: &str, wire: i32) -> Option<D> {
        match D::from_wire(wire) {
            Some(Some(value)) => Some(value),
            Some(None) => {
                self.required(field);
                None
            }
            None => {
                self.invalid(field, format!("has no value {wire}"));
                None
            }
        }
    }

    /// A number that has to be set and within `allowed`.
    pub(super) fn number<W, T>(
        &mut self,
        field: &str,
        wire: Option<W>,
        allowed: RangeInclusive<T>,
    ) -> Option<T>
    where
        W: Copy + Display,
        T: TryFrom<W> + PartialOrd + Display,
    {
        let Some(value) = wire else {
            self.required(field);
            return None;
        };
        if let Ok(value) = T::try_from(value)
            && allowed.contains(&value)
        {
            return Some(value);
        }
        let (least, most) = allowed.into_inner();
        self.invalid(field, format!("is {value}; {least} to {most} are allowed"));
        None
    }

    /// A duration that has to be set and within `allowed`.
    pub(super) fn duration(
        &mut self,
        field: &str,
        wire: Option<prost_types::Duration>,
        allowed: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let Some(wire) = wire else {
            self.required(field);
            return None;
        };
        let (least, most) = (allowed.start(), allowed.end());
        match duration_from_wire(wire) {
            Some(value) if allowed.contains(&value) => return Some(value),
            Some(value) => {
                self.invalid(field, format!("is {value:?}; {least:?} to {most:?} are allowed"));
            }
            None => {
                self.invalid(field, format!("is no duration from {least:?} to {most:?}"));
            }
        }
        None
    }

    /// The violations so far.
    pub(super) fn into_violations(self) -> Violations {
        self.0
    }

    /// `value`, or the violations if there are any.
    pub(super) fn finish<T>(self, value: T) -> Result<T, Violations> {
        self.0.into_result(value)
    }
}

/// `None` when it is negative or not normalized (nanos of a second or more).
fn duration_from_wire(wire: prost_types::Duration) -> Option<Duration> {
    let prost_types::Duration { seconds, nanos } = wire;
    let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    Some(Duration::new(u64::try_from(seconds).ok()?, nanos))
}

/// The wire form of a duration of the domain.
pub(super) fn duration_to_wire(duration: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        // Below a billion by construction, so that the cast loses nothing.
        nanos: duration.subsec_nanos() as i32,
    }
}

/// A closed set of values with an enum on the wire.
pub(super) trait Choice: Sized {
    /// `None` for a number that the enum does not have, `Some(None)` for
    /// UNSPECIFIED.
    fn from_wire(wire: i32) -> Option<Option<Self>>;
}

/// Connects an enum of the domain with its enum on the wire, both ways. The
/// match is exhaustive, so that a new wire value does not compile until the
/// domain has decided on it.
macro_rules! choice {
    ($name:ident { $($variant:ident),+ $(,)? }) => {
        impl $crate::spec::checks::Choice for $name {
            fn from_wire(wire: i32) -> Option<Option<Self>> {
                use $crate::v1::$name as Wire;
                Some(match Wire::try_from(wire).ok()? {
                    Wire::Unspecified => None,
                    $( Wire::$variant => Some(Self::$variant), )+
                })
            }
        }

        impl From<$name> for $crate::v1::$name {
            fn from(value: $name) -> Self {
                match value { $( $name::$variant => Self::$variant, )+ }
            }
        }
    };
}
pub(super) use choice;
