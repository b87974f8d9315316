//! TailLogs and TailDeadLetters: the last entries, then new ones.

use std::sync::Arc;

use futures::Stream;
use kafka2oss_proto::v1;
use tokio::sync::{mpsc, watch};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::error::ApiError;
use super::{request, stream};
use crate::core::Core;
use crate::observe::{Handle, KEPT, Read};
use crate::tasks;

/// Answers that wait for the reader. Further ones are not made before it
/// takes these.
const WAITING: usize = 4;
/// Entries of one answer.
const PART: usize = 100;

/// Entries, with how many were dropped before them.
type Part<T> = Result<(Vec<T>, u64), Status>;

/// Opens a stream of log lines.
pub(super) fn logs(
    core: &Core,
    request: &v1::TailLogsRequest,
) -> Result<impl Stream<Item = Result<v1::TailLogsResponse, Status>> + Send + use<>, ApiError> {
    let name = request::name(&request.name, str::parse)?;
    let record = request::connector(core, &name)?;
    let tape = core.logs.of(record.uid());
    let stream = follow(tape, request.lines, request.no_follow, core.stop.clone());
    Ok(stream.map(|part| part.map(|(entries, dropped)| v1::TailLogsResponse { entries, dropped })))
}

/// Opens a stream of dead letters.
pub(super) fn dead_letters(
    core: &Core,
    request: &v1::TailDeadLettersRequest,
) -> Result<impl Stream<Item = Result<v1::TailDeadLettersResponse, Status>> + Send + use<>, ApiError>
{
    let name = request::name(&request.name, str::parse)?;
    let record = request::connector(core, &name)?;
    let tape = core.dead_letters.of(record.uid());
    let stream = follow(tape, request.count, request.no_follow, core.stop.clone());
    Ok(stream.map(|part| {
        part.map(|(dead_letters, dropped)| v1::TailDeadLettersResponse { dead_letters, dropped })
    }))
}

/// The entries of a tape in parts, each with how many were dropped before it.
/// Ends with the connector.
fn follow<T: prost::Message + Clone + 'static>(
    tape: Handle<Arc<T>>,
    past: Option<u32>,
    no_follow: bool,
    stop: CancellationToken,
) -> ReceiverStream<Part<T>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let past = past.and_then(|past| usize::try_from(past).ok()).unwrap_or(KEPT);
    let end = tape.follow();
    let first = tape.last(past);
    let told = sender.clone();
    let run = async move {
        let reader =
            async { read(first, |position| tape.from(position), end, no_follow, &sender).await };
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = sender.closed() => {}
            _ = reader => {}
        }
    };
    tasks::spawn(stream::to_its_end("a tail", run, told));
    ReceiverStream::new(receiver)
}

/// Returns None when the stream is to end.
async fn read<T: Clone>(
    first: Read<Arc<T>>,
    from: impl Fn(u64) -> Option<Read<Arc<T>>>,
    mut end: watch::Receiver<()>,
    no_follow: bool,
    sender: &mpsc::Sender<Part<T>>,
) -> Option<()> {
    let mut next = first.next;
    send(first, sender).await?;
    if no_follow {
        return None;
    }
    loop {
        end.changed().await.ok()?;
        let read = from(next)?;
        next = read.next;
        send(read, sender).await?;
    }
}

async fn send<T: Clone>(read: Read<Arc<T>>, sender: &mpsc::Sender<Part<T>>) -> Option<()> {
    let mut dropped = read.dropped;
    for part in read.items.chunks(PART) {
        let items = part.iter().map(|item| T::clone(item)).collect();
        sender.send(Ok((items, std::mem::take(&mut dropped)))).await.ok()?;
    }
    Some(())
}
