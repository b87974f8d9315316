//! Requests to even out pools. They wait here for the reconciler, which has the
//! board that knows what is to move.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use kafka2oss_domain::spec::Pool;
use tokio::sync::oneshot;

use crate::model::placement::{Board, Move};

/// Requests that wait at most.
pub(crate) const MAX_WAITING: usize = 64;

/// The moves, pool by pool; none where no agent of the pool is connected.
pub(crate) type Answer = Option<Vec<Move>>;

#[derive(Debug)]
struct Request {
    /// Every pool without it.
    pool: Option<Pool>,
    plan_only: bool,
    answer: oneshot::Sender<Answer>,
}

/// Those that wait.
#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<Vec<Request>>);

impl Requests {
    /// Asks for a pool, or all, to be evened out, or for what that would mean.
    /// None when too many wait already. The reconciler is to be woken.
    pub(crate) fn ask(
        &self,
        pool: Option<Pool>,
        plan_only: bool,
    ) -> Option<oneshot::Receiver<Answer>> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|request| !request.answer.is_closed());
        if waiting.len() >= MAX_WAITING {
            return None;
        }
        let (answer, answered) = oneshot::channel();
        waiting.push(Request { pool, plan_only, answer });
        Some(answered)
    }

    /// Answers those that wait, and has the board move what is asked for when
    /// it is settled next. Returns whether that is so.
    pub(super) fn answer(&self, board: &mut Board) -> bool {
        let waiting = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        // One that was answered changes nothing before the board is settled.
        let mut plans: BTreeMap<Pool, Vec<Move>> = BTreeMap::new();
        let mut begins = false;
        for Request { pool, plan_only, answer } in waiting {
            // Whoever gave up has been told that nothing was carried out.
            if answer.is_closed() {
                continue;
            }
            let all: Vec<Pool> = board.pools().cloned().collect();
            let pools = match pool {
                None => all,
                Some(pool) if all.contains(&pool) => vec![pool],
                Some(_) => {
                    // It may have given up just now.
                    let _ = answer.send(None);
                    continue;
                }
            };
            let mut moves = Vec::new();
            for pool in pools {
                let plan = plans.entry(pool.clone()).or_insert_with(|| board.plan(&pool));
                if !plan_only && !plan.is_empty() {
                    board.rebalance(&pool);
                    begins = true;
                }
                moves.extend(plan.iter().cloned());
            }
            let _ = answer.send(Some(moves));
        }
        begins
    }
}
