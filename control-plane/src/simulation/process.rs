//! A simulated process: its tasks can be killed between any two steps, frozen, and held up
//! for a turn, so that each seed has another order of steps.

use std::future::pending;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio_util::sync::CancellationToken;

tokio::task_local! {
    static PROCESS: Process;
}

/// One life of a process.
#[derive(Debug, Clone)]
pub(super) struct Process {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    killed: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    chance: fastrand::Rng,
    /// Steps until it is killed.
    steps_left: Option<u64>,
    frozen: bool,
    /// Tasks that go on when it is not frozen any more.
    waiting: Vec<Waker>,
}

impl Process {
    /// One whose steps follow in an order that `seed` decides.
    pub(super) fn new(seed: u64) -> Self {
        let state = State {
            chance: fastrand::Rng::with_seed(seed),
            steps_left: None,
            frozen: false,
            waiting: Vec::new(),
        };
        let shared = Shared { killed: CancellationToken::new(), state: Mutex::new(state) };
        Self { shared: Arc::new(shared) }
    }

    /// Ends it without another step of any of its tasks.
    pub(super) fn kill(&self) {
        self.shared.killed.cancel();
        self.thaw();
    }

    /// Has it killed after so many steps of its tasks.
    pub(super) fn kill_after(&self, steps: u64) {
        self.lock().steps_left = Some(steps);
    }

    pub(super) fn is_killed(&self) -> bool {
        self.shared.killed.is_cancelled()
    }

    /// Waits until it is killed.
    pub(super) async fn killed(&self) {
        self.shared.killed.cancelled().await;
    }

    /// Lets none of its tasks go on until [`Process::thaw`].
    pub(super) fn freeze(&self) {
        self.lock().frozen = true;
    }

    /// Lets its tasks go on.
    pub(super) fn thaw(&self) {
        let waiting = {
            let mut state = self.lock();
            state.frozen = false;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Does something as the process: tasks that it starts are the process's.
    pub(super) fn enter<T>(&self, start: impl FnOnce() -> T) -> T {
        PROCESS.sync_scope(self.clone(), start)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a task may take a step now.
    fn may_step(&self, context: &Context<'_>) -> bool {
        if self.is_killed() {
            return false;
        }
        let mut state = self.lock();
        if state.frozen {
            state.waiting.push(context.waker().clone());
            return false;
        }
        if state.steps_left == Some(0) {
            drop(state);
            self.kill();
            return false;
        }
        state.steps_left = state.steps_left.map(|left| left - 1);
        if state.chance.u8(..8) == 0 {
            context.waker().wake_by_ref();
            return false;
        }
        true
    }
}

/// Makes a task one of the process that starts it, if that is simulated.
pub(crate) fn part_of<T>(task: impl Future<Output = T>) -> impl Future<Output = T> {
    // Asked here: whoever polls it first is not who starts it.
    let process = PROCESS.try_with(Clone::clone).ok();
    async {
        match process {
            Some(process) => run(process, task).await,
            None => task.await,
        }
    }
}

async fn run<T>(process: Process, task: impl Future<Output = T>) -> T {
    let task = Box::pin(PROCESS.scope(process.clone(), task));
    let ended = tokio::select! {
        biased;
        () = process.killed() => None,
        ended = (Stepwise { process: &process, task }) => Some(ended),
    };
    match ended {
        Some(ended) => ended,
        None => pending().await,
    }
}

struct Stepwise<'a, F> {
    process: &'a Process,
    task: Pin<Box<F>>,
}

impl<F: Future> Future for Stepwise<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        if self.process.may_step(context) {
            self.task.as_mut().poll(context)
        } else {
            Poll::Pending
        }
    }
}
