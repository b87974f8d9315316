//! A store that costs next to nothing: an S3 server that takes objects, forgets
//! their content, and remembers what it takes to refuse a key that is taken.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, ETAG, HeaderName, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kafka2oss_proto::v1::StoreType;
use kafka2oss_tests::bucket::{Addressing, S3Access};
use kafka2oss_tests::child::ChildProcess;
use kafka2oss_tests::scratch::Scratch;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::destination::Destination;

/// What the child says once it listens, before the port.
const LISTENS: &str = "the null store listens on port ";

/// Where the child tells what it was sent.
const FIGURES: &str = "/-/figures";

/// Content up to this is kept: the product may ask for what it has just written
/// to see whether the store is one.
const KEPT_BYTES: usize = 4_096;

/// How many records an object says it has (`agent/chain/src/object_metadata.rs`).
const RECORDS: &str = "x-amz-meta-kafka2oss-records";

const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// What a null store was sent, but for objects without records.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Received {
    /// Requests that put an object.
    pub(crate) puts: u64,
    /// Those that created one.
    pub(crate) objects: u64,
    /// Records in these.
    pub(crate) records: u64,
    /// Bytes of these.
    pub(crate) bytes: u64,
    /// When the first one was answered, in seconds since 1970.
    pub(crate) first_answered: f64,
    /// When the last one was.
    pub(crate) last_answered: f64,
}

/// A null store in a child process.
#[derive(Debug)]
pub(crate) struct NullStore {
    // Before the folder: fields are dropped in order.
    child: ChildProcess,
    _scratch: Scratch,
    port: u16,
}

impl NullStore {
    /// Starts one on a free port.
    pub(crate) async fn start() -> Result<Self> {
        let scratch = Scratch::new("null-store")?;
        let command = super::this_program(&["null-store"])?;
        let child = ChildProcess::spawn("the null store", command, scratch.join("log"))?;
        let line = child.logged(LISTENS, ANSWER_LIMIT).await?;
        let port = line.trim_start_matches(LISTENS).parse()?;
        Ok(Self { child, _scratch: scratch, port })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// A bucket of it: any exists.
    pub(crate) fn bucket(&self, name: String) -> Destination {
        destination(self.port, name)
    }

    /// What it was sent up to now.
    pub(crate) async fn received(&self) -> Result<Received> {
        received(self.port).await
    }
}

fn destination(port: u16, bucket: String) -> Destination {
    let access = S3Access {
        endpoint: format!("http://127.0.0.1:{port}"),
        region: "us-east-1".into(),
        access_key: "any".into(),
        secret_key: "any".into(),
        addressing: Addressing::PathStyle,
        authority: None,
    };
    Destination { store_type: StoreType::S3, access, bucket }
}

async fn received(port: u16) -> Result<Received> {
    let request = format!("GET {FIGURES} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let exchange = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        anyhow::Ok(answer)
    };
    let answer = timeout(ANSWER_LIMIT, exchange).await.context("the null store hangs")??;
    let (_, body) = answer.split_once("\r\n\r\n").context("an answer without a body")?;
    Ok(serde_json::from_str(body)?)
}

/// Serves, in the child, until the process is killed.
pub(crate) async fn serve() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    print_port(listener.local_addr()?.port())?;
    serve_at(listener).await
}

async fn serve_at(listener: TcpListener) -> Result<()> {
    let objects = Arc::new(Objects::default());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let objects = objects.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(objects.clone(), request));
            // A client that goes away is no concern of the store's.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn print_port(port: u16) -> Result<()> {
    use std::io::{Write, stdout};
    writeln!(stdout(), "{LISTENS}{port}")?;
    Ok(stdout().flush()?)
}

/// What was put, without the content.
#[derive(Debug, Default)]
struct Objects(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    by_path: HashMap<String, Object>,
    received: Received,
}

#[derive(Debug)]
struct Object {
    length: usize,
    /// `x-amz-meta-...`.
    metadata: HeaderMap,
    /// The content, where it is small.
    kept: Bytes,
}

