//! Pages of lists: in the order of the names, where a token names the last one,
//! or of a tape, where it is the position of the last one.

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::violation::Violations;

/// Entries of a page when the request does not say.
const DEFAULT: usize = 100;
/// Entries of a page at most.
const MOST: i32 = 1_000;

/// Which page a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    size: usize,
    after: String,
}

impl Page {
    /// From a request's `page_size` and `page_token`.
    pub(super) fn read(size: i32, token: String, violations: &mut Violations) -> Self {
        if !(0..=MOST).contains(&size) {
            let message = format!("{size} is not 1 to {MOST}, or 0 for {DEFAULT}");
            violations.add("page_size", ErrorCode::FieldInvalid, message);
        }
        let size = usize::try_from(size).ok().filter(|size| *size > 0).unwrap_or(DEFAULT);
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

    /// The page out of what `list` finds: at most so many after a name, in the order
    /// of what `name` says; and the token of the next one, empty at the end.
    pub(super) fn read_from<T>(
        self,
        list: impl FnOnce(&str, usize) -> Vec<T>,
        name: impl Fn(&T) -> &str,
    ) -> (Vec<T>, String) {
        // One more shows whether there is another page.
        let found = list(&self.after, self.size + 1);
        self.of(found, name)
    }

    /// The page out of `all`, which are in the order of what `name` says, and
    /// the token of the next one; empty at the end.
    pub(super) fn of<T>(
        self,
        all: impl IntoIterator<Item = T>,
        name: impl Fn(&T) -> &str,
    ) -> (Vec<T>, String) {
        let mut rest = all.into_iter().filter(|one| name(one) > self.after.as_str());
        let page: Vec<T> = rest.by_ref().take(self.size).collect();
        let token = match (rest.next(), page.last()) {
            (Some(_), Some(last)) => name(last).to_owned(),
            _ => String::new(),
        };
        (page, token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another_without_gap_or_overlap() {
        let all = ["a", "b", "c", "d", "e"];
        let mut token = String::new();
        let mut seen = Vec::new();
        loop {
            let page = Page::read(2, token, &mut Violations::new());
            let (names, next) = page.of(all, |name| name);
            seen.extend(names);
            token = next;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn a_page_that_ends_with_the_list_has_no_token() {
        let page = Page::read(2, String::new(), &mut Violations::new());
        assert_eq!(page.of(["a", "b"], |name| name), (vec!["a", "b"], String::new()));
    }

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
    fn sizes_out_of_range_are_violations() {
        for size in [-1, 1_001, i32::MIN] {
            let mut violations = Violations::new();
            Page::read(size, String::new(), &mut violations);
            assert_eq!(violations.len(), 1, "{size}");
        }
    }
}
