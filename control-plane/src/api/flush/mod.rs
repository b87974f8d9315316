//! FlushConnector: a barrier.
//!
//! - `ends`: has an agent read where the partitions end.
//! - `rounds`: has the agents that have tasks close open objects.
//! - `follow`: follows what they say until the end.
//! - `told`: tells the caller, in messages of a bounded size.
//!
//! What decides is [`Barrier`](crate::model::flush::Barrier).

mod ends;
mod follow;
mod rounds;
mod told;

use std::sync::Arc;
use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::names::ConnectorName;
use kafka2oss_domain::violation::Violations;
use kafka2oss_proto::v1;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::context::Api;
use super::error::ApiError;
use super::{act, request, stream};
use crate::budget::Full;
use crate::model::lifecycle::Action;
use crate::tasks;
use follow::Following;
use told::Told;

/// Flushes at a time: an agent has two commands of each under way at most, of the 64 that
/// it takes.
pub(super) const MOST: usize = 16;
/// Flushes of one connector at a time.
pub(super) const MOST_OF_CONNECTOR: usize = 4;

/// What a flush may take where the request does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);
/// What it may take at most.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3_600);
/// For a caller that takes its time, beside that.
const TO_TELL: Duration = Duration::from_secs(20);
/// Answers that wait for the caller.
const WAITING: usize = 4;

/// Opens the stream of a flush.
pub(super) fn flush(
    api: &Arc<Api>,
    request: &v1::FlushConnectorRequest,
) -> Result<ReceiverStream<Result<v1::FlushConnectorResponse, Status>>, ApiError> {
    let (name, time) = check(request)?;
    let record = request::connector(api, &name)?;
    act::check_state(&record, Action::Flush)?;
    if !record.start_is_fixed() {
        let why = format!("the start of {name} has not been read yet: wait until it is RUNNING");
        return Err(ApiError::wrong_state(record.name(), why));
    }
    let seat = api.flushes.take(record.uid().to_owned());
    let seat = seat.map_err(|Full { most }| ApiError::TooManyRequests(most))?;
    let (sender, receiver) = mpsc::channel(WAITING);
    let (api, to) = (Arc::clone(api), sender.clone());
    let run = async move {
        let following = Following::new(Arc::clone(&api), name, &record, time, Arc::new(seat));
        let outcome = tokio::select! {
            biased;
            () = api.stop.cancelled() => return,
            // Whoever has gone ends it.
            () = sender.closed() => return,
            outcome = timeout(time + TO_TELL, following.run(Told::new(&sender))) => outcome,
        };
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                // There may be no room for it: then the stream ends without a summary.
                let _ = sender.try_send(Err(error.into()));
            }
            Err(_) => {
                let _ = sender.try_send(Err(ApiError::DeadlineExceeded.into()));
            }
        }
    };
    tasks::spawn(stream::to_its_end("a flush", run, to));
    Ok(ReceiverStream::new(receiver))
}

fn check(request: &v1::FlushConnectorRequest) -> Result<(ConnectorName, Duration), ApiError> {
    let v1::FlushConnectorRequest { name, timeout } = request;
    let mut violations = Violations::new();
    let name = request::field("name", name, str::parse, &mut violations);
    let time = match timeout {
        None => DEFAULT_TIMEOUT,
        Some(timeout) => Duration::try_from(*timeout).unwrap_or_default(),
    };
    if time.is_zero() || time > LONGEST_TIMEOUT {
        let message = format!("has to be above 0, and {LONGEST_TIMEOUT:?} at most");
        violations.add("timeout", ErrorCode::FieldInvalid, message);
    }
    match name {
        Some(name) if violations.is_empty() => Ok((name, time)),
        _ => Err(ApiError::Invalid(violations)),
    }
}