impl Objects {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn answer(
    objects: Arc<Objects>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let response = match *request.method() {
        Method::PUT => put(&objects, path, request).await,
        Method::HEAD => objects.with(|state| read(state, &path, false)),
        Method::DELETE => {
            objects.with(|state| state.by_path.remove(&path));
            status(StatusCode::NO_CONTENT, "")
        }
        _ if path == FIGURES => {
            let received = objects.with(|state| state.received);
            let json = serde_json::to_string(&received).unwrap_or_default();
            status(StatusCode::OK, json)
        }
        _ if query.contains("list-type=2") => status(
            StatusCode::OK,
            "<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated>\
             </ListBucketResult>",
        ),
        _ if query.contains("versioning") => {
            status(StatusCode::OK, "<VersioningConfiguration></VersioningConfiguration>")
        }
        _ => objects.with(|state| read(state, &path, true)),
    };
    Ok(response)
}

async fn put(objects: &Objects, path: String, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, mut body) = request.into_parts();
    let (mut length, mut kept) = (0, Vec::new());
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return status(StatusCode::BAD_REQUEST, "");
        };
        if let Some(data) = frame.data_ref() {
            length += data.len();
            if length <= KEPT_BYTES {
                kept.extend_from_slice(data);
            }
        }
    }
    let records = head.headers.get(RECORDS).and_then(|value| value.to_str().ok()?.parse().ok());
    let records: u64 = records.unwrap_or_default();
    let create_only = head.headers.contains_key(IF_NONE_MATCH);
    objects.with(|state| {
        state.received.puts += u64::from(records > 0);
        if create_only && state.by_path.contains_key(&path) {
            return refused(StatusCode::PRECONDITION_FAILED, "PreconditionFailed");
        }
        if records > 0 {
            state.received.objects += 1;
            state.received.records += records;
            state.received.bytes += length as u64;
            state.received.last_answered = since_1970();
            if state.received.objects == 1 {
                state.received.first_answered = state.received.last_answered;
            }
        }
        let is_metadata = |name: &HeaderName| name.as_str().starts_with("x-amz-meta-");
        let metadata = head.headers.iter().filter(|(name, _)| is_metadata(name));
        let metadata = metadata.map(|(name, value)| (name.clone(), value.clone())).collect();
        let kept = if length <= KEPT_BYTES { Bytes::from(kept) } else { Bytes::new() };
        state.by_path.insert(path, Object { length, metadata, kept });
        let mut response = status(StatusCode::OK, "");
        response.headers_mut().insert(ETAG, HeaderValue::from_static("\"0\""));
        response
    })
}

/// An object's metadata, and what is kept of its content.
fn read(state: &State, path: &str, with_content: bool) -> Response<Full<Bytes>> {
    let Some(object) = state.by_path.get(path) else {
        return refused(StatusCode::NOT_FOUND, "NoSuchKey");
    };
    let content = if with_content { object.kept.clone() } else { Bytes::new() };
    let mut response = Response::new(Full::new(content));
    response.headers_mut().extend(object.metadata.clone());
    response.headers_mut().insert(ETAG, HeaderValue::from_static("\"0\""));
    if !with_content {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(object.length));
    }
    response
}

fn refused(code: StatusCode, name: &'static str) -> Response<Full<Bytes>> {
    let xml = format!("<Error><Code>{name}</Code><Message>{name}</Message></Error>");
    let mut response = status(code, xml);
    // An answer to HEAD has no body; MinIO says it so.
    response.headers_mut().insert("x-minio-error-code", HeaderValue::from_static(name));
    response
}

fn status(code: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = code;
    response
}

fn since_1970() -> f64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use kafka2oss_sink::Probe;
    use tokio::net::TcpListener;

    use super::{destination, received, serve_at};

    #[tokio::test]
    async fn the_product_takes_it_for_a_store_that_allows_exactly_once() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        tokio::spawn(serve_at(listener));
        let destination = destination(port, "any".into());

        let probe = destination.store().probe("prefix/probe".to_owned()).await;

        assert_eq!(probe.outcome, Ok(Probe::ExactlyOnce));
    }

    #[tokio::test]
    async fn objects_with_records_are_counted_and_their_content_is_not_kept() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        tokio::spawn(serve_at(listener));
        let bucket = destination(port, "any".into()).bucket();
        let put = async |key: &str, length: usize| {
            let request = bucket.client().put_object().bucket("any").key(key).if_none_match("*");
            let request = request.metadata("kafka2oss-records", "5").body(vec![0; length].into());
            request.send().await
        };

        put("small", 3).await.expect("it is absent");
        put("large", 100_000).await.expect("it is absent");
        put("large", 100_000).await.expect_err("it is there");

        let found = received(port).await.expect("the store answers");
        assert_eq!((found.puts, found.objects, found.records), (3, 2, 10));
        assert_eq!(found.bytes, 100_003);
        assert!(0.0 < found.first_answered && found.first_answered <= found.last_answered);
        assert_eq!(bucket.get("small").await.expect("it is there").bytes, [0; 3]);
        assert!(bucket.get("large").await.expect("it is there").bytes.is_empty());
    }
}
