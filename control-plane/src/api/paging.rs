//! How large pages are.

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::violation::Violations;

/// Entries of a page when the request does not say.
pub(super) const DEFAULT: usize = 100;
/// Entries of a page at most.
pub(super) const MOST: usize = 1_000;

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

#[cfg(test)]
mod tests {
    use super::*;

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
