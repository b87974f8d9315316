//! Connections as they come: so many of one peer and in all, and nothing that goes wrong with
//! one of them, or with taking them, ends the process.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, stream};
use kafka2oss_domain::ErrorCode;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::connection::Connection;

use crate::budget::{Full, Seat, Seats};
use crate::notice::Notice;

/// Before another try where the system gives no connection, as without free files.
const PAUSE: Duration = Duration::from_millis(200);

/// Where connections come from.
pub(super) trait Listener: Send + Sync + 'static {
    /// One of them.
    type Io: Send + 'static;

    /// The next one.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Io, SocketAddr)>> + Send;
}

impl Listener for TcpListener {
    type Io = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (io, peer) = Self::accept(self).await?;
        // Answers go at once; where that cannot be had they go all the same.
        let _ = io.set_nodelay(true);
        Ok((io, peer))
    }
}

/// The connections that come, for as long as it is read.
pub(super) fn incoming<L: Listener>(
    listener: L,
    local: SocketAddr,
    seats: Arc<Seats>,
) -> impl Stream<Item = Result<Connection<L::Io>, Infallible>> + Send {
    let door =
        Door { listener, seats, refused: Notice::default(), not_accepted: Notice::default() };
    stream::unfold(door, move |mut door| async move {
        let (io, peer, seat) = door.next().await;
        Some((Ok(Connection::new(io, local, peer, seat)), door))
    })
}

struct Door<L> {
    listener: L,
    seats: Arc<Seats>,
    refused: Notice,
    not_accepted: Notice,
}

impl<L: Listener> Door<L> {
    async fn next(&mut self) -> (L::Io, SocketAddr, Seat) {
        loop {
            match self.listener.accept().await {
                Ok((io, peer)) => match self.seats.take(Some(peer.ip().to_canonical())) {
                    Ok(seat) => return (io, peer, seat),
                    Err(Full { most }) => self.refuse(peer, most),
                },
                Err(error) if is_of_the_peer(&error) => {}
                Err(error) => {
                    if let Some(times) = self.not_accepted.happened(1) {
                        let code = ErrorCode::ConnectionsNotAccepted;
                        let remedy = code.remedy();
                        tracing::error!(%code, %error, times, "cannot accept connections: {remedy}");
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn refuse(&mut self, peer: SocketAddr, most: usize) {
        if let Some(times) = self.refused.happened(1) {
            let code = ErrorCode::TooManyConnections;
            let (peer, remedy) = (peer.ip(), code.remedy());
            tracing::warn!(%code, %peer, most, times, "closed connections as they came: {remedy}");
        }
    }
}

/// Whether the peer gave the connection up before it was taken.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use futures::StreamExt;
    use tokio::io::DuplexStream;
    use tokio::time::Instant;
    use tonic::transport::server::Connected;

    use super::*;

    /// What comes, one after the other; then nothing.
    struct Script(Mutex<VecDeque<io::Result<SocketAddr>>>);

    impl Listener for Script {
        type Io = DuplexStream;

        async fn accept(&self) -> io::Result<(DuplexStream, SocketAddr)> {
            let next = self.0.lock().expect("no panic").pop_front();
            match next {
                Some(peer) => Ok((tokio::io::duplex(1).0, peer?)),
                None => std::future::pending().await,
            }
        }
    }

    fn peer(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    fn error(code: i32) -> io::Result<SocketAddr> {
        Err(io::Error::from_raw_os_error(code))
    }

    fn come(
        script: Vec<io::Result<SocketAddr>>,
        seats: Seats,
    ) -> impl Stream<Item = Connection<DuplexStream>> {
        let connections =
            incoming(Script(Mutex::new(script.into())), peer("127.0.0.1:1"), Arc::new(seats));
        connections.map(|Ok(connection)| connection)
    }

    #[tokio::test(start_paused = true)]
    async fn without_free_files_it_waits_and_goes_on() {
        let begun = Instant::now();
        let script = [libc::EMFILE, libc::ENFILE, libc::ECONNABORTED, libc::ENOMEM];
        let mut script: Vec<_> = script.map(error).into();
        script.push(Ok(peer("10.0.0.1:1")));
        let mut connections = Box::pin(come(script, Seats::new(9, 9)));
        let first = connections.next().await.expect("no end");
        assert_eq!(first.connect_info().remote_addr(), Some(peer("10.0.0.1:1")));
        assert_eq!(begun.elapsed(), 3 * PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn connections_beyond_those_of_a_peer_and_of_all_are_closed() {
        let peers = ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3", "10.0.0.2:1", "10.0.0.3:1"];
        let script = peers.map(|one| Ok(peer(one))).into();
        let mut connections = Box::pin(come(script, Seats::new(3, 2)));
        let mut open = Vec::new();
        for expected in ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.2:1"] {
            open.push(connections.next().await.expect("no end"));
            let found = open.last().and_then(|last| last.connect_info().remote_addr());
            assert_eq!(found, Some(peer(expected)));
        }
        let more = tokio::time::timeout(Duration::from_secs(60), connections.next()).await;
        assert!(more.is_err(), "the last one was closed");
    }
}
