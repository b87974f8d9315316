//! OSS's rules for the names of buckets and objects.

use super::refusal::{Code, Refusal};

/// Bucket names: 3-63 of `a-z0-9-`, no hyphen at the ends. Unlike S3's, without
/// dots.
pub(crate) fn is_bucket_name(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// Keys: 1-1023 bytes, no leading `/` or `\`.
pub(crate) fn check_key(key: &str) -> Result<(), Refusal> {
    if (1..=1023).contains(&key.len()) && !key.starts_with(['/', '\\']) {
        Ok(())
    } else {
        Err(Refusal::of(Code::InvalidObjectName))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_are_3_to_63_lower_case_letters_digits_and_hyphens() {
        for name in ["abc", "a-1", "0b0", &"a".repeat(63)] {
            assert!(is_bucket_name(name), "{name}");
        }
        for name in ["ab", "-abc", "abc-", "Abc", "a_bc", "a.bc", "", &"a".repeat(64)] {
            assert!(!is_bucket_name(name), "{name}");
        }
    }

    #[test]
    fn keys_are_1_to_1023_bytes_without_a_leading_slash() {
        for key in ["a", "a/b", "a\\b", " ", "ä", &"k".repeat(1023)] {
            assert!(check_key(key).is_ok(), "{key}");
        }
        for key in ["", "/a", "\\a", &"k".repeat(1024)] {
            assert!(check_key(key).is_err(), "{key}");
        }
    }
}
