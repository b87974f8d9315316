//! Has a runtime go on although one of its threads is blocked.
//!
//! Of tokio's idle threads one waits for timers and sockets, the others sleep. Where that
//! one is woken by them and takes up the only task that is ready, it wakes nobody to wait
//! in its place (1.54, `should_notify_others`); if that task blocks, in librdkafka, say,
//! everything on the runtime stands still with it. A task from outside wakes a sleeping
//! thread, which then waits for timers and sockets.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;

/// From one task from outside to the next.
const EACH: Duration = Duration::from_secs(1);

/// Wakes a sleeping thread of a runtime each second, until it is dropped.
#[derive(Debug)]
pub struct Alarm {
    /// Its thread ends with this.
    _end: mpsc::Sender<()>,
}

impl Alarm {
    /// For this runtime.
    ///
    /// # Errors
    /// The system has no thread for it.
    pub fn of(runtime: &Handle) -> io::Result<Self> {
        let runtime = runtime.clone();
        let (end, ended) = mpsc::channel();
        thread::Builder::new().name("kafka2oss-alarm".to_owned()).spawn(move || {
            while ended.recv_timeout(EACH) == Err(RecvTimeoutError::Timeout) {
                runtime.spawn(async {});
            }
        })?;
        Ok(Self { _end: end })
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;
    use tokio::time::sleep;

    use super::*;

    #[test]
    fn timers_go_on_although_who_waited_for_them_is_blocked() {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build().expect("a runtime");
        let _alarm = Alarm::of(runtime.handle()).expect("a thread");
        let (release, blocks) = mpsc::channel::<()>();
        let (done, goes_on) = mpsc::channel();

        runtime.spawn(async move {
            sleep(Duration::from_millis(100)).await;
            let _ = blocks.recv();
        });
        runtime.spawn(async move {
            for _ in 0..3 {
                sleep(Duration::from_millis(200)).await;
            }
            let _ = done.send(());
        });

        let outcome = goes_on.recv_timeout(Duration::from_secs(20));
        drop(release);
        assert_eq!(outcome, Ok(()));
    }
}
