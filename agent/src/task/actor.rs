//! A task's life: one consumer after the other, until it is told to stop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka2oss_domain::ErrorCode;
use kafka2oss_kafka::Calls;

use super::board::Board;
use super::consumer::CALL_LIMIT;
use super::renewal::Renewals;
use super::session::{self, End, Lasting, Steering};
use super::{Incarnation, TaskEnvironment, TaskSpec, settings};
use crate::backoff::Backoff;

/// Waits before a new consumer is made: from the first to the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// A consumer that lived for this long was no failed attempt.
const LIVED: Duration = Duration::from_secs(60);

/// Runs the task until it is told to stop.
pub(super) async fn run(
    spec: Arc<TaskSpec>,
    environment: TaskEnvironment,
    board: Arc<Board>,
    mut steering: Steering,
) {
    let mut backoff = Backoff::new(BACKOFF.0, BACKOFF.1);
    let admin = environment.clients.admins.of(&spec.instance);
    let session_timeout = settings::session_timeout(&spec, environment.membership);
    let lasting = Lasting {
        incarnation: Arc::new(Incarnation::new(spec.clone(), admin)),
        renewals: Arc::new(Renewals::new(session_timeout)),
        calls: Arc::new(Calls::new(CALL_LIMIT)),
    };
    let mut wait = None;
    loop {
        let started = Instant::now();
        let run = session::run(&spec, &environment, &board, &lasting, wait, &mut steering);
        let problem = match run.await {
            End::Stopped => return,
            End::Rejoin(suits) => {
                board.between_consumers(steering.guidance.borrow().mode);
                wait = Some(suits);
                continue;
            }
            // How seldom that is the renewals say.
            End::Lost => {
                board.between_consumers(steering.guidance.borrow().mode);
                wait = None;
                continue;
            }
            End::Failed(problem) => problem,
        };
        wait = None;
        if started.elapsed() > LIVED {
            backoff = Backoff::new(BACKOFF.0, BACKOFF.1);
        }
        let fenced = problem.code == ErrorCode::KafkaFenced;
        board.failed(problem, steering.guidance.borrow().mode);
        let ready = async {
            if fenced {
                // Another member took the place, perhaps another agent's: two
                // that take it from each other would never come to rest.
                environment.confirmations.confirm().await;
            }
            tokio::time::sleep(backoff.next_delay()).await;
        };
        let Steering { guidance, stop } = &mut steering;
        let follow = async {
            while guidance.changed().await.is_ok() {
                board.waiting(guidance.borrow_and_update().mode);
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = ready => {}
            () = follow => {}
            _ = stop.wait_for(Option::is_some) => return,
        }
    }
}
