//! Connections: HTTP/1.1 on a listener, and what a client sees of the faults that
//! give no answer.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use s3s::Body;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use super::front::{Front, MAX_BODY, NoAnswer};

/// How long requests under way may take to end once the emulator stops.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// Pause after a failed accept, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts and serves connections until the emulator stops. `tasks` gets one task
/// a connection and one a request.
pub(crate) async fn serve(listener: TcpListener, front: Arc<Front>, tasks: TaskTracker) {
    loop {
        let stopped = front.stopped.clone();
        let Some(accepted) = stopped.run_until_cancelled(listener.accept()).await else { return };
        match accepted {
            Ok((stream, _peer)) => {
                let service = Connection {
                    front: Arc::clone(&front),
                    tasks: tasks.clone(),
                    reset: Arc::new(AtomicBool::new(false)),
                };
                tasks.spawn(serve_connection(stream, service));
            }
            Err(error) => {
                tracing::warn!(%error, "oss emulator could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, service: Connection) {
    let stopped = service.front.stopped.clone();
    let reset = Arc::clone(&service.reset);
    // Small replies go out at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "oss emulator could not set nodelay");
    }
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let served = poll_fn(|cx| connection.poll_without_shutdown(cx));
    let result = match stopped.run_until_cancelled(served).await {
        Some(result) => result,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            let served = poll_fn(|cx| connection.poll_without_shutdown(cx));
            tokio::time::timeout(STOP_GRACE, served).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "oss emulator connection ended");
    }
    if reset.load(Ordering::Relaxed) {
        // Without lingering, closing a socket sends RST.
        let stream = connection.into_parts().io.into_inner();
        if let Err(error) = stream.set_zero_linger() {
            tracing::warn!(%error, "oss emulator could not reset a connection");
        }
    }
}

/// The service of one connection.
struct Connection {
    front: Arc<Front>,
    tasks: TaskTracker,
    reset: Arc<AtomicBool>,
}

impl Service<Request<Incoming>> for Connection {
    type Response = Response<Body>;
    type Error = NoAnswer;
    type Future = BoxFuture<'static, Result<Response<Body>, NoAnswer>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let front = Arc::clone(&self.front);
        let tasks = self.tasks.clone();
        let reset = Arc::clone(&self.reset);
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = match Limited::new(body, MAX_BODY).collect().await {
                Ok(body) => body.to_bytes(),
                Err(error) if error.is::<LengthLimitError>() => {
                    let request = Request::from_parts(parts, Bytes::new());
                    return Ok(front.refuse_too_large(&request));
                }
                Err(_) => return Err(NoAnswer::Failed),
            };
            let request = Request::from_parts(parts, body);
            // In a task of its own: what has arrived whole is carried out even if
            // the client hangs up meanwhile, as a store does.
            let answer = tasks.spawn(front.handle(request)).await;
            let answer = answer.unwrap_or(Err(NoAnswer::Failed));
            if answer.as_ref().err() == Some(&NoAnswer::Reset) {
                reset.store(true, Ordering::Relaxed);
            }
            answer
        })
    }
}
