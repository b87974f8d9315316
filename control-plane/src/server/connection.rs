//! One connection: whose it is, and that it says something.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use tonic::transport::server::{Connected, TcpConnectInfo};

use crate::budget::Seat;

/// Time that a peer has to say that it speaks HTTP/2.
const TIME: Duration = Duration::from_secs(10);
/// Bytes in which it says so: RFC 9113, section 3.4.
const PREFACE: usize = 24;

/// A connection that ends when its peer says nothing.
#[derive(Debug)]
pub(super) struct Connection<Io> {
    io: Io,
    local: SocketAddr,
    peer: SocketAddr,
    _seat: Seat,
    preface: Option<Preface>,
}

/// What is missing of it.
#[derive(Debug)]
struct Preface {
    left: usize,
    end: Pin<Box<Sleep>>,
}

impl<Io> Connection<Io> {
    /// That of a peer, which has a seat for it.
    pub(super) fn new(io: Io, local: SocketAddr, peer: SocketAddr, seat: Seat) -> Self {
        let preface = Some(Preface { left: PREFACE, end: Box::pin(sleep(TIME)) });
        Self { io, local, peer, _seat: seat, preface }
    }
}

impl<Io> Connected for Connection<Io> {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        TcpConnectInfo { local_addr: Some(self.local), remote_addr: Some(self.peer) }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Connection<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { io, preface, .. } = &mut *self;
        let before = buffer.filled().len();
        if Pin::new(io).poll_read(context, buffer)?.is_pending() {
            if let Some(preface) = preface {
                ready!(preface.end.as_mut().poll(context));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            return Poll::Pending;
        }
        if let Some(Preface { left, .. }) = preface {
            *left = left.saturating_sub(buffer.filled().len() - before);
            if *left == 0 {
                *preface = None;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Connection<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::Instant;

    use super::*;
    use crate::budget::Seats;

    fn connection() -> (Connection<DuplexStream>, DuplexStream) {
        let (here, there) = duplex(1_000);
        let [local, peer] = [1, 2].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let seat = Arc::new(Seats::new(1, 1)).take(None).expect("free");
        (Connection::new(here, local, peer, seat), there)
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_says_nothing_or_stops_in_the_preface_is_left() {
        for says in [0, PREFACE - 1] {
            let (mut connection, mut peer) = connection();
            peer.write_all(&vec![7; says]).await.expect("written");
            let begun = Instant::now();
            let error = connection.read_exact(&mut [0; PREFACE]).await.expect_err("an end");
            assert_eq!((error.kind(), begun.elapsed()), (io::ErrorKind::TimedOut, TIME));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_has_said_it_may_be_silent() {
        let (mut connection, mut peer) = connection();
        peer.write_all(&[7; PREFACE]).await.expect("written");
        connection.read_exact(&mut [0; PREFACE]).await.expect("read");
        let silence = tokio::time::timeout(100 * TIME, connection.read_u8()).await;
        assert!(silence.is_err());
        peer.write_u8(1).await.expect("written");
        assert_eq!(connection.read_u8().await.expect("read"), 1);
    }
}
