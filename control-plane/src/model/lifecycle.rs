//! Which action is allowed in which desired state, and what it makes of it.
//!
//! | | CREATED | RUNNING | PAUSED | DELETED |
//! |---|---|---|---|---|
//! | Deploy | RUNNING | already | refused | refused |
//! | Pause | refused | PAUSED | already | refused |
//! | Resume | refused | already | RUNNING | refused |
//! | Delete | DELETED | DELETED | DELETED | already |
//! | Update | carried out | carried out | carried out | refused |
//! | ResumePartition | refused | carried out | refused | refused |
//! | ResetOffsets | refused | refused | carried out | refused |
//! | SendTestMessage | refused | carried out | refused | refused |
//! | Flush | refused | carried out | refused | refused |
//!
//! "already" and "carried out" are OK answers that leave the desired state as
//! it is. A test checks that this table is what [`decide`] does.

use kafka2oss_proto::v1;

/// What the user wants of a connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum DesiredState {
    /// Created, never deployed.
    Created,
    /// Its tasks run.
    Running,
    /// Its tasks keep their partitions and take no record.
    Paused,
    /// It goes, with what the service has made for it.
    Deleted,
}

/// What a user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// Start it for the first time.
    Deploy,
    /// Stop at a closed object.
    Pause,
    /// Go on where Pause stopped.
    Resume,
    /// Stop it for good.
    Delete,
    /// Change its spec, the credentials of its store or its labels.
    Update,
    /// Let a partition go on that has stopped.
    ResumePartition,
    /// Open an epoch that starts elsewhere.
    ResetOffsets,
    /// Write a record to its source topic.
    SendTestMessage,
    /// Wait until what stands in its source topic stands in objects.
    Flush,
}

/// What follows from an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The desired state becomes this one.
    Change(DesiredState),
    /// The desired state is this one already: OK, nothing to do.
    Already,
    /// The action is carried out, the desired state stays.
    CarriedOut,
    /// FAILED_PRECONDITION (WRONG_STATE).
    Refused {
        /// Desired states in which it is allowed.
        allowed: &'static [DesiredState],
    },
}

/// Decides `action` in desired state `desired`.
pub(crate) fn decide(action: Action, desired: DesiredState) -> Decision {
    use DesiredState::{Created, Deleted, Paused, Running};

    match (action, desired) {
        (Action::Deploy, Created) => Decision::Change(Running),
        (Action::Deploy, Running) => Decision::Already,
        // Resume is meant: a second Deploy would open another epoch.
        (Action::Deploy, Paused | Deleted) => Decision::Refused { allowed: &[Created, Running] },

        (Action::Pause, Running) => Decision::Change(Paused),
        (Action::Pause, Paused) => Decision::Already,
        (Action::Pause, Created | Deleted) => Decision::Refused { allowed: &[Running, Paused] },

        (Action::Resume, Paused) => Decision::Change(Running),
        (Action::Resume, Running) => Decision::Already,
        (Action::Resume, Created | Deleted) => Decision::Refused { allowed: &[Paused, Running] },

        (Action::Delete, Created | Running | Paused) => Decision::Change(Deleted),
        (Action::Delete, Deleted) => Decision::Already,

        (Action::Update, Created | Running | Paused) => Decision::CarriedOut,
        (Action::Update, Deleted) => Decision::Refused { allowed: &[Created, Running, Paused] },

        (Action::ResumePartition | Action::SendTestMessage | Action::Flush, Running) => {
            Decision::CarriedOut
        }
        (
            Action::ResumePartition | Action::SendTestMessage | Action::Flush,
            Created | Paused | Deleted,
        ) => Decision::Refused { allowed: &[Running] },

        (Action::ResetOffsets, Paused) => Decision::CarriedOut,
        (Action::ResetOffsets, Created | Running | Deleted) => {
            Decision::Refused { allowed: &[Paused] }
        }
    }
}

