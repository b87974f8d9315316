//! Bytes that are nearly right.

use bolero::generator::{TypeGenerator, produce};

/// Bytes that are nearly right, made of right ones and words of their format.
#[derive(Debug, Clone, TypeGenerator)]
pub enum Near {
    /// As they are: what is right is to be taken.
    Same,
    /// Changed in some places.
    Changed(#[generator(produce::<Vec<Edit>>().with().len(1_usize..=5))] Vec<Edit>),
    /// Something else.
    Any(Vec<u8>),
}

/// A change in one place; places are taken modulo the length.
#[derive(Debug, Clone, TypeGenerator)]
pub enum Edit {
    /// Another byte instead.
    Replace {
        /// Where.
        at: u16,
        /// By what.
        by: u8,
    },
    /// Some bytes less.
    Remove {
        /// Where.
        at: u16,
        /// How many.
        count: u8,
    },
    /// The rest is gone.
    Cut {
        /// From where on.
        at: u16,
    },
    /// Bytes more.
    Insert {
        /// Where.
        at: u16,
        /// What.
        bytes: Vec<u8>,
    },
    /// A word of the format more, again and again.
    Word {
        /// Where.
        at: u16,
        /// Which.
        word: u8,
        /// How often besides the first time.
        again: u8,
    },
    /// A part once more.
    Copy {
        /// Where it is.
        from: u16,
        /// Its length.
        count: u8,
        /// Where it comes.
        to: u16,
    },
}

impl Near {
    /// What becomes of `right`, with `words` of its format, one at least.
    pub fn to(&self, right: impl Into<Vec<u8>>, words: &[&str]) -> Vec<u8> {
        let mut bytes = right.into();
        match self {
            Self::Same => {}
            Self::Changed(edits) => edits.iter().for_each(|edit| edit.apply(&mut bytes, words)),
            Self::Any(any) => bytes.clone_from(any),
        }
        bytes
    }

    /// The same as text; what is not UTF-8 is replaced.
    pub fn to_text(&self, right: &str, words: &[&str]) -> String {
        String::from_utf8_lossy(&self.to(right, words)).into_owned()
    }
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>, words: &[&str]) {
        let length = bytes.len();
        // Up to the length: the place behind the last byte is one, too.
        let place = |at: &u16| usize::from(*at) % (length + 1);
        let part = |at: &u16, count: &u8| {
            let start = place(at);
            start..(start + usize::from(*count)).min(length)
        };
        match self {
            Self::Replace { at, by } => {
                if let Some(byte) = bytes.get_mut(place(at)) {
                    *byte = *by;
                }
            }
            Self::Remove { at, count } => drop(bytes.drain(part(at, count))),
            Self::Cut { at } => bytes.truncate(place(at)),
            Self::Insert { at, bytes: more } => insert(bytes, place(at), more),
            Self::Word { at, word, again } => {
                let word = words[usize::from(*word) % words.len()].as_bytes();
                // Mostly once.
                let times = usize::from(*again).saturating_sub(200) + 1;
                insert(bytes, place(at), &word.repeat(times));
            }
            Self::Copy { from, count, to } => {
                let copy = bytes[part(from, count)].to_vec();
                insert(bytes, place(to), &copy);
            }
        }
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, more: &[u8]) {
    drop(bytes.splice(at..at, more.iter().copied()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(edits: &[Edit]) -> String {
        Near::Changed(edits.to_vec()).to_text("right", &["word", "other"])
    }

    #[test]
    fn edits_change_what_is_right_in_their_places() {
        assert_eq!(Near::Same.to_text("right", &["word"]), "right");
        assert_eq!(near(&[Edit::Replace { at: 0, by: b'l' }]), "light");
        assert_eq!(near(&[Edit::Remove { at: 1, count: 2 }]), "rht");
        assert_eq!(near(&[Edit::Cut { at: 2 }]), "ri");
        assert_eq!(near(&[Edit::Insert { at: 5, bytes: b"ly".to_vec() }]), "rightly");
        assert_eq!(near(&[Edit::Word { at: 0, word: 3, again: 201 }]), "otherotherright");
        assert_eq!(near(&[Edit::Copy { from: 1, count: 2, to: 5 }]), "rightig");
    }

    #[test]
    fn places_out_of_range_are_brought_into_it() {
        assert_eq!(near(&[Edit::Replace { at: 5, by: b'!' }]), "right");
        assert_eq!(near(&[Edit::Replace { at: 6, by: b'l' }]), "light");
        assert_eq!(near(&[Edit::Remove { at: 4, count: 9 }]), "righ");
        assert_eq!(near(&[Edit::Cut { at: 0 }, Edit::Copy { from: 9, count: 9, to: 9 }]), "");
    }

    #[test]
    fn anything_has_nothing_of_what_is_right() {
        assert_eq!(Near::Any(b"else".to_vec()).to("right", &["word"]), b"else");
    }
}
