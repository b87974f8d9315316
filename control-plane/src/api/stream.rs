//! The tasks behind streams.

use tokio::sync::mpsc;
use tonic::Status;

use super::error::ApiError;
use crate::supervision;

/// Runs what fills a stream. A panic ends that with an error: without one it would look as if
/// there was nothing more to tell.
pub(super) async fn to_its_end<T>(
    what: &'static str,
    run: impl Future<Output = ()>,
    stream: mpsc::Sender<Result<T, Status>>,
) {
    if supervision::contained(what, run).await.is_none() {
        // Whoever has gone needs no answer.
        let _ = stream.send(Err(ApiError::Internal.into())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_whose_task_panics_ends_with_an_error() {
        let (sender, mut stream) = mpsc::channel::<Result<u8, Status>>(1);
        to_its_end("a watch", async { assert_ne!(1 + 1, 2, "arithmetic") }, sender.clone()).await;
        let status = stream.recv().await.expect("an answer").expect_err("an error");
        assert_eq!(status.code(), tonic::Code::Internal);
        to_its_end("a watch", async {}, sender).await;
        assert!(stream.recv().await.is_none(), "it ends");
    }
}
