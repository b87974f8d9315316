//! A proxy in front of an HTTP/1.1 server, which disturbs requests on their way:
//! faults of a store that cannot be asked for them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// Longest head of a request.
const HEAD: usize = 64 << 10;
const SLOW_DOWN: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>SlowDown</Code>\
                         <Message>Please reduce your request rate.</Message></Error>";

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// It waits so long before it goes on.
    Latency(Duration),
    /// It is answered 503 `SlowDown`, and does not go on.
    SlowDown,
    /// It goes on; of its answer nothing comes back, and the connection is reset.
    LostAnswer,
    /// The connection is reset; nothing of it goes on.
    Reset,
    /// Half of its body goes on, then both connections end. A request without a
    /// body does not go on at all.
    HalfBody,
}

type Decide = dyn FnMut() -> Option<Disturbance> + Send;

/// A running proxy; dropped, it is gone with its connections.
pub struct Proxy {
    address: SocketAddr,
    decide: Arc<Mutex<Box<Decide>>>,
    listening: AbortHandle,
}

impl Proxy {
    /// Starts one in front of the server at `upstream`, on the current runtime;
    /// it disturbs nothing yet.
    pub async fn start(upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let decide: Arc<Mutex<Box<Decide>>> = Arc::new(Mutex::new(Box::new(|| None)));
        let deciding = decide.clone();
        let listening = serve_all(listener, move |client| {
            let decide = deciding.clone();
            async move { serve(client, upstream, &decide).await }
        });
        Ok(Self { address, decide, listening })
    }

    /// Its port on the loopback address.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Has `decide` say what happens to each request from now on.
    pub fn disturb(&self, decide: impl FnMut() -> Option<Disturbance> + Send + 'static) {
        *self.decide.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(decide);
    }

    /// Lets all requests pass from now on.
    pub fn calm(&self) {
        self.disturb(|| None);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Serves each client that comes, until the handle aborts it and with it their
/// connections.
pub(crate) fn serve_all<F>(
    listener: TcpListener,
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> AbortHandle
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let listening = tokio::spawn(async move {
        // Dropped with this task, it ends the connections. What went wrong on one,
        // client and server see for themselves.
        let mut connections = JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            connections.spawn(serve(client));
            while connections.try_join_next().is_some() {}
        }
    });
    listening.abort_handle()
}

/// A client's requests, one after the other: HTTP/1.1 without pipelining, so
/// that what comes from the client after a whole request is the next one.
async fn serve(
    mut client: TcpStream,
    upstream: SocketAddr,
    decide: &Mutex<Box<Decide>>,
) -> io::Result<()> {
    let mut server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut answer = vec![0; HEAD];
    let mut taken = Vec::new();
    // Whether the answer to the last request is not wanted.
    let mut loses_answer = false;
    loop {
        tokio::select! {
            count = server.read(&mut answer) => {
                let count = count?;
                if loses_answer {
                    return reset(&client);
                }
                if count == 0 {
                    return client.shutdown().await;
                }
                client.write_all(&answer[..count]).await?;
            }
            count = client.read_buf(&mut taken) => {
                if count? == 0 {
                    return server.shutdown().await;
                }
                let length = read_request(&mut client, &mut taken).await?;
                let body = length.body;
                let disturbance = decide.lock().unwrap_or_else(PoisonError::into_inner)();
                match disturbance {
                    None => {}
                    Some(Disturbance::Latency(latency)) => tokio::time::sleep(latency).await,
                    Some(Disturbance::Reset) => return reset(&client),
                    Some(Disturbance::HalfBody) => {
                        if body > 0 {
                            server.write_all(&taken[..length.head + body / 2]).await?;
                            // In order, so that what was sent arrives.
                            server.shutdown().await?;
                        }
                        return reset(&client);
                    }
                    Some(Disturbance::SlowDown) => {
                        let head = format!(
                            "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/xml\r\n\
                             connection: close\r\ncontent-length: {}\r\n\r\n",
                            SLOW_DOWN.len()
                        );
                        client.write_all(head.as_bytes()).await?;
                        client.write_all(SLOW_DOWN.as_bytes()).await?;
                        return client.shutdown().await;
                    }
                    Some(Disturbance::LostAnswer) => loses_answer = true,
                }
                server.write_all(&taken).await?;
                taken.clear();
            }
        }
    }
}

/// How long a request is, in bytes.
struct Length {
    head: usize,
    body: usize,
}

/// Reads on until a whole request is in `taken`.
async fn read_request(client: &mut TcpStream, taken: &mut Vec<u8>) -> io::Result<Length> {
    let broken = || io::Error::from(io::ErrorKind::InvalidData);
    let head = loop {
        if let Some(end) = taken.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if taken.len() > HEAD || client.read_buf(taken).await? == 0 {
            return Err(broken());
        }
    };
    let body = body_length(&taken[..head]).ok_or_else(broken)?;
    let whole = head.checked_add(body).ok_or_else(broken)?;
    while taken.len() < whole {
        if client.read_buf(taken).await? == 0 {
            return Err(broken());
        }
    }
    Ok(Length { head, body })
}

/// The length that a request's head names, else 0; `None` when it is no number.
fn body_length(head: &[u8]) -> Option<usize> {
    let head = str::from_utf8(head).ok()?;
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    match fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
        Some((_, length)) => length.trim().parse().ok(),
        None => Some(0),
    }
}

fn reset(client: &TcpStream) -> io::Result<()> {
    // Without lingering, closing a socket sends RST.
    client.set_zero_linger()
}

#[cfg(test)]
mod tests {
    use super::body_length;

    #[test]
    fn a_body_is_as_long_as_the_head_says() {
        assert_eq!(body_length(b"PUT /k HTTP/1.1\r\nContent-Length: 12\r\n\r\n"), Some(12));
        assert_eq!(body_length(b"GET /k HTTP/1.1\r\nhost: h:1\r\n\r\n"), Some(0));
        assert_eq!(body_length(b"PUT /k HTTP/1.1\r\ncontent-length: x\r\n\r\n"), None);
    }
}
