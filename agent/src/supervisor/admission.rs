//! Whose assignments an agent takes. Pure.

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;

use crate::assignment::StoreIdentity;

/// Whether assignments of the store `given` are taken by an agent whose tasks
/// come from `held` (`None` without tasks).
///
/// A control plane with an empty or a foreign store must not stop what runs:
/// its tasks stay, as orphans, until an operator decides.
///
/// # Errors
/// `WRONG_STATE`, with what to do.
pub(super) fn admit(
    held: Option<&StoreIdentity>,
    given: &StoreIdentity,
    adopt_store: bool,
) -> Result<(), Problem> {
    match held {
        Some(held) if held.id != given.id && !adopt_store => Err(Problem::new(
            ErrorCode::WrongState,
            format!(
                "this agent runs tasks of a control plane with store `{}` and keeps them; this \
                 one has store `{}`: restart the agent with --adopt-store to take its \
                 assignments, which stops tasks that it does not list",
                held.id, given.id,
            ),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(id: &str) -> StoreIdentity {
        StoreIdentity { id: id.to_owned(), epoch: 0 }
    }

    #[test]
    fn a_foreign_store_is_refused_while_tasks_of_another_run() {
        let problem = admit(Some(&store("a")), &store("b"), false).expect_err("foreign");
        assert!(problem.message.contains("--adopt-store"), "{problem}");
    }

    #[test]
    fn everything_else_is_taken() {
        for (held, adopt) in [(None, false), (Some(store("b")), false), (Some(store("a")), true)] {
            assert_eq!(admit(held.as_ref(), &store("b"), adopt), Ok(()), "{held:?} {adopt}");
        }
    }
}