/// What follows from a desired state that a client gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// It is this one already.
    Already,
    /// It is carried out by these actions, one after the other.
    Act(&'static [Action]),
    /// FAILED_PRECONDITION (WRONG_STATE), for this reason.
    Refused(&'static str),
}

/// Decides what has to be done about a connector in desired state `desired`, so that it
/// is in `wanted`.
pub(crate) fn wish(desired: DesiredState, wanted: DesiredState) -> Wish {
    use DesiredState::{Created, Deleted, Paused, Running};

    match (desired, wanted) {
        (Created, Created) | (Running, Running) | (Paused, Paused) => Wish::Already,
        (Created, Running) => Wish::Act(&[Action::Deploy]),
        (Created, Paused) => Wish::Act(&[Action::Deploy, Action::Pause]),
        (Running, Paused) => Wish::Act(&[Action::Pause]),
        (Paused, Running) => Wish::Act(&[Action::Resume]),
        (Running | Paused, Created) => {
            Wish::Refused("one that was deployed is never CREATED again: pause it")
        }
        (_, Deleted) => Wish::Refused("DeleteConnector deletes it"),
        (Deleted, _) => Wish::Refused("it is being deleted"),
    }
}

impl DesiredState {
    /// The name that the API has for it, without its prefix.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Deleted => "DELETED",
        }
    }

    /// The desired state of a stored connector. UNSPECIFIED, which is never
    /// stored, reads as CREATED: nothing runs by mistake.
    pub(crate) fn from_wire(wire: v1::DesiredState) -> Self {
        match wire {
            v1::DesiredState::Unspecified | v1::DesiredState::Created => Self::Created,
            v1::DesiredState::Running => Self::Running,
            v1::DesiredState::Paused => Self::Paused,
            v1::DesiredState::Deleted => Self::Deleted,
        }
    }
}

impl From<DesiredState> for v1::DesiredState {
    fn from(state: DesiredState) -> Self {
        match state {
            DesiredState::Created => Self::Created,
            DesiredState::Running => Self::Running,
            DesiredState::Paused => Self::Paused,
            DesiredState::Deleted => Self::Deleted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [DesiredState; 4] =
        [DesiredState::Created, DesiredState::Running, DesiredState::Paused, DesiredState::Deleted];

    #[test]
    fn a_wish_comes_true_by_actions_that_are_allowed_or_is_refused() {
        for (desired, wanted) in STATES.into_iter().flat_map(|a| STATES.map(|b| (a, b))) {
            let may_be = desired != DesiredState::Deleted
                && (wanted == desired
                    || matches!(wanted, DesiredState::Running | DesiredState::Paused));
            match wish(desired, wanted) {
                Wish::Already => assert!(may_be && desired == wanted, "{desired:?} {wanted:?}"),
                Wish::Refused(_) => assert!(!may_be, "{desired:?} {wanted:?}"),
                Wish::Act(actions) => {
                    let end = actions.iter().fold(desired, |state, action| {
                        match decide(*action, state) {
                            Decision::Change(next) => next,
                            other => panic!("{action:?} in {state:?} is {other:?}"),
                        }
                    });
                    assert!(may_be && end == wanted, "{desired:?} {wanted:?}");
                }
            }
        }
    }

    const ACTIONS: [Action; 9] = [
        Action::Deploy,
        Action::Pause,
        Action::Resume,
        Action::Delete,
        Action::Update,
        Action::ResumePartition,
        Action::ResetOffsets,
        Action::SendTestMessage,
        Action::Flush,
    ];

    fn table() -> String {
        let header: Vec<_> = STATES.map(DesiredState::as_str).into();
        let mut table = format!("| | {} |\n|---|---|---|---|---|\n", header.join(" | "));
        for action in ACTIONS {
            let cells = STATES.map(|state| match decide(action, state) {
                Decision::Change(to) => to.as_str(),
                Decision::Already => "already",
                Decision::CarriedOut => "carried out",
                Decision::Refused { .. } => "refused",
            });
            table += &format!("| {action:?} | {} |\n", cells.join(" | "));
        }
        table
    }

    #[test]
    fn the_documented_table_is_what_is_decided() {
        let documented: String = include_str!("lifecycle.rs")
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .map(str::trim_start)
            .filter(|line| line.starts_with('|'))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(documented, table());
    }

    #[test]
    fn repeating_an_action_that_was_allowed_is_ok() {
        for action in ACTIONS {
            for state in STATES {
                if let Decision::Change(next) = decide(action, state) {
                    assert_eq!(decide(action, next), Decision::Already, "{action:?} {state:?}");
                }
            }
        }
    }

    #[test]
    fn a_refusal_names_exactly_the_states_that_allow_the_action() {
        for action in ACTIONS {
            let refused = |state| matches!(decide(action, state), Decision::Refused { .. });
            for state in STATES {
                let Decision::Refused { allowed } = decide(action, state) else { continue };
                for other in STATES {
                    assert_eq!(allowed.contains(&other), !refused(other), "{action:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn a_stored_state_is_read_as_it_was_written() {
        for state in STATES {
            assert_eq!(DesiredState::from_wire(state.into()), state);
        }
    }
}
