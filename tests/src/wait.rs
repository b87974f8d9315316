//! Waiting for what a test expects to happen.

use std::fmt::Display;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::time;

const INTERVAL: Duration = Duration::from_millis(50);

/// Asks `probe` again and again until it returns a value, for at most `limit`.
///
/// `Ok(None)` and an error both mean "not yet": an error is an observation
/// ("state is DEPLOYING", "connection refused"), and the last one stands in the
/// error of this function, beside `what` was awaited. A probe that hangs is
/// given up at the limit.
///
/// ```
/// # use std::time::Duration;
/// # use kafka2oss_tests::wait::eventually;
/// # async fn state() -> anyhow::Result<&'static str> { Ok("RUNNING") }
/// # tokio_test(async {
/// let state = eventually("the connector runs", Duration::from_secs(5), async || {
///     let state = state().await?;
///     anyhow::ensure!(state == "RUNNING", "state is {state}");
///     Ok(Some(state))
/// })
/// .await?;
/// # assert_eq!(state, "RUNNING");
/// # Ok(())
/// # });
/// # fn tokio_test(test: impl Future<Output = anyhow::Result<()>>) {
/// #     tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test).unwrap();
/// # }
/// ```
pub async fn eventually<T>(
    what: impl Display,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let started = Instant::now();
    let mut last = String::from("nothing");
    loop {
        let left = limit.saturating_sub(started.elapsed());
        match time::timeout(left, probe()).await {
            Ok(Ok(Some(value))) => return Ok(value),
            Ok(Ok(None)) => {}
            Ok(Err(observation)) => last = format!("{observation:#}"),
            Err(_) => bail!(
                "waited {limit:?} in vain: {what}; the last probe did not end; before it: {last}"
            ),
        }
        if started.elapsed() + INTERVAL >= limit {
            bail!("waited {limit:?} in vain: {what}; last seen: {last}");
        }
        time::sleep(INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::future;
    use std::time::Duration;

    use anyhow::bail;

    use super::eventually;

    #[tokio::test]
    async fn returns_the_first_value() {
        let mut asked = 0;

        let value = eventually("the third answer", Duration::from_secs(10), async || {
            asked += 1;
            Ok((asked == 3).then_some(asked))
        })
        .await;

        assert_eq!(value.ok(), Some(3));
    }

    #[tokio::test]
    async fn names_what_was_awaited_and_what_was_seen_last() {
        let error = eventually::<()>("the tide", Duration::from_millis(120), async || {
            bail!("the sea is calm")
        })
        .await
        .expect_err("nothing comes");

        let message = error.to_string();
        assert!(message.contains("the tide"), "{message}");
        assert!(message.contains("the sea is calm"), "{message}");
    }

    #[tokio::test]
    async fn gives_up_on_a_probe_that_hangs() {
        let error = eventually::<()>("an answer", Duration::from_millis(50), async || {
            future::pending().await
        })
        .await
        .expect_err("nothing comes");

        assert!(error.to_string().contains("did not end"), "{error}");
    }
}
