//! HTTP/2 as hostile peers speak it: stream by stream, and not to its end.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use bytes::{BufMut, Bytes, BytesMut};
use h2::client::{Builder, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::Request;
use prost::Message;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;

/// Whence they come: another address than that of the good ones.
const PEER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Streams of a connection, as many as a server takes.
pub(super) const STREAMS: usize = 200;

/// An HTTP/2 connection.
pub(super) struct Connection {
    send: SendRequest<Bytes>,
    /// Reads and writes.
    pub(super) task: JoinHandle<()>,
}

/// A call whose message has not ended.
pub(super) struct Call {
    pub(super) say: SendStream<Bytes>,
    pub(super) answer: h2::client::ResponseFuture,
}

pub(super) async fn tcp(to: SocketAddr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((PEER, 0)))?;
    Ok(socket.connect(to).await?)
}

impl Connection {
    /// Opens one that takes so many bytes of an answer before it reads it.
    pub(super) async fn open(to: SocketAddr, window: u32) -> Result<Self> {
        let mut builder = Builder::new();
        builder.initial_window_size(window).initial_connection_window_size(window);
        let (send, connection) = builder.handshake(tcp(to).await?).await?;
        let task = tokio::spawn(async move {
            // How it ends shows in its streams.
            let _ = connection.await;
        });
        Ok(Self { send, task })
    }

    /// Opens a call.
    pub(super) async fn call(&self, path: &str) -> Result<Call> {
        let mut send = self.send.clone().ready().await?;
        let request = Request::post(format!("http://{PEER}{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())?;
        let (answer, say) = send.send_request(request, false)?;
        Ok(Call { say, answer })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Call {
    /// Says a message, as fast as it is taken.
    pub(super) async fn say(&mut self, mut message: Bytes) -> Result<()> {
        while !message.is_empty() {
            self.say.reserve_capacity(message.len());
            let room = std::future::poll_fn(|context| self.say.poll_capacity(context)).await;
            let Some(room) = room.transpose()? else { anyhow::bail!("it was ended") };
            self.say.send_data(message.split_to(room.min(message.len())), false)?;
        }
        Ok(())
    }

    /// Says that nothing follows, and waits until the answer has ended.
    pub(super) async fn end(mut self) -> Result<()> {
        self.say.send_data(Bytes::new(), true)?;
        drain(self.answer.await?.into_body()).await
    }

    pub(super) fn reset(mut self) {
        self.say.send_reset(Reason::CANCEL);
    }
}

/// Reads an answer to its end.
pub(super) async fn drain(mut body: RecvStream) -> Result<()> {
    while let Some(data) = body.data().await {
        body.flow_control().release_capacity(data?.len())?;
    }
    Ok(())
}

/// A message with its prefix.
pub(super) fn framed(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut bytes = BytesMut::with_capacity(5 + length);
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    message.encode(&mut bytes).expect("it grows");
    bytes.freeze()
}
