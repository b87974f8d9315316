//! Whether an agent's program is older or newer than the control plane's.

use std::cmp::Ordering;

/// How the version `theirs` compares with `ours`, both of the form
/// `major.minor.patch`; what follows a `-` or `+` does not count. None where that
/// cannot be told.
pub(crate) fn compare(theirs: &str, ours: &str) -> Option<Ordering> {
    Some(numbers(theirs)?.cmp(&numbers(ours)?))
}

fn numbers(version: &str) -> Option<[u64; 3]> {
    let release = version.split(['-', '+']).next()?;
    let mut parts = release.split('.').map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_number_by_number() {
        for (theirs, ours, expected) in [
            ("0.1.0", "0.1.0", Some(Ordering::Equal)),
            ("0.1.0-dev+7", "0.1.0", Some(Ordering::Equal)),
            ("0.9.0", "0.10.0", Some(Ordering::Less)),
            ("1.0.0", "0.10.9", Some(Ordering::Greater)),
            ("0.1.10", "0.1.9", Some(Ordering::Greater)),
            ("", "0.1.0", None),
            ("0.1", "0.1.0", None),
            ("0.1.0.0", "0.1.0", None),
            ("v0.1.0", "0.1.0", None),
            ("99999999999999999999.1.0", "0.1.0", None),
        ] {
            assert_eq!(compare(theirs, ours), expected, "{theirs} and {ours}");
        }
    }
}
