//! What is wrong with a request: every violation of it, with the path of its
//! field, so that one answer names them all.

use std::fmt;

use crate::ErrorCode;

/// One field that breaks one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path from the request, for example
    /// `connector.spec.destination.bucket`.
    pub field: String,
    /// The rule, by its code.
    pub code: ErrorCode,
    /// What is wrong and what would be right, for people.
    pub message: String,
}

/// Violations of one request, in the order in which its fields stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn add(&mut self, field: impl Into<String>, code: ErrorCode, message: impl Into<String>) {
        self.0.push(Violation { field: field.into(), code, message: message.into() });
    }

    /// Adds those of a part of the request, whose paths start at `prefix`. An
    /// empty path means the part itself.
    pub fn add_within(&mut self, prefix: &str, inner: Violations) {
        self.0.extend(inner.0.into_iter().map(|violation| {
            let field = match violation.field.as_str() {
                "" => prefix.to_owned(),
                field => format!("{prefix}.{field}"),
            };
            Violation { field, ..violation }
        }));
    }

    /// Adds those of the same message.
    pub fn append(&mut self, other: Violations) {
        self.0.extend(other.0);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.0.iter()
    }

    /// `value` when there is no violation, else the violations.
    pub fn into_result<T>(self, value: T) -> Result<T, Violations> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{}: {}", violation.field, violation.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}
