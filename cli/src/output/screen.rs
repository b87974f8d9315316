//! Lines on a terminal that are rewritten in place.

use std::io::{self, Write};

use super::{Closed, terminal};

/// Back to what a line is after it.
const TO_END_OF_LINE: &str = "\x1b[K";
const TO_END_OF_SCREEN: &str = "\x1b[J";
/// A line that is longer than the terminal's is cut there: it never takes two.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// What was drawn last; the cursor stands below it.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    height: usize,
}

impl Screen {
    /// Draws the lines where the last ones stand, as many as fit, in one write.
    pub(crate) fn draw(&mut self, lines: Vec<String>) -> Result<(), Closed> {
        let most = terminal().map_or(24, |(_, height)| usize::from(height));
        let lines = fitting(lines, most.saturating_sub(1));
        let mut stdout = io::stdout().lock();
        stdout.write_all(frame(self.height, &lines).as_bytes())?;
        stdout.flush()?;
        self.height = lines.len();
        Ok(())
    }
}

/// At most so many, of which the last says how many more there are.
fn fitting(mut lines: Vec<String>, most: usize) -> Vec<String> {
    let most = most.max(1);
    if lines.len() > most {
        let more = lines.len() - (most - 1);
        lines.truncate(most - 1);
        lines.push(format!("... {more} more lines"));
    }
    lines
}

fn frame(last_height: usize, lines: &[String]) -> String {
    let mut frame = String::new();
    if last_height > 0 {
        frame = format!("\x1b[{last_height}A\r");
    }
    frame.push_str(NO_WRAP);
    for line in lines {
        frame.push_str(line);
        frame.push_str(TO_END_OF_LINE);
        frame.push('\n');
    }
    frame.push_str(TO_END_OF_SCREEN);
    frame.push_str(WRAP);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn what_stood_there_is_overwritten_and_nothing_of_it_is_left() {
        assert_eq!(frame(0, &lines(&["a"])), "\x1b[?7la\x1b[K\n\x1b[J\x1b[?7h");
        assert_eq!(
            frame(3, &lines(&["a", "b"])),
            "\x1b[3A\r\x1b[?7la\x1b[K\nb\x1b[K\n\x1b[J\x1b[?7h"
        );
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        assert_eq!(fitting(lines(&["a", "b", "c"]), 3), ["a", "b", "c"]);
        assert_eq!(fitting(lines(&["a", "b", "c", "d"]), 3), ["a", "b", "... 2 more lines"]);
        assert_eq!(fitting(lines(&["a", "b"]), 0), ["... 2 more lines"]);
    }
}
