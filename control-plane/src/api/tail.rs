//! TailLogs and TailDeadLetters: the last entries, then new ones, of those that a filter
//! means.

use std::sync::Arc;

use futures::Stream;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::names::ConnectorName;
use kafka2oss_domain::violation::Violations;
use kafka2oss_filter::{Filter, Resource, Schema};
use kafka2oss_proto::{Count, v1};
use prost_types::Timestamp;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::context::Api;
use super::error::ApiError;
use super::listing::expression;
use super::{request, stream};
use crate::model::fields::{DEAD_LETTERS, LOG_LINES};
use crate::observe::{Follower, KEPT, Piece, Read, Tapes};
use crate::tasks;

/// Answers that wait for the reader. Further ones are not made before it
/// takes these.
const WAITING: usize = 1;
/// What one answer has.
const PIECE: Piece = Piece { items: 100, bytes: 64 << 10 };

/// Entries, with how many were dropped before them.
type Part<T> = Result<(Vec<T>, u64), Status>;

/// Which entries of a tape are wanted.
struct Wanted<T> {
    /// Past ones at most.
    past: usize,
    /// Past ones of this time or later.
    since: Option<Timestamp>,
    time: fn(&T) -> Option<&Timestamp>,
    is_meant: Box<dyn Fn(&T) -> bool + Send>,
    /// No new ones.
    no_follow: bool,
}

/// Opens a stream of log lines.
pub(super) fn logs(
    api: &Api,
    request: v1::TailLogsRequest,
) -> Result<impl Stream<Item = Result<v1::TailLogsResponse, Status>> + Send + use<>, ApiError> {
    let v1::TailLogsRequest { parent, lines, no_follow, filter, since } = request;
    let mut violations = Violations::new();
    let name = request::field("parent", &parent, str::parse, &mut violations);
    let past = past("lines", lines, &mut violations);
    let is_meant = meant(&filter, &LOG_LINES, &mut violations);
    let wanted = Wanted { past, since, time: time_of_line, is_meant, no_follow };
    let tape = open(api, &api.observed.logs, name, violations)?;
    Ok(follow(tape, wanted, api.stop.clone()).map(|part| {
        part.map(|(entries, dropped)| {
            let dropped = dropped.to_wire();
            v1::TailLogsResponse { entries, dropped }
        })
    }))
}

/// Opens a stream of dead letters.
pub(super) fn dead_letters(
    api: &Api,
    request: v1::TailDeadLettersRequest,
) -> Result<impl Stream<Item = Result<v1::TailDeadLettersResponse, Status>> + Send + use<>, ApiError>
{
    let v1::TailDeadLettersRequest { parent, count, no_follow, filter, since } = request;
    let mut violations = Violations::new();
    let name = request::field("parent", &parent, str::parse, &mut violations);
    let past = past("count", count, &mut violations);
    let is_meant = meant(&filter, &DEAD_LETTERS, &mut violations);
    let wanted = Wanted { past, since, time: time_of_letter, is_meant, no_follow };
    let tape = open(api, &api.observed.dead_letters, name, violations)?;
    Ok(follow(tape, wanted, api.stop.clone()).map(|part| {
        part.map(|(dead_letters, dropped)| {
            let dropped = dropped.to_wire();
            v1::TailDeadLettersResponse { dead_letters, dropped }
        })
    }))
}

fn time_of_line(line: &v1::LogEntry) -> Option<&Timestamp> {
    line.time.as_ref()
}

fn time_of_letter(letter: &v1::DeadLetter) -> Option<&Timestamp> {
    letter.time.as_ref()
}

/// How many past entries a stream starts with.
fn past(field: &str, asked: Option<i32>, violations: &mut Violations) -> usize {
    let Some(asked) = asked else { return KEPT };
    usize::try_from(asked).unwrap_or_else(|_| {
        let message = format!("is {asked}; 0 or more are allowed");
        violations.add(field, ErrorCode::FieldInvalid, message);
        KEPT
    })
}

/// Tells what a filter means.
fn meant<T, F>(
    filter: &str,
    schema: &Schema<F>,
    violations: &mut Violations,
) -> Box<dyn Fn(&T) -> bool + Send>
where
    T: Resource<F>,
    F: Copy + Send + 'static,
{
    let filter = expression("filter", Filter::parse(filter, schema), violations).flatten();
    Box::new(move |entry| filter.as_ref().is_none_or(|it| it.matches(entry)))
}

