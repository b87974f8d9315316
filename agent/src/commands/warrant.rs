//! A command's topics and groups are made and removed as long as the control plane wants it.
//!
//! A command may be read long after it was sent, and a process may stand still between any
//! two of its steps: meanwhile another agent has done as much, or undone it, and the connector
//! was removed, or made anew. So each step is taken only a short while after the control
//! plane was heard on the command's own stream, which it ends before it asks another agent.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use kafka2oss_chain::Moment;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::hearing::HEARD_FOR;
use kafka2oss_kafka::Permission;

use super::Attempt;
use super::origin::{Ended, Origin};
use crate::clock;
use crate::task::Confirmations;

/// Allows one step after the other.
pub(super) struct Warrant<'a> {
    deadline: Moment,
    confirmations: &'a Confirmations,
    now: &'a (dyn Fn() -> Moment + Send + Sync),
    origin: tokio::sync::Mutex<Origin>,
    /// When the last question was asked that was answered.
    heard: Mutex<Option<Moment>>,
}

/// What comes before a step.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Nothing: it is taken.
    Step,
    /// The control plane is to be heard.
    Hear,
    /// It is too late for any.
    Late,
}

impl<'a> Warrant<'a> {
    /// For a command's attempt.
    pub(super) fn new(attempt: &Attempt, confirmations: &'a Confirmations) -> Self {
        Self {
            deadline: attempt.deadline,
            confirmations,
            now: &clock::now,
            origin: tokio::sync::Mutex::new(attempt.origin.clone()),
            heard: Mutex::new(None),
        }
    }
}

fn next(now: Moment, deadline: Moment, heard: Option<Moment>) -> Next {
    if now >= deadline {
        Next::Late
    } else if heard.is_some_and(|heard| now < heard.after(HEARD_FOR)) {
        Next::Step
    } else {
        Next::Hear
    }
}

#[async_trait]
impl Permission for Warrant<'_> {
    async fn to_change(&self, name: &str) -> Result<(), Problem> {
        let mut origin = self.origin.lock().await;
        loop {
            let now = (self.now)();
            let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            match next(now, self.deadline, heard) {
                _ if !origin.stands() => return Err(ended(name)),
                Next::Step => return Ok(()),
                Next::Hear => {
                    let heard = origin.hear(self.confirmations).await;
                    heard.map_err(|Ended| ended(name))?;
                    // As of the question: it may have been answered at once.
                    *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
                }
                Next::Late => return Err(late(name)),
            }
        }
    }
}

fn ended(name: &str) -> Problem {
    let message =
        format!("nothing was done about `{name}`: the stream that asked for it has ended");
    Problem::new(ErrorCode::AgentTimeout, message)
}

fn late(name: &str) -> Problem {
    let message = format!("nothing was done about `{name}` within the command's time");
    Problem::new(ErrorCode::AgentTimeout, message)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use kafka2oss_proto::agent::v1::{RemoveResources, TopicRemoval};

    use super::super::Hearing;
    use super::*;
    use crate::task::confirmations;
    use crate::testing::FakeKafka;

    #[test]
    fn a_step_is_taken_in_time_and_soon_after_the_control_plane_was_heard() {
        let (asked, deadline) = (Moment(5_000), Moment(65_000));
        let heard = Some(asked);
        let soon = asked.after(HEARD_FOR);
        for (now, heard, expected) in [
            (asked, None, Next::Hear),
            (asked, heard, Next::Step),
            (Moment(soon.0 - 1), heard, Next::Step),
            (soon, heard, Next::Hear),
            (Moment(64_999), Some(Moment(64_000)), Next::Step),
            (deadline, Some(Moment(64_000)), Next::Late),
            (deadline, None, Next::Late),
        ] {
            assert_eq!(next(now, deadline, heard), expected, "{now:?} {heard:?}");
        }
    }

    /// Removes two topics and a group within a minute, while the process stands still for
    /// `still` after each step. Says what was removed, the code of the problem, and how
    /// often the control plane was asked, which answers at once, until its stream ends
    /// after so many answers.
    async fn removed(still: Duration, answers: u64) -> (Vec<String>, Option<String>, u64) {
        let topic = |name: &str| TopicRemoval { topic: name.to_owned(), only_if_empty: true };
        let request = RemoveResources {
            topics: vec![topic("one"), topic("two")],
            groups: vec!["group".to_owned()],
            ..RemoveResources::default()
        };
        let clock = Arc::new(AtomicU64::new(7));
        let kafka = FakeKafka::default();
        kafka.after_each({
            let clock = Arc::clone(&clock);
            move |_| {
                clock.fetch_add(still.as_millis() as u64, Ordering::Relaxed);
            }
        });
        let (confirmations, mut desk) = confirmations();
        let hearing = Hearing::new();
        let origin = hearing.origin();
        let control_plane = tokio::spawn(async move {
            for _ in 0..answers {
                desk.question().await;
                hearing.answered(desk.asked());
            }
            desk.question().await;
            drop(hearing);
            std::future::pending::<()>().await;
        });
        let warrant = Warrant {
            deadline: Moment(7).after(Duration::from_secs(60)),
            confirmations: &confirmations,
            now: &|| Moment(clock.load(Ordering::Relaxed)),
            origin: tokio::sync::Mutex::new(origin),
            heard: Mutex::new(None),
        };
        let result = kafka2oss_kafka::remove(&kafka, &request, &warrant).await;
        control_plane.abort();
        assert_eq!(kafka.deleted(), result.removed);
        let problem = result.problems.into_iter().next().map(|problem| problem.code);
        (result.removed, problem, confirmations.ask() - 1)
    }

    #[tokio::test]
    async fn steps_that_follow_each_other_need_the_control_plane_once() {
        let all = ["one", "two", "group"].map(str::to_owned).to_vec();
        assert_eq!(removed(Duration::from_secs(1), 9).await, (all, None, 1));
    }

    #[tokio::test]
    async fn after_a_process_stood_still_the_control_plane_is_heard_again_before_the_next_step() {
        let all = ["one", "two", "group"].map(str::to_owned).to_vec();
        assert_eq!(removed(Duration::from_secs(15), 9).await, (all, None, 3));
        let one = vec!["one".to_owned()];
        let timeout = Some("AGENT_TIMEOUT".to_owned());
        assert_eq!(removed(Duration::from_secs(15), 1).await, (one, timeout, 2));
    }

    #[tokio::test]
    async fn nothing_is_removed_after_the_time_of_the_command() {
        let one = vec!["one".to_owned()];
        let timeout = Some("AGENT_TIMEOUT".to_owned());
        assert_eq!(removed(Duration::from_secs(60), 9).await, (one, timeout, 1));
    }
}
