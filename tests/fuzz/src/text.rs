//! Text as people and programs might give it.

use bolero::generator::{TypeGenerator, produce};

/// Text of words that mean something, of anything, and of much of it.
#[derive(Debug, Clone, TypeGenerator)]
pub struct Text(#[generator(produce::<Vec<Part>>().with().len(0_usize..=5))] Vec<Part>);

/// A part of a [`Text`].
#[derive(Debug, Clone, TypeGenerator)]
pub enum Part {
    /// One of the words, modulo their number.
    Word(u8),
    /// Anything.
    Any(String),
    /// A character, many times.
    Long(char, u16),
}

impl Text {
    /// The text, with these words, one at least.
    pub fn of(&self, words: &[&str]) -> String {
        let Self(parts) = self;
        parts.iter().map(|part| part.of(words)).collect()
    }
}

impl Part {
    fn of(&self, words: &[&str]) -> String {
        match self {
            Self::Word(number) => words[usize::from(*number) % words.len()].to_owned(),
            Self::Any(text) => text.clone(),
            // Beyond the limits on names, prefixes and keys.
            Self::Long(character, times) => {
                character.to_string().repeat(usize::from(*times) % 1_100)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_its_parts() {
        let parts = vec![Part::Word(3), Part::Any("é".into()), Part::Long('x', 1_102)];
        assert_eq!(Text(parts).of(&["a", "b"]), "béxx");
    }
}
