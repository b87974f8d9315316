//! Names that no other test uses, so that tests can share one broker.

use ulid::Ulid;

/// `{prefix}-{26 lower-case letters and digits}`: legal as the name of a topic,
/// group, instance, connector (with a prefix of up to 21 characters) and bucket
/// (up to 36) where the prefix is.
pub fn unique(prefix: &str) -> String {
    format!("{prefix}-{}", Ulid::generate().to_string().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::unique;

    #[test]
    fn two_names_differ_and_are_legal_for_a_connector() {
        let (one, other) = (unique("sink"), unique("sink"));

        assert_ne!(one, other);
        assert!(one.len() <= 48);
        assert!(one.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
    }
}
