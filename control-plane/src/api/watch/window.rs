//! How much of a watch waits to be sent. HTTP/2 takes what the client's window allows, up
//! to hundreds of kilobytes, and keeps it while the client reads nothing; of a thousand
//! such watches that is most of a gigabyte. So there is a bound of our own: no more is
//! made before what waits is on its way.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};

/// Bytes that wait, beyond which no more are made: a few of the pieces that tonic makes of
/// messages.
const MOST: usize = 64 << 10;

/// A body of which little waits.
#[derive(Debug)]
pub(super) struct Window<B> {
    body: B,
    waiting: Arc<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: AtomicUsize,
    maker: AtomicWaker,
}

/// A piece that waits until it is dropped.
#[derive(Debug)]
struct Piece {
    bytes: Bytes,
    waiting: Arc<Waiting>,
}

impl<B> Window<B> {
    /// Over all of a body.
    pub(super) fn new(body: B) -> Self {
        Self { body, waiting: Arc::default() }
    }
}

impl Piece {
    fn of(bytes: Bytes, waiting: &Arc<Waiting>) -> Bytes {
        waiting.bytes.fetch_add(bytes.len(), Ordering::AcqRel);
        Bytes::from_owner(Self { bytes, waiting: Arc::clone(waiting) })
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.waiting.bytes.fetch_sub(self.bytes.len(), Ordering::AcqRel);
        self.waiting.maker.wake();
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Window<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        // Before looking: what is sent after that wakes.
        self.waiting.maker.register(context.waker());
        if self.waiting.bytes.load(Ordering::Acquire) >= MOST {
            return Poll::Pending;
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let waiting = &self.waiting;
        Poll::Ready(
            frame.map(|frame| frame.map(|frame| frame.map_data(|data| Piece::of(data, waiting)))),
        )
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::task::noop_waker;

    use super::*;

    /// Has pieces of this size without an end.
    struct Endless(usize);

    impl Body for Endless {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(Some(Ok(Frame::data(vec![7; self.0].into()))))
        }
    }

    fn poll(window: &mut Window<Endless>, context: &mut Context<'_>) -> Option<Bytes> {
        match Pin::new(window).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => frame.into_data().ok(),
            Poll::Ready(_) | Poll::Pending => None,
        }
    }

    #[test]
    fn no_more_is_made_before_what_waits_is_on_its_way() {
        let waker = noop_waker();
        let context = &mut Context::from_waker(&waker);
        let mut window = Window::new(Endless(MOST / 2));
        let first = poll(&mut window, context).expect("a piece");
        let second = poll(&mut window, context).expect("a piece");
        assert_eq!(poll(&mut window, context), None);
        // A part that is sent frees nothing yet.
        let rest = second.slice(10..);
        drop(second);
        assert_eq!(poll(&mut window, context), None);
        drop(first);
        let third = poll(&mut window, context).expect("a piece");
        assert_eq!(poll(&mut window, context), None);
        drop((rest, third));
        assert_eq!(window.waiting.bytes.load(Ordering::Acquire), 0);
    }

    #[test]
    fn a_piece_beyond_the_bound_goes_alone() {
        let waker = noop_waker();
        let context = &mut Context::from_waker(&waker);
        let mut window = Window::new(Endless(2 * MOST));
        let first = poll(&mut window, context).expect("a piece");
        assert_eq!(poll(&mut window, context), None);
        drop(first);
        assert!(poll(&mut window, context).is_some());
    }
}
