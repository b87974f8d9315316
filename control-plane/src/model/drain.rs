//! How far an agent has drained, and what keeps the tasks that it still has.

use kafka2oss_domain::ErrorCode;

/// What is known of an agent that is to drain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    /// Whether its stream is open.
    pub(crate) presence: Presence,
    /// Tasks that are placed on it.
    pub(crate) tasks: i32,
    /// It has not shown that it runs nothing.
    pub(crate) may_run: bool,
    /// The agents of its pool that are connected and take tasks.
    pub(crate) others: Others,
}

/// Whether an agent is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Its stream is open.
    Connected,
    /// Its stream is closed, its lease runs.
    Away,
    /// It has its tasks no longer.
    Gone,
}

/// Agents that could take tasks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Others {
    /// How many there are.
    pub(crate) agents: usize,
    /// How many further tasks they take together.
    pub(crate) room: u64,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It runs nothing.
    Drained,
    /// Its tasks go to others, a few at a time.
    Moving,
    /// Its tasks have others, and it has not shown that it stopped the last ones.
    Stopping,
    /// It keeps its tasks until it is back, or its lease has run out.
    Away,
    /// No other agent of its pool takes tasks.
    Alone,
    /// All others are full.
    Full,
}

/// What the facts come to.
pub(crate) fn progress(facts: Facts) -> Progress {
    let Facts { presence, tasks, may_run, others } = facts;
    match presence {
        Presence::Away => Progress::Away,
        _ if tasks == 0 && !may_run => Progress::Drained,
        _ if tasks == 0 => Progress::Stopping,
        // Whether others have room or not, they are its no longer.
        Presence::Gone => Progress::Moving,
        Presence::Connected if others.agents == 0 => Progress::Alone,
        Presence::Connected if others.room == 0 => Progress::Full,
        Presence::Connected => Progress::Moving,
    }
}

impl Progress {
    /// The code of what somebody has to do something about.
    pub(crate) fn code(self) -> Option<ErrorCode> {
        match self {
            Self::Alone | Self::Full => Some(ErrorCode::AgentNoneInPool),
            Self::Drained | Self::Moving | Self::Stopping | Self::Away => None,
        }
    }

    /// What it means for the `tasks` that the agent has.
    pub(crate) fn message(self, tasks: i32) -> String {
        match self {
            Self::Drained => "it runs nothing and can be stopped".to_owned(),
            Self::Moving => format!("{tasks} tasks move to other agents, a few at a time"),
            Self::Stopping => "other agents have its tasks; it stops its last ones".to_owned(),
            Self::Away => {
                format!("{tasks} tasks wait until it is connected again or its lease has run out")
            }
            Self::Alone => format!(
                "{tasks} tasks stay on it: no other agent of its pool is connected and takes tasks"
            ),
            Self::Full => {
                format!("{tasks} tasks stay on it: the other agents of its pool have no room")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_an_agent_from_being_drained_is_told() {
        let none = Others::default();
        let full = Others { agents: 2, room: 0 };
        let room = Others { agents: 2, room: 1 };
        let (there, away, gone) = (Presence::Connected, Presence::Away, Presence::Gone);
        for (presence, tasks, may_run, others, expected) in [
            (there, 0, false, none, Progress::Drained),
            (there, 0, true, room, Progress::Stopping),
            (there, 3, true, room, Progress::Moving),
            (there, 3, false, full, Progress::Full),
            (there, 3, true, none, Progress::Alone),
            (away, 3, true, room, Progress::Away),
            (away, 0, true, room, Progress::Away),
            (gone, 3, false, none, Progress::Moving),
            (gone, 0, false, none, Progress::Drained),
        ] {
            let facts = Facts { presence, tasks, may_run, others };
            assert_eq!(progress(facts), expected, "{facts:?}");
        }
    }

    #[test]
    fn a_code_stands_for_what_needs_somebody() {
        assert_eq!(Progress::Full.code(), Some(ErrorCode::AgentNoneInPool));
        assert_eq!(Progress::Moving.code(), None);
        assert!(Progress::Full.message(7).starts_with("7 tasks"));
    }
}
