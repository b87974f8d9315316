//! The value of a comparison, as it was given: text with wildcards at its ends.

use std::fmt;

/// Text that may go on at one end or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    open_start: bool,
    text: String,
    open_end: bool,
}

impl Pattern {
    /// This text and nothing else.
    pub fn exact(text: impl Into<String>) -> Self {
        Self { open_start: false, text: text.into(), open_end: false }
    }

    /// This text with anything before it, or after it. Of an empty one that is open
    /// at either end, both are.
    pub fn open(open_start: bool, text: impl Into<String>, open_end: bool) -> Self {
        let text = text.into();
        let anything = text.is_empty() && (open_start || open_end);
        Self { open_start: open_start || anything, text, open_end: open_end || anything }
    }

    /// `*`: any value.
    pub fn is_anything(&self) -> bool {
        self.open_start && self.text.is_empty()
    }

    /// The text, if it is all there is to it.
    pub fn as_exact(&self) -> Option<&str> {
        (!self.open_start && !self.open_end).then_some(self.text.as_str())
    }

    /// Whether a text is one of those that this one stands for.
    pub fn matches(&self, text: &str) -> bool {
        match (self.open_start, self.open_end) {
            (false, false) => text == self.text,
            (true, false) => text.ends_with(&self.text),
            (false, true) => text.starts_with(&self.text),
            (true, true) => text.contains(&self.text),
        }
    }
}

/// As a filter has it, in quotes.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        if self.open_start {
            f.write_str("*")?;
        }
        for character in self.text.chars() {
            if matches!(character, '"' | '\\' | '*') {
                f.write_str("\\")?;
            }
            write!(f, "{character}")?;
        }
        if self.open_end && !self.is_anything() {
            f.write_str("*")?;
        }
        f.write_str("\"")
    }
}
