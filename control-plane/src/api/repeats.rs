//! What requests asked for whose ID a caller chose, to tell a repeat from another request.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

/// So many are remembered; a request is repeated soon or not at all.
const REMEMBERED: usize = 10_000;

/// Requests by their IDs.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    hasher: RandomState,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    /// What each asks for, as a hash under a key of this process.
    asked: HashMap<String, u64>,
    /// Their IDs, the oldest first.
    order: VecDeque<String>,
}

impl Repeats {
    /// Whether a request asks for what the first one with its ID did, as far as that is
    /// remembered.
    pub(super) fn is_same(&self, id: &str, asked: &impl prost::Message) -> bool {
        let asked = self.hasher.hash_one(asked.encode_to_vec());
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = memory.asked.get(id) {
            return *first == asked;
        }
        if memory.order.len() >= REMEMBERED
            && let Some(oldest) = memory.order.pop_front()
        {
            memory.asked.remove(&oldest);
        }
        memory.order.push_back(id.to_owned());
        memory.asked.insert(id.to_owned(), asked);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stands_for_its_first_request_until_that_is_forgotten() {
        let repeats = Repeats::default();
        let text = |text: &str| text.to_owned();
        assert!(repeats.is_same("a", &text("x")) && repeats.is_same("a", &text("x")));
        assert!(!repeats.is_same("a", &text("y")) && repeats.is_same("b", &text("y")));
        for number in 0..REMEMBERED {
            repeats.is_same(&number.to_string(), &text("x"));
        }
        assert!(repeats.is_same("a", &text("y")));
        assert_eq!(repeats.memory.lock().expect("no panic").asked.len(), REMEMBERED);
    }
}
