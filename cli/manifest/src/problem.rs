//! What is wrong with a text, and where.

use std::fmt;

/// Something that is wrong in a text. It never has a value of the text in it that could be
/// a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub struct Problem {
    /// Which document, counted from 1.
    pub document: usize,
    /// Which line of the text, counted from 1.
    pub line: usize,
    /// Path of the field; empty where it is about the whole document.
    pub path: String,
    /// What is wrong.
    pub words: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { document, line, path, words } = self;
        write!(f, "document {document}, line {line}: ")?;
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        f.write_str(words)
    }
}
