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
    results: HashMap<String, (Asked, CommandResult)>,
    /// Ids of the results, the oldest first.
    order: VecDeque<String>,
}

/// Tells what a command asks for from what another does; none where its id alone says it.
pub(super) type Asked = Option<u64>;

/// What is to be done about a command that came.
#[derive(Debug, PartialEq)]
pub(super) enum Admission {
    /// It is the first of its id, and counts as under way.
    New,
    /// Its result will come.
    UnderWay,
    /// Its result is there.
    Known(Box<CommandResult>),
    /// Its id stands for another command.
    Other,
    /// It has to come again later.
    Full,
}

impl Memory {
    pub(super) fn admit(&mut self, id: &str, asked: Asked) -> Admission {
        match (self.results.get(id), self.under_way.get(id)) {
            (Some((first, _)), _) | (None, Some(first)) if *first != asked => Admission::Other,
            (Some((_, result)), _) => Admission::Known(Box::new(result.clone())),
            (None, Some(_)) => Admission::UnderWay,
            (None, None) if self.under_way.len() >= UNDER_WAY => Admission::Full,
            (None, None) => {
                self.under_way.insert(id.to_owned(), asked);
                Admission::New
            }
        }
    }

    pub(super) fn finish(&mut self, result: CommandResult) {
        let asked = self.under_way.remove(&result.id).flatten();
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.results.remove(&oldest);
        }
        self.order.push_back(result.id.clone());
        self.results.insert(result.id.clone(), (asked, result));
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
        assert_eq!(memory.admit("a", None), Admission::New);
        assert_eq!(memory.admit("a", None), Admission::UnderWay);
        memory.finish(result("a"));
        assert_eq!(memory.admit("a", None), Admission::Known(Box::new(result("a"))));
        assert_eq!(memory.admit("b", None), Admission::New);
    }

    #[test]
    fn an_id_stands_for_what_was_asked_first() {
        let mut memory = Memory::default();
        assert_eq!(memory.admit("a", Some(1)), Admission::New);
        assert_eq!(memory.admit("a", Some(2)), Admission::Other);
        assert_eq!(memory.admit("a", Some(1)), Admission::UnderWay);
        memory.finish(result("a"));
        assert_eq!(memory.admit("a", Some(2)), Admission::Other);
        assert!(matches!(memory.admit("a", Some(1)), Admission::Known(_)));
    }

    #[test]
    fn the_oldest_results_are_forgotten() {
        let mut memory = Memory::default();
        for number in 0..=REMEMBERED {
            memory.admit(&number.to_string(), None);
            memory.finish(result(&number.to_string()));
        }
        assert_eq!(memory.admit("0", None), Admission::New);
        assert!(matches!(memory.admit("1", None), Admission::Known(_)));
        assert_eq!(memory.results.len(), REMEMBERED);
    }

    #[test]
    fn commands_above_the_limit_come_again_later() {
        let mut memory = Memory::default();
        for number in 0..UNDER_WAY {
            assert_eq!(memory.admit(&number.to_string(), None), Admission::New);
        }
        assert_eq!(memory.admit("one more", None), Admission::Full);
        memory.finish(result("0"));
        assert_eq!(memory.admit("one more", None), Admission::New);
    }
}
