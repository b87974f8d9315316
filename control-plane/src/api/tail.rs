//! TailLogs and TailDeadLetters: the last entries, then new ones.

use std::sync::Arc;

use futures::Stream;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::violation::Violations;
use kafka2oss_proto::{Count, v1};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::context::Api;
use super::error::ApiError;
use super::{request, stream};
use crate::observe::{Follower, KEPT, Piece, Read, Tapes};
use crate::tasks;

/// Answers that wait for the reader. Further ones are not made before it
/// takes these.
const WAITING: usize = 1;
/// What one answer has.
const PIECE: Piece = Piece { items: 100, bytes: 64 << 10 };

/// Entries, with how many were dropped before them.
type Part<T> = Result<(Vec<T>, u64), Status>;

/// Opens a stream of log lines.
pub(super) fn logs(
    api: &Api,
    request: &v1::TailLogsRequest,
) -> Result<impl Stream<Item = Result<v1::TailLogsResponse, Status>> + Send + use<>, ApiError> {
    let tape = open(api, &api.observed.logs, &request.parent)?;
    let stream = follow(tape, past("lines", request.lines)?, request.no_follow, api.stop.clone());
    Ok(stream.map(|part| {
        part.map(|(entries, dropped)| {
            let dropped = dropped.to_wire();
            v1::TailLogsResponse { entries, dropped }
        })
    }))
}

/// Opens a stream of dead letters.
pub(super) fn dead_letters(
    api: &Api,
    request: &v1::TailDeadLettersRequest,
) -> Result<impl Stream<Item = Result<v1::TailDeadLettersResponse, Status>> + Send + use<>, ApiError>
{
    let tape = open(api, &api.observed.dead_letters, &request.parent)?;
    let stream = follow(tape, past("count", request.count)?, request.no_follow, api.stop.clone());
    Ok(stream.map(|part| {
        part.map(|(dead_letters, dropped)| {
            let dropped = dropped.to_wire();
            v1::TailDeadLettersResponse { dead_letters, dropped }
        })
    }))
}

/// How many past entries a stream starts with.
fn past(field: &str, asked: Option<i32>) -> Result<usize, ApiError> {
    let Some(asked) = asked else { return Ok(KEPT) };
    usize::try_from(asked).map_err(|_| {
        let mut violations = Violations::new();
        violations.add(
            field,
            ErrorCode::FieldInvalid,
            format!("is {asked}; 0 or more are allowed"),
        );
        ApiError::Invalid(violations)
    })
}

/// The end of a connector's tape.
fn open<T: prost::Message>(
    api: &Api,
    tapes: &Tapes<Arc<T>>,
    name: &str,
) -> Result<Follower<Arc<T>>, ApiError> {
    let name = request::name(name, str::parse)?;
    let record = request::connector(api, &name)?;
    let tape = tapes.of(record.uid()).follow();
    // Its end is told to whoever follows it. One that is gone by now may have had it before.
    match request::connector(api, &name) {
        Ok(still) if still.uid() == record.uid() => Ok(tape),
        _ => Err(ApiError::NotFound(name.to_string())),
    }
}

/// The entries of a tape in parts, each with how many were dropped before it.
/// Ends with the connector.
fn follow<T: prost::Message + Clone + 'static>(
    tape: Follower<Arc<T>>,
    past: usize,
    no_follow: bool,
    stop: CancellationToken,
) -> ReceiverStream<Part<T>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let told = sender.clone();
    let run = async move {
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = sender.closed() => {}
            _ = read(tape, past, no_follow, &sender) => {}
        }
    };
    tasks::spawn(stream::to_its_end("a tail", run, told));
    ReceiverStream::new(receiver)
}

/// Returns None when the stream is to end.
async fn read<T: prost::Message + Clone>(
    mut tape: Follower<Arc<T>>,
    past: usize,
    no_follow: bool,
    sender: &mpsc::Sender<Part<T>>,
) -> Option<()> {
    let mut next = tape.last(past)?;
    loop {
        // There is room for an answer: what is read for it does not wait here.
        let place = sender.reserve().await.ok()?;
        let Read { items, dropped, next: after } = tape.from(next, PIECE)?;
        next = after;
        if !items.is_empty() || dropped > 0 {
            place.send(Ok((items.iter().map(|item| T::clone(item)).collect(), dropped)));
            continue;
        }
        drop(place);
        if no_follow {
            return None;
        }
        tape.added().await?;
    }
}
