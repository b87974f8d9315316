//! What a suite prints: tables for people, then `name=value` for programs.

use std::fmt::Display;
use std::io::{Write, stdout};

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};

/// Everything that is printed, as it comes; the figures last.
#[derive(Debug, Default)]
pub struct Report {
    figures: Vec<(String, f64)>,
}

impl Report {
    /// Prints a line at once.
    ///
    /// # Errors
    /// The output is closed.
    pub fn line(&self, line: impl Display) -> Result<()> {
        let mut out = stdout().lock();
        writeln!(out, "{line}")?;
        out.flush()?;
        Ok(())
    }

    /// Prints a table at once, under a heading.
    ///
    /// # Errors
    /// The output is closed.
    pub fn table(
        &self,
        heading: impl Display,
        columns: &[&str],
        rows: Vec<Vec<String>>,
    ) -> Result<()> {
        let mut table = Table::new();
        table.load_preset(presets::ASCII_MARKDOWN).set_header(columns).add_rows(rows);
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        self.line(format_args!("\n{heading}\n\n{table}"))
    }

    /// Keeps a figure for the end.
    pub fn figure(&mut self, name: impl Into<String>, value: Option<f64>) {
        self.figures.extend(value.map(|value| (name.into(), value)));
    }

    /// Prints the figures: the last lines.
    ///
    /// # Errors
    /// The output is closed.
    pub fn finish(self) -> Result<()> {
        self.line("")?;
        for (name, value) in &self.figures {
            self.line(format_args!("{name}={value:.3}"))?;
        }
        Ok(())
    }
}

/// Bytes in MiB.
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
