//! What requests asked for whose ID a caller chose, to tell a repeat from another request.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

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
    requests: HashMap<String, Asked>,
    /// Their IDs, the oldest first.
    order: VecDeque<String>,
    /// So many have begun.
    tries: u64,
}

#[derive(Debug)]
struct Asked {
    /// What it asks for, as a hash under a key of this process.
    what: u64,
    /// Number of its last try; none where certainly nothing has come of it.
    tried: Option<u64>,
}

/// One try of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Try {
    /// Something may have come of a try before.
    pub(super) again: bool,
    number: u64,
}

impl Repeats {
    /// A request is about to be tried; none where its ID stands for another one, as far as
    /// that is remembered.
    pub(super) fn begin(&self, id: &str, asked: &impl prost::Message) -> Option<Try> {
        let what = self.hasher.hash_one(asked.encode_to_vec());
        let mut memory = self.lock();
        memory.tries += 1;
        let number = memory.tries;
        if let Some(first) = memory.requests.get_mut(id) {
            return (first.what == what)
                .then(|| Try { again: first.tried.replace(number).is_some(), number });
        }
        if memory.order.len() >= REMEMBERED
            && let Some(oldest) = memory.order.pop_front()
        {
            memory.requests.remove(&oldest);
        }
        memory.order.push_back(id.to_owned());
        memory.requests.insert(id.to_owned(), Asked { what, tried: Some(number) });
        Some(Try { again: false, number })
    }

    /// Certainly nothing has come of a request by the end of this try: unless another one
    /// has begun since, it is tried anew when it comes again.
    pub(super) fn came_to_nothing(&self, id: &str, ended: Try) {
        if let Some(asked) = self.lock().requests.get_mut(id) {
            asked.tried = asked.tried.filter(|last| *last != ended.number);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stands_for_its_first_request_until_that_is_forgotten() {
        let repeats = Repeats::default();
        let again = |id: &str, asked: &str| Some(repeats.begin(id, &asked.to_owned())?.again);
        assert_eq!([again("a", "x"), again("a", "x")], [Some(false), Some(true)]);
        assert_eq!([again("a", "y"), again("b", "y")], [None, Some(false)]);
        for number in 0..REMEMBERED {
            again(&number.to_string(), "x");
        }
        assert_eq!(again("a", "y"), Some(false));
        assert_eq!(repeats.lock().requests.len(), REMEMBERED);
    }

    #[test]
    fn a_request_of_which_nothing_came_is_tried_anew_and_stays_the_same() {
        let repeats = Repeats::default();
        let begin = |asked: &str| repeats.begin("a", &asked.to_owned());
        let first = begin("x").expect("the first");
        repeats.came_to_nothing("a", first);
        assert_eq!(begin("y"), None);
        let (second, third) = (begin("x").expect("the same"), begin("x").expect("the same"));
        assert!(!second.again && third.again);
        // Something may come of the third.
        repeats.came_to_nothing("a", second);
        assert!(begin("x").expect("the same").again);
    }
}
