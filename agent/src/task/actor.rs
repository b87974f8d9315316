//! A task's life: one consumer after the other, until it is told to stop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use kafka2oss_proto::ErrorCode;
use kafka2oss_proto::error_code::Problem;

use super::board::Board;
use super::session::{self, End, Steering};
use super::{Incarnation, TaskEnvironment, TaskSpec};

/// Wait before a new consumer is made: grows from the first to the second.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// Wait of a task whose member was fenced, before it tries to get its place
/// back: another agent was given the task, and this one is about to be told.
const FENCED_BACKOFF: Duration = Duration::from_secs(60);

/// A consumer that lived for this long was no failed attempt.
const LIVED: Duration = Duration::from_secs(60);

/// Runs the task until it is told to stop.
pub(super) async fn run(
    spec: Arc<TaskSpec>,
    environment: TaskEnvironment,
    board: Arc<Board>,
    mut steering: Steering,
) {
    let backoff = ExponentialBuilder::default()
        .with_min_delay(BACKOFF.0)
        .with_max_delay(BACKOFF.1)
        .with_jitter()
        .without_max_times();
    let mut delays = backoff.build();
    let incarnation = Arc::new(Incarnation::new(spec.clone()));
    loop {
        let started = Instant::now();
        let problem =
            match session::run(&spec, &environment, &board, &incarnation, &mut steering).await {
                End::Stopped => return,
                End::Failed(problem) => problem,
            };
        if started.elapsed() > LIVED {
            delays = backoff.build();
        }
        let delay = wait(&problem, delays.next());
        board.failed(problem);
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            _ = steering.stop.wait_for(Option::is_some) => return,
        }
    }
}

fn wait(problem: &Problem, delay: Option<Duration>) -> Duration {
    match problem.code {
        ErrorCode::KafkaFenced => FENCED_BACKOFF,
        _ => delay.unwrap_or(BACKOFF.1),
    }
}
