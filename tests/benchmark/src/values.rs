//! The values of records: events as applications write them.

use std::fmt::Write as _;

use fastrand::Rng;

const NAMES: [&str; 12] = [
    "user", "action", "page", "referrer", "device", "city", "message", "status", "session",
    "campaign", "product", "comment",
];

const WORDS: [&str; 24] = [
    "checkout",
    "mobile",
    "north",
    "returned",
    "blue",
    "order",
    "pending",
    "search",
    "Zürich",
    "premium",
    "again",
    "within",
    "quick",
    "basket",
    "杭州",
    "delivered",
    "from",
    "window",
    "summer",
    "letter",
    "https://shop.example/item",
    "and",
    "seven",
    "a \\\"quoted\\\" word",
];

/// Texts that look like JSON objects, each of other content, and the same ones
/// from the same seed.
#[derive(Debug)]
pub(crate) struct Values {
    random: Rng,
    size: usize,
    text: String,
}

impl Values {
    /// Values of this many bytes, at least 2.
    pub(crate) fn new(seed: u64, size: usize) -> Self {
        Self { random: Rng::with_seed(seed), size: size.max(2), text: String::new() }
    }

    /// The next one, whose `id` is this number.
    pub(crate) fn next(&mut self, number: u64) -> &[u8] {
        let Self { random, size, text } = self;
        text.clear();
        // A String takes all.
        let _ = write!(text, "{{\"id\":{number},\"amount\":{}", random.u32(..1_000_000));
        while text.len() < *size {
            let name = NAMES[random.usize(..NAMES.len())];
            let _ = write!(text, ",\"{name}\":\"{:x}", random.u32(..));
            for _ in 0..random.usize(1..6) {
                text.push(' ');
                text.push_str(WORDS[random.usize(..WORDS.len())]);
            }
            text.push('"');
        }
        let mut end = *size - 1;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        while text.len() < *size - 1 {
            text.push(' ');
        }
        text.push('}');
        text.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::Values;

    #[test]
    fn values_are_text_of_the_size_asked_for_each_of_its_own_content() {
        for size in [2, 100, 1_000, 10_000] {
            let mut values = Values::new(7, size);
            let mut seen = std::collections::HashSet::new();
            for number in 0..200 {
                let value = values.next(number).to_vec();
                assert_eq!(value.len(), size);
                assert!(str::from_utf8(&value).is_ok());
                seen.insert(value);
            }
            assert_eq!(seen.len(), if size == 2 { 1 } else { 200 }, "{size}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_values() {
        let (mut one, mut same, mut other) =
            (Values::new(1, 500), Values::new(1, 500), Values::new(2, 500));
        for number in 0..20 {
            let value = one.next(number).to_vec();
            assert_eq!(same.next(number), value);
            assert_ne!(other.next(number), value);
        }
    }
}
