//! A table as it is printed: with or without its header, within a width, with colours.

use comfy_table::{Cell, Color, ColumnConstraint, ContentArrangement, Row, Table, Width, presets};
use unicode_width::UnicodeWidthStr;

use super::flush_left;

/// What the place that it is printed to is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) has_header: bool,
    /// Of a terminal.
    pub(super) width: Option<u16>,
    pub(super) has_colours: bool,
}

/// Blanks between two columns.
pub(super) const GAP: u16 = 2;
/// Up to this length a word is not broken.
const WORD: usize = 24;

pub(super) fn lines(given: &Table, place: Place) -> Vec<String> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.force_no_tty();
    let header: Vec<_> =
        given.header().into_iter().flat_map(Row::cell_iter).map(|cell| cell.content()).collect();
    if let Some(header) = given.header().filter(|_| place.has_header) {
        table.set_header(header.clone());
    }
    for row in given.row_iter() {
        let is_state = |index: usize| match header.get(index) {
            Some(name) => name == "STATE",
            None => {
                index == 1 && row.cell_iter().next().is_some_and(|name| name.content() == "State:")
            }
        };
        table.add_row(row.cell_iter().enumerate().map(|(index, cell)| {
            match colour(&cell.content()).filter(|_| place.has_colours && is_state(index)) {
                Some(colour) => cell.clone().fg(colour),
                None => cell.clone(),
            }
        }));
    }
    flush_left(&mut table);
    if place.has_colours {
        table.style_text_only();
        table.enforce_styling();
    }
    if let Some(width) = place.width {
        fit(&mut table, width);
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// Has cells go on in the line below where the table is wider than that. Where not even its
/// words fit beside each other it stays as it is, and the terminal breaks the lines.
fn fit(table: &mut Table, width: u16) {
    let mut narrowest: Vec<u16> = Vec::new();
    for (index, whole) in table.column_max_content_widths().into_iter().enumerate() {
        let words = table.column_cells_with_header_iter(index).flatten().map(longest_word);
        let word = words.max().unwrap_or(0).min(WORD);
        // Names are for copying.
        let least = if index == 0 { whole } else { u16::try_from(word).unwrap_or(whole) };
        narrowest.push(least.saturating_add(GAP));
    }
    let sum: u32 = narrowest.iter().map(|width| u32::from(*width)).sum();
    if sum > u32::from(width) {
        return;
    }
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width);
    for (column, width) in table.column_iter_mut().zip(narrowest) {
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
    }
}

fn longest_word(cell: &Cell) -> usize {
    cell.content().split_whitespace().map(UnicodeWidthStr::width).max().unwrap_or(0)
}

/// Green is well, yellow is on its way or wants somebody, red stands still.
fn colour(state: &str) -> Option<Color> {
    // What stands behind it says more of the same.
    let word = state.split([' ', ',']).next()?;
    match word {
        "RUNNING" | "CONNECTED" => Some(Color::Green),
        "DEPLOYING" | "STARTING" | "DEGRADED" | "PAUSING" | "PAUSED" | "STOPPING" | "DELETING"
        | "RETRYING" | "UNOWNED" | "UNKNOWN" | "DRAINING" | "DRAINED" => Some(Color::Yellow),
        "FAILED"
        | "STOPPED"
        | "STALLED"
        | "UNPLACED"
        | "CREDENTIALS_REQUIRED"
        | "DISCONNECTED"
        | "GONE" => Some(Color::Red),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: Place = Place { has_header: true, width: None, has_colours: false };

    fn table() -> Table {
        let mut table = Table::new();
        table.set_header(["NAME", "STATE", "WHY"]);
        table.add_row(["a-long-name", "RUNNING", "all that it needs is there and it goes on"]);
        table.add_row(["b", "FAILED", "-"]);
        table
    }

    #[test]
    fn a_table_starts_at_the_margin_and_its_columns_stand_apart() {
        assert_eq!(
            lines(&table(), FILE),
            [
                "NAME         STATE    WHY",
                "a-long-name  RUNNING  all that it needs is there and it goes on",
                "b            FAILED   -",
            ]
        );
        let bare = lines(&table(), Place { has_header: false, ..FILE });
        assert_eq!(bare[1], "b            FAILED   -");
        assert_eq!(bare.len(), 2);
    }

    #[test]
    fn nothing_is_cut_on_a_terminal_and_no_line_is_longer_than_it() {
        let mut table = table();
        let long = "a word and another one, ".repeat(10);
        table.add_row(["一二三四五六七八九十", "RUNNING", &long]);
        let lines = lines(&table, Place { width: Some(60), ..FILE });
        assert!(lines.len() > 4);
        for line in &lines {
            assert!(line.width() <= 60, "{line}");
        }
        let words = lines.join(" ").matches("another").count();
        assert_eq!(words, 10);
        assert!(
            lines.iter().any(|line| line.starts_with("a-long-name           RUNNING")),
            "{lines:?}"
        );
    }

    #[test]
    fn words_are_not_broken_and_a_terminal_without_room_for_them_breaks_the_lines() {
        let at = |width| lines(&table(), Place { width: Some(width), ..FILE });
        let narrow = at(31);
        assert!(narrow.len() > 4 && narrow.iter().all(|line| line.width() <= 31), "{narrow:?}");
        let words: Vec<_> = narrow.iter().flat_map(|line| line.split_whitespace()).collect();
        for word in ["a-long-name", "RUNNING", "needs", "there"] {
            assert!(words.contains(&word), "{word} is broken in {narrow:?}");
        }
        assert_eq!(at(20), lines(&table(), FILE));
    }

    #[test]
    fn states_have_colours_and_nothing_else_has() {
        let coloured = lines(&table(), Place { has_colours: true, ..FILE });
        assert_eq!(coloured[0], "NAME         STATE    WHY");
        let green = "\u{1b}[38;5;10mRUNNING\u{1b}[39m";
        assert!(coloured[1].starts_with(&format!("a-long-name  {green}  all")), "{coloured:?}");
        assert!(coloured[2].contains("\u{1b}[38;5;9mFAILED"), "{coloured:?}");
        let mut properties = Table::new();
        properties.add_row(["State:", "PAUSED (desired: RUNNING)"]);
        properties.add_row(["Name:", "RUNNING"]);
        let coloured = lines(&properties, Place { has_colours: true, ..FILE });
        assert!(coloured[0].contains("\u{1b}[38;5;11mPAUSED (desired"), "{coloured:?}");
        assert_eq!(coloured[1], "Name:   RUNNING");
    }
}
