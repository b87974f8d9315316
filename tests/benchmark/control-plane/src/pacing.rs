//! Requests at a steady rate, whatever becomes of them, and as many as possible.

use std::time::Duration;

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::bound::{NotWithin, within};

/// Requests under way when as much as possible is to be done.
const WIDTH: usize = 32;

/// A request of an open loop, answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered {
    /// Which.
    pub(crate) number: u32,
    /// From when it was to be sent until it was answered: that it was sent late counts,
    /// since whoever would have sent it would have waited.
    pub(crate) latency: Duration,
    /// The part of that until it was sent: time for which this program did not come to run.
    pub(crate) late: Duration,
    /// When it was answered.
    pub(crate) at: Instant,
}

/// Carries out `work` for each number, so many a second, without waiting for those
/// before: each has `bound` for itself.
///
/// # Errors
/// The first failure of one; or that one took too long.
pub(crate) async fn open_loop<F>(
    rate: u32,
    numbers: impl IntoIterator<Item = u32>,
    bound: Duration,
    work: impl Fn(u32) -> F,
) -> Result<Vec<Answered>>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let start = Instant::now();
    let mut under_way = JoinSet::new();
    for (place, number) in (0..).zip(numbers) {
        let due = start + offset(place, rate);
        sleep_until(due).await;
        let one = work(number);
        under_way.spawn(async move {
            let late = due.elapsed();
            within(bound, one).await??;
            let at = Instant::now();
            anyhow::Ok(Answered { number, latency: at - due, late, at })
        });
    }
    let mut answered = Vec::new();
    while let Some(one) = under_way.join_next().await {
        answered.push(one??);
    }
    Ok(answered)
}

/// When the request of this place is due, after the first one.
fn offset(place: u32, rate: u32) -> Duration {
    Duration::from_secs_f64(f64::from(place) / f64::from(rate))
}

/// Carries out `work` for each number, some at a time.
///
/// # Errors
/// The first failure of one.
pub(crate) async fn closed_loop<F>(
    numbers: impl IntoIterator<Item = u32>,
    work: impl Fn(u32) -> F,
) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let works = stream::iter(numbers).map(Ok).try_for_each_concurrent(WIDTH, work);
    works.await
}

/// A time in milliseconds.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Which bound was broken, if that is what failed.
pub(crate) fn not_within(error: &anyhow::Error) -> Option<NotWithin> {
    error.downcast_ref::<NotWithin>().copied()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn requests_are_due_at_the_rate_without_drift() {
        assert_eq!(offset(0, 100), Duration::ZERO);
        assert_eq!(offset(1, 100), Duration::from_millis(10));
        assert_eq!(offset(100_000, 100), Duration::from_secs(1_000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_holds_up_none_and_is_counted_from_when_it_was_due() {
        let slow_first = |number| async move {
            let time = if number == 0 { 500 } else { 1 };
            tokio::time::sleep(Duration::from_millis(time)).await;
            Ok(())
        };
        let bound = Duration::from_secs(5);
        let mut answered = open_loop(100, 0..10, bound, slow_first).await.expect("answered");
        answered.sort_by_key(|one| one.number);
        assert!(answered[0].latency >= Duration::from_millis(500));
        assert!(answered.iter().all(|one| one.late <= Duration::from_millis(2)));
        assert!(answered[1..].iter().all(|one| one.latency <= Duration::from_millis(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_never_answered_is_said_to_be_so() {
        let never = |_| std::future::pending::<Result<()>>();
        let error = open_loop(100, 0..3, Duration::from_secs(5), never).await.expect_err("never");
        assert_eq!(not_within(&error), Some(NotWithin(Duration::from_secs(5))));
    }

    #[tokio::test]
    async fn a_closed_loop_does_each_once() {
        let (sum, sum_in) = (std::sync::Arc::new(AtomicU32::new(0)), 1..=100);
        let work = |number| {
            let sum = std::sync::Arc::clone(&sum);
            async move {
                sum.fetch_add(number, Ordering::Relaxed);
                Ok(())
            }
        };
        closed_loop(sum_in, work).await.expect("all");
        assert_eq!(sum.load(Ordering::Relaxed), 5_050);
    }
}
