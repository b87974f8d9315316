//! What of a list is asked for, as expressions; and where one of them is wrong.

use tonic::Status;

use super::Failure;
use crate::args::ListFlags;

/// The expressions of a request.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    pub(super) filter: String,
    pub(super) order_by: String,
}

impl Selection {
    /// What flags say, and `more`, of which one has to hold, too.
    pub(super) fn new(flags: ListFlags, more: &[String]) -> Self {
        let ListFlags { filter, sort } = flags;
        let given = filter.unwrap_or_default();
        let more = more.join(" OR ");
        let filter = match (given.trim().is_empty(), more.is_empty()) {
            (_, true) => given,
            (true, false) => more,
            // In parentheses, which the given one's places are counted with.
            (false, false) => format!("({given}) AND ({more})"),
        };
        Self { filter, order_by: sort.unwrap_or_default() }
    }

    /// A watch comes in no order.
    pub(super) fn has_no_order(&self) -> Result<(), Failure> {
        match self.order_by.is_empty() {
            true => Ok(()),
            false => Err(Failure::Usage("--watch has no order: leave out --sort".to_owned())),
        }
    }

    /// A failure that shows the expression where that is wrong.
    pub(super) fn failure(&self, status: Status) -> Failure {
        Failure::Expression {
            status: Box::new(status),
            expressions: vec![("filter", self.filter.clone()), ("order_by", self.order_by.clone())],
        }
    }
}

/// A text as an expression has it, with nothing that stands for anything else.
pub(super) fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('"', "\\\"").replace('*', r"\*");
    format!("\"{escaped}\"")
}

/// That a label has a value.
pub(super) fn label(key: &str, value: &str) -> String {
    format!("labels.{} = {}", quoted(key), quoted(value))
}

/// An expression with a mark under the place that a violation's words begin with, `at byte
/// 7: ...`. Nothing where they do not.
pub(super) fn marked(expression: &str, words: &str) -> Option<String> {
    let place = words.strip_prefix("at byte ")?.split(':').next()?;
    let before = expression.get(..place.parse().ok()?)?;
    // What breaks a line, or moves, would take the mark elsewhere.
    let plain = |text: &str| text.replace(char::is_whitespace, " ");
    let indent = " ".repeat(before.chars().count());
    Some(format!("{}\n{indent}^", plain(expression)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(filter: &str) -> ListFlags {
        ListFlags { filter: Some(filter.to_owned()), sort: None }
    }

    #[test]
    fn what_is_given_in_two_ways_has_to_hold_both() {
        let more = ["state = A".to_owned(), "state = B".to_owned()];
        let filter = |given: &str, more: &[String]| Selection::new(flags(given), more).filter;
        assert_eq!(filter("a = 1", &[]), "a = 1");
        assert_eq!(filter(" ", &more), "state = A OR state = B");
        assert_eq!(filter("a = 1", &more[..1]), "(a = 1) AND (state = A)");
        assert_eq!(filter("a = 1", &more), "(a = 1) AND (state = A OR state = B)");
    }

    #[test]
    fn a_mark_stands_under_the_place() {
        assert_eq!(marked("a = é b", "at byte 7: what").as_deref(), Some("a = é b\n      ^"));
        assert_eq!(marked("a\n=", "at byte 3: the end").as_deref(), Some("a =\n   ^"));
        for words in ["what", "at byte 99: it ends before", "at byte x: y", "at byte 5: within é"]
        {
            assert_eq!(marked("a = é", words), None, "{words}");
        }
    }
}
