//! What a line of a body is, without a look into the record.

use super::Fault;
use crate::encoding::Format;

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A record, and more may follow.
    Record(&'a [u8]),
    /// A record, and the end of the body.
    LastRecord(&'a [u8]),
    /// The end of the body.
    End,
}

/// Takes the frame off a line. `line` ends in a line feed unless the body ends
/// there, and is empty behind its end; JSON has no line feed within a string,
/// so that one always ends a record.
pub(super) fn line(format: Format, first: bool, line: &[u8]) -> Result<Line<'_>, Fault> {
    match format {
        Format::JsonArray => array(first, line),
        Format::JsonLines if line.is_empty() => Ok(Line::End),
        Format::JsonLines => line.strip_suffix(b"\n").map(Line::Record).ok_or(Fault::CutOff),
    }
}

fn array(first: bool, line: &[u8]) -> Result<Line<'_>, Fault> {
    let rest = match (first, line) {
        (_, []) => return Err(Fault::CutOff),
        (true, [b'[', rest @ ..]) => rest,
        (true, _) => return Err(Fault::NoArray),
        (false, rest) => rest,
    };
    match rest {
        b"]" if first => Ok(Line::End),
        [json @ .., b',', b'\n'] => Ok(Line::Record(json)),
        [.., b'\n'] => Err(Fault::NoComma),
        [json @ .., b']'] => Ok(Line::LastRecord(json)),
        _ => Err(Fault::CutOff),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_array_is_framed_by_brackets_and_commas() {
        let array = |first, text: &'static str| line(Format::JsonArray, first, text.as_bytes());
        assert_eq!(array(true, "[]").unwrap(), Line::End);
        assert_eq!(array(true, "[{1}]").unwrap(), Line::LastRecord(b"{1}"));
        assert_eq!(array(true, "[{1},\n").unwrap(), Line::Record(b"{1}"));
        assert_eq!(array(false, "{2},\n").unwrap(), Line::Record(b"{2}"));
        assert_eq!(array(false, "{3}]").unwrap(), Line::LastRecord(b"{3}"));

        assert!(matches!(array(true, "{1},\n"), Err(Fault::NoArray)));
        assert!(matches!(array(true, " [{1}]"), Err(Fault::NoArray)));
        assert!(matches!(array(true, "["), Err(Fault::CutOff)));
        assert!(matches!(array(true, "[\n"), Err(Fault::NoComma)));
        assert!(matches!(array(true, "[]\n"), Err(Fault::NoComma)));
        for first in [true, false] {
            assert!(matches!(array(first, ""), Err(Fault::CutOff)));
        }
        assert!(matches!(array(false, "{2}\n"), Err(Fault::NoComma)));
        assert!(matches!(array(false, "{2}]\n"), Err(Fault::NoComma)));
        for cut_off in ["{2", "{2}", "{2},", "{2}] "] {
            assert!(matches!(array(false, cut_off), Err(Fault::CutOff)), "{cut_off}");
        }
    }

    #[test]
    fn json_lines_are_framed_by_line_feeds() {
        for first in [true, false] {
            let lines = |text: &'static str| line(Format::JsonLines, first, text.as_bytes());
            assert_eq!(lines("").unwrap(), Line::End);
            assert_eq!(lines("{1}\n").unwrap(), Line::Record(b"{1}"));
            assert_eq!(lines("\n").unwrap(), Line::Record(b""));
            assert!(matches!(lines("{1}"), Err(Fault::CutOff)));
        }
    }
}
