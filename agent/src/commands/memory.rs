//! Which commands have been seen, and what became of them. Pure.

use std::collections::{HashMap, VecDeque};

use kafka2oss_proto::agent::v1::CommandResult;

/// Results that are remembered; a command is repeated soon or not at all.
const REMEMBERED: usize = 1_000;
/// Commands that run at once.
const UNDER_WAY: usize = 64;

/// Which commands have been seen, and what became of them.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// What each asks for.
    under_way: HashMap<String, Asked>,
    ended: HashMap<String, Ended>,
    /// Ids of those that have ended, the oldest first.
    order: VecDeque<String>,
}

/// Tells what a command asks for from what another does; none where its id alone says it.
pub(super) type Asked = Option<u64>;

#[derive(Debug)]
struct Ended {
    asked: Asked,
    /// None where nothing came of it: it may be carried out again.
    result: Option<CommandResult>,
}

/// What is to be done about a command that came.
#[derive(Debug, PartialEq)]
pub(super) enum Admission {
    /// Nothing came of its id so far, and it counts as under way.
    New,
    /// Its result will come.
    UnderWay,
    /// Its result is there.
    Known(Box<CommandResult>),
    /// Its id stands for another command.
    Other,
    /// It was sent before, and it is not known what became of it.
    Unknown,
    /// It has to come again later.
    Full,
}

impl Memory {
    /// `again` says that a command of this id was sent before, perhaps to another agent.
    pub(super) fn admit(&mut self, id: &str, asked: Asked, again: bool) -> Admission {
        let ended = self.ended.get(id);
        let first = ended.map(|ended| ended.asked).or_else(|| self.under_way.get(id).copied());
        if first.is_some_and(|first| first != asked) {
            Admission::Other
        } else if self.under_way.contains_key(id) {
            Admission::UnderWay
        } else if let Some(result) = ended.and_then(|ended| ended.result.as_ref()) {
            Admission::Known(Box::new(result.clone()))
        } else if again && ended.is_none() {
            Admission::Unknown
        } else if self.under_way.len() >= UNDER_WAY {
            Admission::Full
        } else {
            self.under_way.insert(id.to_owned(), asked);
            Admission::New
        }
    }

    /// Its result stands for its id from now on; without one it may be carried out again.
    pub(super) fn finish(&mut self, id: &str, result: Option<CommandResult>) {
        let asked = self.under_way.remove(id).flatten();
        if self.ended.insert(id.to_owned(), Ended { asked, result }).is_some() {
            return;
        }
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ended.remove(&oldest);
        }
        self.order.push_back(id.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(id: &str) -> CommandResult {
        CommandResult { id: id.to_owned(), result: None }
    }

    #[test]
    fn a_repeated_command_joins_the_first_and_then_gets_its_result() {
        let mut memory = Memory::default();
        assert_eq!(memory.admit("a", None, false), Admission::New);
        assert_eq!(memory.admit("a", None, false), Admission::UnderWay);
        memory.finish("a", Some(result("a")));
        assert_eq!(memory.admit("a", None, false), Admission::Known(Box::new(result("a"))));
        assert_eq!(memory.admit("b", None, false), Admission::New);
    }

    #[test]
    fn an_id_stands_for_what_was_asked_first() {
        let mut memory = Memory::default();
        assert_eq!(memory.admit("a", Some(1), false), Admission::New);
        assert_eq!(memory.admit("a", Some(2), false), Admission::Other);
        assert_eq!(memory.admit("a", Some(1), false), Admission::UnderWay);
        memory.finish("a", Some(result("a")));
        assert_eq!(memory.admit("a", Some(2), false), Admission::Other);
        assert!(matches!(memory.admit("a", Some(1), false), Admission::Known(_)));
    }

    #[test]
    fn the_oldest_results_are_forgotten() {
        let mut memory = Memory::default();
        for number in 0..=REMEMBERED {
            memory.admit(&number.to_string(), None, false);
            memory.finish(&number.to_string(), Some(result(&number.to_string())));
        }
        assert_eq!(memory.admit("0", None, false), Admission::New);
        assert!(matches!(memory.admit("1", None, false), Admission::Known(_)));
        assert_eq!(memory.ended.len(), REMEMBERED);
    }

    #[test]
    fn commands_above_the_limit_come_again_later() {
        let mut memory = Memory::default();
        for number in 0..UNDER_WAY {
            assert_eq!(memory.admit(&number.to_string(), None, false), Admission::New);
        }
        assert_eq!(memory.admit("one more", None, false), Admission::Full);
        memory.finish("0", Some(result("0")));
        assert_eq!(memory.admit("one more", None, false), Admission::New);
    }

    #[test]
    fn what_nothing_came_of_is_carried_out_again_and_what_is_not_known_is_not() {
        let mut memory = Memory::default();
        assert_eq!(memory.admit("a", Some(1), true), Admission::Unknown);
        assert_eq!(memory.admit("a", Some(1), false), Admission::New);
        assert_eq!(memory.admit("a", Some(1), true), Admission::UnderWay);
        for again in [false, true] {
            memory.finish("a", None);
            assert_eq!(memory.admit("a", Some(2), again), Admission::Other);
            assert_eq!(memory.admit("a", Some(1), again), Admission::New);
        }
        memory.finish("a", Some(result("a")));
        assert!(matches!(memory.admit("a", Some(1), true), Admission::Known(_)));
        assert_eq!(memory.order.len(), 1);
    }
}
