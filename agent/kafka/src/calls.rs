//! Calls of librdkafka that wait, each on a blocking thread and with a limit.
//!
//! librdkafka gives its requests up by itself, but many of its calls wait for its main
//! thread, without a limit; and where the host's clock is set back, whatever waits at
//! that moment waits for as much longer (2.12.1: `cnd_timedwait` goes by the time of
//! day). A thread that does not come back cannot be ended: it is left alone and
//! counted, so that there are never many of them.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

/// So many that do not come back are too many.
const MOST: usize = 8;

/// Limit of [`of_clients`]: twice what the longest request asks for.
const CLIENTS_LIMIT: Duration = Duration::from_secs(60);

/// Calls that wait, of whoever shares this.
#[derive(Debug)]
pub struct Calls {
    limit: Duration,
    running: Mutex<Running>,
}

#[derive(Debug, Default)]
struct Running {
    next: u64,
    calls: BTreeMap<u64, (&'static str, Instant)>,
}

/// The calls of the process's clients, but for consumers of tasks.
pub(crate) fn of_clients() -> &'static Arc<Calls> {
    static CALLS: LazyLock<Arc<Calls>> = LazyLock::new(|| Arc::new(Calls::new(CLIENTS_LIMIT)));
    &CALLS
}

impl Calls {
    /// Calls that take no longer than this, unless they do not come back at all.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Self { limit, running: Mutex::default() }
    }

    /// Waits for a call on a blocking thread; `what` says what it is to do.
    ///
    /// # Errors
    /// `KAFKA_CLIENT_STUCK` when the call has not come back in time, and at once while
    /// too many have not.
    pub async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        what: &'static str,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        self.admit()?;
        self.run_in_any_case(what, call).await
    }

    /// The same, also while too many have not come back.
    ///
    /// # Errors
    /// `KAFKA_CLIENT_STUCK` when the call has not come back in time.
    pub async fn run_in_any_case<T: Send + 'static>(
        self: &Arc<Self>,
        what: &'static str,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let entry = self.begin(what);
        let call = spawn_blocking(move || {
            let _entry = entry;
            call()
        });
        match timeout(self.limit, call).await {
            Ok(Ok(came_to)) => Ok(came_to),
            Ok(Err(error)) => {
                let message = format!("a call of the Kafka client ended: {what}: {error}");
                Err(Problem::new(ErrorCode::Internal, message))
            }
            Err(_) => {
                let limit = self.limit.as_secs();
                let message =
                    format!("the Kafka client has not come back within {limit} s: {what}");
                Err(Problem::new(ErrorCode::KafkaClientStuck, message))
            }
        }
    }

    /// Fails while too many calls have not come back.
    ///
    /// # Errors
    /// `KAFKA_CLIENT_STUCK`.
    pub fn admit(&self) -> Result<(), Problem> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let hung = running.calls.values().filter(|(_, since)| since.elapsed() >= self.limit);
        let hung: Vec<&str> = hung.map(|(what, _)| *what).collect();
        if hung.len() < MOST {
            return Ok(());
        }
        let message = format!(
            "{} calls of the Kafka client have not come back, and no more are made: {}",
            hung.len(),
            hung.join(", ")
        );
        Err(Problem::new(ErrorCode::KafkaClientStuck, message))
    }

    /// A call begins, and runs for as long as the entry is kept.
    pub(crate) fn begin(self: &Arc<Self>, what: &'static str) -> Entry {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let number = running.next;
        running.next += 1;
        running.calls.insert(number, (what, Instant::now()));
        Entry { calls: Arc::clone(self), number }
    }
}

/// A call that runs.
#[derive(Debug)]
pub(crate) struct Entry {
    calls: Arc<Calls>,
    number: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut running = self.calls.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.calls.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may end at once")]

    use std::sync::mpsc;

    use kafka2oss_tests::wait::eventually;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(20);

    /// A call that comes back when the sender is dropped.
    async fn hung(calls: &Arc<Calls>) -> (mpsc::Sender<()>, Result<(), Problem>) {
        let (release, released) = mpsc::channel::<()>();
        let outcome = calls.run("read an offset", move || released.recv()).await.map(|_| ());
        (release, outcome)
    }

    #[tokio::test]
    async fn a_call_that_comes_back_has_its_outcome() {
        let calls = Arc::new(Calls::new(Duration::from_secs(60)));
        assert_eq!(calls.run("add", || 1 + 1).await.unwrap(), 2);
        assert!(calls.running.lock().unwrap().calls.is_empty());
    }

    #[tokio::test]
    async fn a_call_that_does_not_come_back_is_an_error_and_too_many_are_the_last() {
        let calls = Arc::new(Calls::new(LIMIT));
        let mut releases = Vec::new();
        for _ in 0..MOST {
            let (release, outcome) = hung(&calls).await;
            let problem = outcome.unwrap_err();
            assert_eq!(problem.code, ErrorCode::KafkaClientStuck, "{problem}");
            assert!(problem.message.ends_with("read an offset"), "{problem}");
            releases.push(release);
        }

        let refused = calls.run("add", || 1 + 1).await.unwrap_err();

        assert_eq!(refused.code, ErrorCode::KafkaClientStuck, "{refused}");
        assert!(refused.message.starts_with("8 calls"), "{refused}");

        releases.pop();
        let admitted = async || Ok(calls.admit().ok());
        eventually("one has come back", Duration::from_secs(10), admitted).await.unwrap();
        assert_eq!(calls.run("add", || 1 + 1).await.unwrap(), 2);
    }

    /// Nobody waits for it any more, and it runs on.
    #[tokio::test]
    async fn a_call_that_nobody_waits_for_counts_as_well() {
        let calls = Arc::new(Calls::new(LIMIT));
        let (release, released) = mpsc::channel::<()>();
        let run = calls.run("read an offset", move || released.recv());
        tokio::select! {
            biased;
            _ = run => panic!("it does not come back"),
            () = tokio::task::yield_now() => {}
        }

        assert_eq!(calls.running.lock().unwrap().calls.len(), 1);

        drop(release);
        let ended = async || Ok(calls.running.lock().unwrap().calls.is_empty().then_some(()));
        eventually("it has come back", Duration::from_secs(10), ended).await.unwrap();
    }
}
