//! How large pages are, and pages of a tape, where a token is the position of the last one.

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::violation::Violations;

/// Entries of a page when the request does not say.
const DEFAULT: usize = 100;
/// Entries of a page at most.
const MOST: usize = 1_000;

/// Entries of a page at most, from a request's `page_size`.
pub(super) fn size(given: i32, violations: &mut Violations) -> usize {
    match usize::try_from(given) {
        Ok(0) => DEFAULT,
        Ok(size) => size.min(MOST),
        Err(_) => {
            let message = format!("{given} is below 0; 0 means {DEFAULT}, and {MOST} is the most");
            violations.add("page_size", ErrorCode::FieldInvalid, message);
            DEFAULT
        }
    }
}

/// Which page of a tape a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    size: usize,
    after: String,
}

impl Page {
    /// From a request's `page_size` and `page_token`.
    pub(super) fn read(size: i32, token: String, violations: &mut Violations) -> Self {
        let size = self::size(size, violations);
        Self { size, after: token }
    }

    /// Entries of the page at most.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The position on a tape that the token stands for; none without a token.
    pub(super) fn position(&self, violations: &mut Violations) -> Option<u64> {
        if self.after.is_empty() {
            return None;
        }
        let position = self.after.parse().ok();
        if position.is_none() {
            violations.add("page_token", ErrorCode::FieldInvalid, "is none of an earlier answer");
        }
        position
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_a_tape_is_a_position() {
        let read = |token: &str| {
            let mut violations = Violations::new();
            let page = Page::read(0, token.to_owned(), &mut violations);
            (page.position(&mut violations), violations.len())
        };
        assert_eq!((read(""), read("17")), ((None, 0), (Some(17), 0)));
        for wrong in ["-1", "x", "1 "] {
            assert_eq!(read(wrong), (None, 1), "{wrong}");
        }
    }

    #[test]
    fn a_size_below_0_is_a_violation_and_one_above_the_most_is_the_most() {
        let read = |given| {
            let mut violations = Violations::new();
            (size(given, &mut violations), violations.len())
        };
        assert_eq!((read(0), read(7)), ((DEFAULT, 0), (7, 0)));
        assert_eq!((read(1_000), read(1_001), read(i32::MAX)), ((MOST, 0), (MOST, 0), (MOST, 0)));
        assert_eq!((read(-1).1, read(i32::MIN).1), (1, 1));
    }
}
