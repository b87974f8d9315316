//! Messages as they come: within their time, and within what may wait in memory.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use tokio::time::{Instant, Sleep, sleep};
use tonic::Status;

use crate::api::error::{ApiError, to_status};
use crate::budget::{Pace, Share};

/// From a message's first byte to its last, or from a request to its message.
pub(super) const TIME: Duration = Duration::from_secs(20);
/// Before each message: whether it is compressed, and its length in four bytes.
const PREFIX: usize = 5;

/// Takes in the body of a request that has one message of up to `most` bytes. A longer one is
/// refused as soon as it says so.
pub(super) async fn collect<B>(
    mut body: B,
    share: &mut Share,
    most: usize,
    weigh: impl FnOnce(&[u8]) -> usize,
) -> Result<Full<Bytes>, ApiError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut message = BytesMut::new();
    while let Some(frame) = body.frame().await {
        // It was given up: nobody reads the answer.
        let frame = frame.map_err(|_| ApiError::Incomplete)?;
        if let Ok(data) = frame.into_data() {
            share.set(message.len() + data.len()).map_err(|_| ApiError::NoRoom)?;
            // A copy: what was received may be a piece of something larger.
            message.extend_from_slice(&data);
        }
        let most = PREFIX + most;
        if message.len().max(length(&message).unwrap_or_default()) > most {
            return Err(ApiError::TooLong(most));
        }
    }
    if let Some(length) = whole(&message) {
        share.set(weigh(&message[PREFIX..length])).map_err(|_| ApiError::NoRoom)?;
    }
    Ok(Full::new(message.freeze()))
}

/// Length of the first message with its prefix, if all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    length(bytes).filter(|length| bytes.len() >= *length)
}