/// A connector's tape, where nothing is wrong with the request.
fn open<T: prost::Message>(
    api: &Api,
    tapes: &Tapes<Arc<T>>,
    name: Option<ConnectorName>,
    violations: Violations,
) -> Result<Follower<Arc<T>>, ApiError> {
    let Some(name) = name.filter(|_| violations.is_empty()) else {
        return Err(ApiError::Invalid(violations));
    };
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
    wanted: Wanted<T>,
    stop: CancellationToken,
) -> ReceiverStream<Part<T>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    // What is past is so as of the call.
    let Some((past, end)) = tape.past() else { return ReceiverStream::new(receiver) };
    let start = wanted.start(&past, end);
    drop(past);
    let told = sender.clone();
    let run = async move {
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = sender.closed() => {}
            _ = read(tape, wanted, (start, end), &sender) => {}
        }
    };
    tasks::spawn(stream::to_its_end("a tail", run, told));
    ReceiverStream::new(receiver)
}

/// Reads from a position on, of which those before the end are past ones. Returns None when
/// the stream is to end.
async fn read<T: prost::Message + Clone>(
    mut tape: Follower<Arc<T>>,
    wanted: Wanted<T>,
    (mut next, end): (u64, u64),
    sender: &mpsc::Sender<Part<T>>,
) -> Option<()> {
    loop {
        // There is room for an answer: what is read for it does not wait here.
        let place = sender.reserve().await.ok()?;
        let Read { items, dropped, next: after } = tape.from(next, PIECE)?;
        let is_at_end = items.is_empty();
        let positions = after - items.len() as u64..;
        next = after;
        let wanted_ones: Vec<T> = positions
            .zip(&items)
            .filter(|(position, entry)| wanted.has(entry, *position < end))
            .map(|(_, entry)| T::clone(entry))
            .collect();
        if !wanted_ones.is_empty() || dropped > 0 {
            place.send(Ok((wanted_ones, dropped)));
            continue;
        }
        drop(place);
        if !is_at_end {
            continue;
        }
        if wanted.no_follow {
            return None;
        }
        tape.added().await?;
    }
}

impl<T> Wanted<T> {
    /// Whether an entry is wanted, which is a past one or not.
    fn has(&self, entry: &T, is_past: bool) -> bool {
        (self.is_meant)(entry) && !(is_past && self.is_before(entry))
    }

    /// One that has no time is of any.
    fn is_before(&self, entry: &T) -> bool {
        let key = |time: &Timestamp| (time.seconds, time.nanos);
        let (Some(since), Some(time)) = (&self.since, (self.time)(entry)) else { return false };
        key(time) < key(since)
    }

    /// Where the stream starts, so that it has no more past entries than are wanted. `past`
    /// has the newest first, `end` is the position of the next one.
    fn start(&self, past: &[(u64, Arc<T>)], end: u64) -> u64 {
        let wanted = past.iter().filter(|(_, entry)| self.has(entry, true));
        wanted.take(self.past).last().map_or(end, |(position, _)| *position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(past: usize, since: Option<i64>, filter: &str) -> Wanted<v1::LogEntry> {
        let mut violations = Violations::new();
        let is_meant = meant(filter, &LOG_LINES, &mut violations);
        assert!(violations.is_empty());
        Wanted {
            past,
            since: since.map(|seconds| Timestamp { seconds, nanos: 0 }),
            time: time_of_line,
            is_meant,
            no_follow: true,
        }
    }

    /// One a second, the newest first; every second one is of partition 1.
    fn past() -> Vec<(u64, Arc<v1::LogEntry>)> {
        let line = |position: u64| {
            let seconds = i64::try_from(position).expect("few");
            let time = Some(Timestamp { seconds, nanos: 0 });
            let partition = Some((seconds % 2) as i32);
            (position, Arc::new(v1::LogEntry { time, partition, ..Default::default() }))
        };
        (10..20).rev().map(line).collect()
    }

    #[test]
    fn a_tail_starts_with_the_last_ones_that_are_wanted() {
        let start = |past_ones, since, filter| wanted(past_ones, since, filter).start(&past(), 20);
        assert_eq!(start(3, None, ""), 17);
        assert_eq!(start(3, None, "partition = 1"), 15);
        assert_eq!(start(3, Some(18), ""), 18);
        assert_eq!(start(KEPT, None, ""), 10);
        assert_eq!(start(0, None, ""), 20);
        assert_eq!(start(3, Some(99), ""), 20);
        assert_eq!(start(3, None, "partition = 7"), 20);
    }

    #[test]
    fn what_is_new_is_told_whatever_its_clock_says() {
        let wanted = wanted(KEPT, Some(15), "partition = 0");
        let all = past();
        let has = |at: usize, is_past| wanted.has(&all[at].1, is_past);
        // Of second 18, 12 and 11.
        assert_eq!((has(1, true), has(1, false)), (true, true));
        assert_eq!((has(7, true), has(7, false)), (false, true));
        assert_eq!((has(8, true), has(8, false)), (false, false));
    }
}
