//! What `dev` prints: for people, so one line a fact.

use std::fmt::Display;
use std::time::Instant;

use comfy_table::Table;

use crate::output::{Closed, Output};

/// Prints, with the time since the start where something happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Screen {
    start: Instant,
    out: Output,
}

impl Screen {
    pub(super) fn since(start: Instant) -> Self {
        Self { start, out: Output::default() }
    }

    /// Seconds since the start.
    pub(super) fn elapsed(self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// A heading, set apart from what stands above.
    pub(super) fn title(self, text: impl Display) -> Result<(), Closed> {
        self.out.line(format_args!("\n{text}"))
    }

    /// Something that stands below a heading.
    pub(super) fn line(self, text: impl Display) -> Result<(), Closed> {
        self.out.line(format_args!("  {text}"))
    }

    /// Something that happened just now.
    pub(super) fn step(self, text: impl Display) -> Result<(), Closed> {
        self.out.line(format_args!("  {:>5.1} s  {text}", self.elapsed()))
    }

    /// A table below a heading.
    pub(super) fn table(self, table: &Table) -> Result<(), Closed> {
        for line in table.lines() {
            self.line(line.trim_end())?;
        }
        Ok(())
    }
}
