//! Which of two processes with one agent id is the newer one.

use std::path::Path;
use std::time::SystemTime;

use kafka2oss_domain::MAX_BOOT_NONCE;

use crate::assignment::replace;

/// In the state directory: the number of the last process, in decimal.
const FILE: &str = "boot";

/// The number of a process that starts now: higher than that of any earlier one with
/// this state directory, whatever the clock was set to meanwhile. Without a directory,
/// or where it cannot be read or written, it goes by the clock alone.
pub(crate) async fn nonce(directory: Option<&Path>, now: SystemTime) -> u64 {
    let Some(directory) = directory else { return next(None, now) };
    let path = directory.join(FILE);
    let last = match tokio::fs::read_to_string(&path).await {
        Ok(last) => last.trim().parse().ok(),
        Err(error) => {
            if error.kind() != std::io::ErrorKind::NotFound {
                tracing::warn!(path = %path.display(), %error, "cannot read the boot number");
            }
            None
        }
    };
    let nonce = next(last, now);
    if let Err(error) = replace(directory, FILE, nonce.to_string().as_bytes()).await {
        tracing::warn!(path = %path.display(), %error, "cannot write the boot number");
    }
    nonce
}

/// Microseconds since 1970, but more than the last one. A last one that nobody takes, or
/// after which there is no room, is as good as none.
fn next(last: Option<u64>, now: SystemTime) -> u64 {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let micros = u64::try_from(since.as_micros()).unwrap_or(u64::MAX).clamp(1, MAX_BOOT_NONCE);
    last.filter(|last| *last < MAX_BOOT_NONCE).map_or(micros, |last| micros.max(last + 1))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kafka2oss_tests::scratch::Scratch;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn each_process_has_a_higher_number_whatever_its_clock_says() {
        let scratch = Scratch::new("boot").expect("a folder");
        let mut last = 0;
        for seconds in [7_200, 3_600, 0, 3_600, 10_000] {
            let nonce = nonce(Some(scratch.path()), at(seconds)).await;
            assert!(nonce > last, "at {seconds} s: {nonce} after {last}");
            last = nonce;
        }
        assert_eq!(last, 10_000_000_000);
    }

    #[tokio::test]
    async fn a_file_that_is_none_of_ours_is_as_good_as_none() {
        let scratch = Scratch::new("boot").expect("a folder");
        std::fs::write(scratch.join(FILE), "not a number").expect("it is written");
        assert_eq!(nonce(Some(scratch.path()), at(1)).await, 1_000_000);
        assert_eq!(nonce(Some(&scratch.join("missing")), at(1)).await, 1_000_000);
        assert_eq!(nonce(None, at(1)).await, 1_000_000);
        for absurd in [MAX_BOOT_NONCE, u64::MAX] {
            std::fs::write(scratch.join(FILE), absurd.to_string()).expect("it is written");
            assert_eq!(nonce(Some(scratch.path()), at(1)).await, 1_000_000);
        }
    }

    #[tokio::test]
    async fn a_clock_at_either_end_gives_a_number_that_is_taken() {
        assert_eq!(nonce(None, SystemTime::UNIX_EPOCH).await, 1);
        assert_eq!(nonce(None, at(1 << 40)).await, MAX_BOOT_NONCE);
    }
}