/// Length of the first message with its prefix, if that is there.
fn length(bytes: &[u8]) -> Option<usize> {
    let [_, length @ ..] = bytes.first_chunk::<PREFIX>()?;
    Some(PREFIX + usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// The body of a stream of messages of up to `most` bytes, each of which is handed on when it
/// is whole, and at its peer's pace: until then it is counted and timed.
pub(super) struct Messages<B, W> {
    body: B,
    most: usize,
    weigh: W,
    share: Share,
    pace: Arc<Pace>,
    /// A message that is whole, until it is handed on.
    waits: Option<(Bytes, Pin<Box<Sleep>>)>,
    /// What came and was not handed on.
    came: BytesMut,
    /// When the message that is coming has to be there.
    end: Option<Pin<Box<Sleep>>>,
}

impl<B, W: Fn(&[u8]) -> usize> Messages<B, W> {
    pub(super) fn new(body: B, share: Share, pace: Arc<Pace>, most: usize, weigh: W) -> Self {
        let (came, waits, end) = (BytesMut::new(), None, None);
        Self { body, most, weigh, share, pace, waits, came, end }
    }

    /// The next message that is whole, and how long it is to wait; all that is there of one
    /// that is too long, which says so.
    fn next(&mut self) -> Result<Option<(Bytes, Duration)>, ApiError> {
        let too_long = length(&self.came).filter(|length| *length > PREFIX + self.most);
        let Some(length) = too_long.map(|_| self.came.len()).or_else(|| whole(&self.came)) else {
            return Ok(None);
        };
        let message = self.came.split_to(length).freeze();
        let weight = (self.weigh)(&message[PREFIX..]);
        self.share.set(weight.saturating_add(self.came.len())).map_err(|_| ApiError::NoRoom)?;
        let wait = self.pace.wait(self.share.peer(), weight, Instant::now());
        // What follows is not read before.
        self.end = (!self.came.is_empty()).then(|| Box::pin(sleep(wait + TIME)));
        Ok(Some((message, wait)))
    }

    /// Takes in what came.
    fn take(&mut self, data: &[u8]) -> Result<(), ApiError> {
        // What was handed on is made into something else by now.
        let length = self.came.len() + data.len();
        self.share.set(length).map_err(|_| ApiError::NoRoom)?;
        self.came.extend_from_slice(data);
        if length > 0 && self.end.is_none() {
            self.end = Some(Box::pin(sleep(TIME)));
        }
        Ok(())
    }
}

impl<B, W> Body for Messages<B, W>
where
    B: Body<Data = Bytes, Error = Status> + Unpin,
    W: Fn(&[u8]) -> usize + Unpin,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let refused = |refusal: &ApiError| Poll::Ready(Some(Err(to_status(refusal))));
        loop {
            if let Some((_, until)) = &mut self.waits {
                ready!(until.as_mut().poll(context));
            }
            if let Some((message, _)) = self.waits.take() {
                return Poll::Ready(Some(Ok(Frame::data(message))));
            }
            match self.next() {
                Ok(Some((message, Duration::ZERO))) => {
                    return Poll::Ready(Some(Ok(Frame::data(message))));
                }
                Ok(Some((message, wait))) => {
                    self.waits = Some((message, Box::pin(sleep(wait))));
                    continue;
                }
                Ok(None) => {}
                Err(refusal) => return refused(&refusal),
            }
            if let Some(end) = &mut self.end
                && end.as_mut().poll(context).is_ready()
            {
                return refused(&ApiError::MessageLate(TIME));
            }
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(frame) => frame?,
                None if self.came.is_empty() => return Poll::Ready(None),
                // That it is not whole is found by whoever reads it.
                None => return Poll::Ready(Some(Ok(Frame::data(self.came.split().freeze())))),
            };
            match frame.into_data() {
                Ok(data) => {
                    if let Err(refusal) = self.take(&data) {
                        return refused(&refusal);
                    }
                }
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use futures::{StreamExt, stream};
    use http_body_util::StreamBody;

    use tonic::body::Body as Whole;

    use super::*;
    use crate::budget;

    const MIB: usize = 1 << 20;

    fn budget() -> Arc<budget::Bytes> {
        Arc::new(budget::Bytes::new(8 * MIB, 8 * MIB))
    }

    fn pace() -> Arc<Pace> {
        Arc::new(Pace::new(MIB, MIB / 10))
    }

    fn frame<E>(data: &[u8]) -> Result<Frame<Bytes>, E> {
        Ok(Frame::data(Bytes::copy_from_slice(data)))
    }

    /// A message of this length as it travels.
    fn message(length: usize) -> Vec<u8> {
        let mut message = vec![0];
        message.extend(u32::try_from(length).expect("it fits").to_be_bytes());
        message.resize(PREFIX + length, 7);
        message
    }

    #[tokio::test]
    async fn a_message_is_collected_up_to_what_is_allowed_and_as_far_as_there_is_room() {
        let parts = |length: usize| {
            let parts: Vec<_> = message(length).chunks(1_000).map(frame::<Infallible>).collect();
            StreamBody::new(stream::iter(parts))
        };
        let budget = budget();
        let mut share = budget.share(None);
        let whole = collect(parts(MIB), &mut share, 2 * MIB, <[u8]>::len).await.expect("room");
        let whole = whole.collect().await.expect("no error").to_bytes();
        assert_eq!(whole, message(MIB));
        let long = collect(parts(MIB), &mut share, 10_000, <[u8]>::len).await;
        assert!(matches!(long, Err(ApiError::TooLong(_))), "{long:?}");
        let refused = collect(parts(3 * MIB), &mut share, 4 * MIB, <[u8]>::len).await;
        assert!(matches!(refused, Err(ApiError::NoRoom)), "{refused:?}");
        drop(share);
        let mut share = budget.share(None);
        let refused = collect(parts(100), &mut share, MIB, |bytes| bytes.len() * MIB).await;
        assert!(matches!(refused, Err(ApiError::NoRoom)), "{refused:?}");
    }

    #[tokio::test]
    async fn messages_are_handed_on_whole_however_they_are_cut() {
        let all = [message(3), message(0), message(40)].concat();
        for size in 1..=all.len() {
            let mut messages = messages(all.chunks(size).map(<[u8]>::to_vec).collect::<Vec<_>>());
            for length in [3, 0, 40] {
                let frame = messages.frame().await.expect("a frame").expect("no error");
                assert_eq!(frame.into_data().ok().as_deref(), Some(&message(length)[..]), "{size}");
            }
            assert!(messages.came.is_empty() && messages.end.is_none());
        }
    }

    #[tokio::test]
    async fn the_end_of_a_body_and_a_message_that_is_too_long_are_handed_on_as_they_are() {
        let parts = [message(3), message(5)[..7].to_vec()];
        let parts: Vec<_> = parts.iter().map(|part| frame::<Status>(part)).collect();
        let body = StreamBody::new(stream::iter(parts));
        let mut cut = Messages::new(body, budget().share(None), pace(), MIB, <[u8]>::len);
        let mut lengths = Vec::new();
        while let Some(frame) = cut.frame().await {
            lengths.push(frame.expect("no error").into_data().expect("data").len());
        }
        assert_eq!(lengths, [8, 7]);

        let mut long = messages([message(3 * MIB)[..10].to_vec()]);
        let frame = long.frame().await.expect("a frame").expect("no error");
        assert_eq!(frame.into_data().expect("data").len(), 10);
    }

    /// They come in these parts; then nothing does.
    fn messages(parts: impl Into<Vec<Vec<u8>>>) -> Messages<Whole, fn(&[u8]) -> usize> {
        let parts: Vec<_> = parts.into().iter().map(|part| frame::<Status>(part)).collect();
        let parts = StreamBody::new(stream::iter(parts).chain(stream::pending()));
        let share = budget().share(None);
        Messages::new(Whole::new(parts), share, pace(), 2 * MIB + MIB / 2, <[u8]>::len)
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_does_not_go_on_ends_its_stream_and_silence_between_does_not() {
        let mut silent = messages([message(5)]);
        silent.frame().await.expect("a frame").expect("no error");
        tokio::time::timeout(100 * TIME, silent.frame()).await.expect_err("no end");

        let mut slow = messages([message(5), message(5)[..6].to_vec()]);
        slow.frame().await.expect("a frame").expect("no error");
        let begun = Instant::now();
        let status = slow.frame().await.expect("a frame").expect_err("an end");
        assert_eq!((status.code(), begun.elapsed()), (tonic::Code::DeadlineExceeded, TIME));
    }

    #[tokio::test(start_paused = true)]
    async fn large_messages_come_at_a_pace_and_none_is_late_for_it() {
        // The start of another one has come with the second.
        let (first, second) = (message(MIB), message(2 * MIB));
        let mut large = messages([first, [second, message(5)[..6].to_vec()].concat()]);
        let begun = Instant::now();
        large.frame().await.expect("a frame").expect("no error");
        assert!(begun.elapsed() < Duration::from_secs(1));
        large.frame().await.expect("a frame").expect("no error");
        assert_eq!(begun.elapsed().as_secs(), 20);
        let status = large.frame().await.expect("a frame").expect_err("an end");
        assert_eq!(status.code(), tonic::Code::DeadlineExceeded);
        assert_eq!(begun.elapsed().as_secs(), 40);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_for_which_there_is_no_room_ends_its_stream() {
        let mut long = messages([message(MIB), message(2 * MIB + MIB / 2)]);
        long.frame().await.expect("a frame").expect("no error");
        let status = long.frame().await.expect("a frame").expect_err("an end");
        assert_eq!(status.code(), tonic::Code::ResourceExhausted);
    }
}
