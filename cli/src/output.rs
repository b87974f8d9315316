//! The only place that writes to stdout and stderr.

mod bar;
mod layout;
mod screen;

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::{Table, presets};
use kafka2oss_manifest::value_to_yaml;

use crate::args::OutputFormat;
pub(crate) use bar::Bar;
use layout::Place;
pub(crate) use screen::Screen;

/// Writes lines to stdout. Whoever closed it (`| head`) wants no more: that is
/// [`Closed`], which ends the command without a word.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Output {
    without_headers: bool,
}

/// What a line is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    Heading,
    Gone,
    New,
}

/// Nobody reads any more, or the disk is full.
#[derive(Debug, thiserror::Error)]
#[error("cannot write: {0}")]
pub(crate) struct Closed(#[from] io::Error);

impl Closed {
    /// Whether the reader went away on purpose.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

impl Output {
    /// One whose tables have no header where these are not wanted.
    pub(crate) fn new(without_headers: bool) -> Self {
        Self { without_headers }
    }

    pub(crate) fn line(self, line: impl Display) -> Result<(), Closed> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{line}")?;
        // A pipe is buffered otherwise, and a follower would see nothing.
        Ok(stdout.flush()?)
    }

    /// A line in the colour of what it is, unless stdout is no terminal or NO_COLOR is set.
    pub(crate) fn painted(self, paint: Paint, line: impl Display) -> Result<(), Closed> {
        let style = match paint {
            Paint::Heading => Style::new().bold(),
            Paint::Gone => AnsiColor::Red.on_default(),
            Paint::New => AnsiColor::Green.on_default(),
        };
        let mut stdout = anstream::AutoStream::auto(io::stdout().lock());
        writeln!(stdout, "{style}{line}{style:#}")?;
        Ok(stdout.flush()?)
    }

    pub(crate) fn table(self, table: &Table) -> Result<(), Closed> {
        self.lines(table).into_iter().try_for_each(|line| self.line(line))
    }

    /// A table as it is printed.
    pub(crate) fn lines(self, table: &Table) -> Vec<String> {
        let place = Place {
            has_header: !self.without_headers,
            width: terminal().map(|(width, _)| width),
            has_colours: has_colours(),
        };
        layout::lines(table, place)
    }

    /// In the form that was asked for, for people to read, too.
    pub(crate) fn value(
        self,
        value: &serde_json::Value,
        format: OutputFormat,
    ) -> Result<(), Closed> {
        match format {
            OutputFormat::Yaml => self.line(value_to_yaml(value).trim_end()),
            OutputFormat::Table | OutputFormat::Wide | OutputFormat::Json | OutputFormat::Name => {
                self.json(value, true)
            }
        }
    }

    /// Indented for people, in one line for streams.
    pub(crate) fn json(self, value: &serde_json::Value, pretty: bool) -> Result<(), Closed> {
        if pretty { self.line(format_args!("{value:#}")) } else { self.line(value) }
    }
}

/// Writes to stderr: what is not the answer.
pub(crate) fn note(text: impl Display) {
    // Where stderr is closed, nobody can be told.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Columns and lines of the terminal that stdout is; `None` where it is none.
pub(crate) fn terminal() -> Option<(u16, u16)> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let (width, height) = terminal_size::terminal_size_of(&stdout)?;
    // Some do not know.
    let or_usual = |known: u16, usual| if known == 0 { usual } else { known };
    Some((or_usual(width.0, 80), or_usual(height.0, 24)))
}

/// Whether what stands on stdout can be rewritten.
pub(crate) fn is_rewritable() -> bool {
    terminal().is_some() && !is_dumb()
}

/// Whether the terminal, whichever stream it is, has no cursor that could go back.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|name| name == "dumb")
}

/// Whether stdout is a terminal that knows colours, and nobody has said NO_COLOR.
fn has_colours() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// A table without lines and with this header.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(header);
    flush_left(&mut table);
    table
}

/// Two columns: names and values.
pub(crate) fn properties(rows: Vec<(&str, String)>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    for (name, value) in rows {
        table.add_row([format!("{name}:"), value]);
    }
    flush_left(&mut table);
    table
}

/// Columns start at the margin and stand two blanks apart.
fn flush_left(table: &mut Table) {
    for column in table.column_iter_mut() {
        column.set_padding((0, layout::GAP));
    }
}
