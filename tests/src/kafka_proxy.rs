//! A proxy in front of a Kafka broker, which holds answers back: what a slow
//! broker does to a client that has gone on meanwhile.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::proxy::serve_all;

/// Longest request or answer.
const LONGEST: usize = 64 << 20;

/// `api_key` of Fetch, the first field of a request.
pub const FETCH: u16 = 1;

/// `api_key` of ListOffsets.
pub const LIST_OFFSETS: u16 = 2;

/// `api_key` of OffsetCommit.
pub const OFFSET_COMMIT: u16 = 8;

/// `api_key` of JoinGroup.
pub const JOIN_GROUP: u16 = 11;

/// A request as it is sent.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a>(&'a [u8]);

impl Request<'_> {
    /// Which request it is.
    pub fn api_key(&self) -> Option<u16> {
        Some(u16::from_be_bytes(self.0.get(..2)?.try_into().ok()?))
    }

    /// Whether it has this text in it, such as a topic's name.
    pub fn has(&self, text: &str) -> bool {
        self.0.windows(text.len()).any(|window| window == text.as_bytes())
    }
}

type Hold = dyn FnMut(Request<'_>) -> Option<Duration> + Send;

/// A running proxy; dropped, it is gone with its connections. The broker has to
/// advertise its address.
pub struct KafkaProxy {
    hold: Arc<Mutex<Box<Hold>>>,
    listening: AbortHandle,
}

impl KafkaProxy {
    /// Starts one on `port` of the loopback address, in front of the broker at
    /// `upstream`, on the current runtime; it holds nothing back yet.
    pub async fn start(port: u16, upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let hold: Arc<Mutex<Box<Hold>>> = Arc::new(Mutex::new(Box::new(|_| None)));
        let holding = hold.clone();
        let listening = serve_all(listener, move |client| {
            let hold = holding.clone();
            async move { serve(client, upstream, &hold).await }
        });
        Ok(Self { hold, listening })
    }

    /// Has `hold` say for how long the answer to each request is held back, and
    /// with it all answers behind it on the same connection.
    pub fn hold(&self, hold: impl FnMut(Request<'_>) -> Option<Duration> + Send + 'static) {
        *self.hold.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(hold);
    }
}

impl Drop for KafkaProxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn serve(client: TcpStream, upstream: SocketAddr, hold: &Mutex<Box<Hold>>) -> io::Result<()> {
    let server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    let (holds, held) = mpsc::unbounded_channel();
    tokio::select! {
        ended = requests(from_client, to_server, hold, &holds) => ended,
        ended = answers(from_server, to_client, held) => ended,
    }
}

async fn requests(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    hold: &Mutex<Box<Hold>>,
    holds: &mpsc::UnboundedSender<Option<Duration>>,
) -> io::Result<()> {
    loop {
        let frame = read_frame(&mut client).await?;
        let held = hold.lock().unwrap_or_else(PoisonError::into_inner)(Request(&frame[4..]));
        // The other half ends with this one.
        let _ = holds.send(held);
        server.write_all(&frame).await?;
    }
}

/// A broker answers the requests of a connection in their order.
async fn answers(
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    mut held: mpsc::UnboundedReceiver<Option<Duration>>,
) -> io::Result<()> {
    loop {
        let frame = read_frame(&mut server).await?;
        if let Some(Some(hold)) = held.recv().await {
            tokio::time::sleep(hold).await;
        }
        client.write_all(&frame).await?;
    }
}

/// A request or an answer with the four bytes of its length.
async fn read_frame(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).await?;
    let bytes = u32::from_be_bytes(length) as usize;
    if bytes > LONGEST {
        return Err(io::Error::other(format!("a frame of {bytes} bytes")));
    }
    let mut frame = vec![0; 4 + bytes];
    frame[..4].copy_from_slice(&length);
    from.read_exact(&mut frame[4..]).await?;
    Ok(frame)
}
