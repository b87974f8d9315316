//! Where the tasks of the process are started. A simulation ends, freezes and
//! delays them there, as a kernel does with a process.

use tokio::task::JoinHandle;

/// Runs `task` beside the caller.
pub(crate) fn spawn<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    #[cfg(test)]
    let task = crate::simulation::process::part_of(task);
    tokio::spawn(task)
}
