//! Which commands have been seen, and what became of them. Pure.

use std::collections::{HashMap, HashSet, VecDeque};

use kafka2oss_proto::agent::v1::CommandResult;

/// Results that are remembered; a command is repeated soon or not at all.
const REMEMBERED: usize = 1_000;
/// Commands that run at once.
const UNDER_WAY: usize = 64;

/// Which commands have been seen, and what became of them.
#[derive(Debug, Default)]
pub(super) struct Memory {
    under_way: HashSet<String>,
    results: HashMap<String, CommandResult>,
    /// Ids of the results, the oldest first.
    order: VecDeque<String>,
}

/// What is to be done about a command that came.
#[derive(Debug, PartialEq)]
pub(super) enum Admission {
    /// It is the first of its id, and counts as under way.
    New,
    /// Its result will come.
    UnderWay,
    /// Its result is there.
    Known(Box<CommandResult>),
    /// It has to come again later.
    Full,
}

impl Memory {
    pub(super) fn admit(&mut self, id: &str) -> Admission {
        if let Some(result) = self.results.get(id) {
            return Admission::Known(Box::new(result.clone()));
        }
        if self.under_way.contains(id) {
            return Admission::UnderWay;
        }
        if self.under_way.len() >= UNDER_WAY {
            return Admission::Full;
        }
        self.under_way.insert(id.to_owned());
        Admission::New
    }

    pub(super) fn finish(&mut self, result: CommandResult) {
        self.under_way.remove(&result.id);
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.results.remove(&oldest);
        }
        self.order.push_back(result.id.clone());
        self.results.insert(result.id.clone(), result);
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
        assert_eq!(memory.admit("a"), Admission::New);
        assert_eq!(memory.admit("a"), Admission::UnderWay);
        memory.finish(result("a"));
        assert_eq!(memory.admit("a"), Admission::Known(Box::new(result("a"))));
        assert_eq!(memory.admit("b"), Admission::New);
    }

    #[test]
    fn the_oldest_results_are_forgotten() {
        let mut memory = Memory::default();
        for number in 0..=REMEMBERED {
            memory.admit(&number.to_string());
            memory.finish(result(&number.to_string()));
        }
        assert_eq!(memory.admit("0"), Admission::New);
        assert!(matches!(memory.admit("1"), Admission::Known(_)));
        assert_eq!(memory.results.len(), REMEMBERED);
    }

    #[test]
    fn commands_above_the_limit_come_again_later() {
        let mut memory = Memory::default();
        for number in 0..UNDER_WAY {
            assert_eq!(memory.admit(&number.to_string()), Admission::New);
        }
        assert_eq!(memory.admit("one more"), Admission::Full);
        memory.finish(result("0"));
        assert_eq!(memory.admit("one more"), Admission::New);
    }
}
