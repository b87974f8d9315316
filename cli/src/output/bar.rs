//! How far something is, on stderr.

use std::io::{self, IsTerminal, Write};

use super::{is_dumb, note};

/// Cells of the bar.
const CELLS: usize = 30;

/// A bar that is rewritten where stderr is a terminal, else a line for each change.
#[derive(Debug)]
pub(crate) struct Bar {
    is_terminal: bool,
    is_shown: bool,
    last: String,
}

impl Bar {
    /// One on stderr.
    pub(crate) fn new() -> Self {
        let is_terminal = io::stderr().is_terminal() && !is_dumb();
        Self { is_terminal, is_shown: false, last: String::new() }
    }

    /// Whether it is rewritten in place.
    pub(crate) fn is_rewritten(&self) -> bool {
        self.is_terminal
    }

    /// Shows that `part` of `whole` is done; the words alone where the whole is not known.
    pub(crate) fn show(&mut self, part: u64, whole: Option<u64>, words: &str) {
        if self.last == words {
            return;
        }
        words.clone_into(&mut self.last);
        if self.is_terminal {
            let cells = whole.map(|whole| format!("{} ", bar(part, whole))).unwrap_or_default();
            // Where stderr is closed, nobody can be told.
            let _ = write!(io::stderr().lock(), "\r\x1b[K{cells}{words}");
            self.is_shown = true;
        } else {
            note(words);
        }
    }

    /// Takes it away: something else is to be written.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

fn bar(part: u64, whole: u64) -> String {
    let share = u128::from(part.min(whole)) * CELLS as u128 / u128::from(whole.max(1));
    let full = usize::try_from(share).unwrap_or(CELLS);
    format!("[{:<CELLS$}]", "#".repeat(full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_full_as_its_part_is_of_the_whole() {
        assert_eq!(bar(0, 0), format!("[{}]", " ".repeat(30)));
        assert_eq!(bar(1, 3), format!("[{}{}]", "#".repeat(10), " ".repeat(20)));
        assert_eq!(bar(7, 7), format!("[{}]", "#".repeat(30)));
        assert_eq!(bar(9, 7), bar(7, 7));
        assert_eq!(bar(u64::MAX, u64::MAX), bar(7, 7));
    }
}
