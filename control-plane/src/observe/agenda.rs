//! What is to be looked at, and when: each name once, at its earliest time.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

/// Names with times.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    times: HashMap<Arc<str>, Instant>,
    order: BTreeSet<(Instant, Arc<str>)>,
}

impl Agenda {
    /// Looks at `name` no later than `at`.
    pub(super) fn add(&mut self, name: &str, at: Instant) {
        let name: Arc<str> = match self.times.get_key_value(name) {
            Some((_, earlier)) if *earlier <= at => return,
            Some((name, later)) => {
                self.order.remove(&(*later, Arc::clone(name)));
                Arc::clone(name)
            }
            None => name.into(),
        };
        self.times.insert(Arc::clone(&name), at);
        self.order.insert((at, name));
    }

    /// Takes the name whose time came first, if it has come.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Arc<str>> {
        self.next().filter(|at| *at <= now)?;
        let (_, name) = self.order.pop_first()?;
        self.times.remove(&name);
        Some(name)
    }

    /// When the next time comes.
    pub(super) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_name_comes_once_at_its_earliest_time() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let mut agenda = Agenda::default();
        agenda.add("a", later);
        agenda.add("b", later);
        agenda.add("a", now);
        agenda.add("a", later);
        assert_eq!(agenda.next(), Some(now));
        assert_eq!(agenda.pop(now).as_deref(), Some("a"));
        assert_eq!((agenda.pop(now), agenda.next()), (None, Some(later)));
        assert_eq!(agenda.pop(later).as_deref(), Some("b"));
        assert_eq!((agenda.pop(later), agenda.next()), (None, None));
    }
}
