//! Objects from the store, asked for again where a request fails in passing.

use std::io::{self, BufRead, Read};
use std::time::Duration;

use bytes::{Buf, Bytes};
use kafka2oss_chain::{MetadataError, ObjectMetadata};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_sink::{ObjectBody, ObjectStore, StoreError};
use tokio::runtime::Handle;

/// Requests for the same thing, before the run is given up.
const ATTEMPTS: u32 = 6;
/// Pause before the second one, doubled before each after it.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Asks the store until it answers, unless it says that another request would
/// end the same.
///
/// # Errors
/// The last one of the store's.
pub(crate) async fn persistently<T, F>(mut ask: impl FnMut() -> F) -> Result<T, Problem>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut pause = FIRST_PAUSE;
    let mut attempt = 1;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if attempt < ATTEMPTS && is_passing(error.code) => {
                tracing::debug!(%error, attempt, "the store is asked again");
                tokio::time::sleep(error.delay.unwrap_or(pause)).await;
                pause *= 2;
                attempt += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_passing(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::StoreThrottled | ErrorCode::StoreUnavailable | ErrorCode::StoreUnreachable
    )
}

/// An object's content for a thread that may block. A read that fails has a
/// [`Problem`] within its error: the content could not be fetched.
#[derive(Debug)]
pub(crate) struct Body {
    runtime: Handle,
    store: ObjectStore,
    key: String,
    rest: ObjectBody,
    chunk: Bytes,
    /// Bytes that have come so far.
    come: u64,
}

impl Body {
    /// The object of this key; `None` when there is none. Blocks.
    ///
    /// # Errors
    /// The store's.
    pub(crate) fn open(
        runtime: &Handle,
        store: &ObjectStore,
        key: &str,
    ) -> Result<Option<Self>, Problem> {
        let rest = runtime.block_on(persistently(|| store.get(key, 0)))?;
        Ok(rest.map(|rest| Self {
            runtime: runtime.clone(),
            store: store.clone(),
            key: key.to_owned(),
            rest,
            chunk: Bytes::new(),
            come: 0,
        }))
    }

    /// What the object says about itself.
    pub(crate) fn metadata(&self) -> &Result<ObjectMetadata, MetadataError> {
        &self.rest.metadata
    }

    async fn next_chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        match self.rest.chunk().await {
            Ok(chunk) => return Ok(chunk),
            Err(error) => tracing::debug!(%error, "the rest of the object is asked for"),
        }
        let (store, key, come) = (&self.store, &self.key, self.come);
        let rest = persistently(|| async {
            let Some(mut body) = store.get(key, come).await? else { return Ok(None) };
            let chunk = body.chunk().await?;
            Ok(Some((body, chunk)))
        })
        .await?;
        let Some((rest, chunk)) = rest else {
            let message = format!("object `{key}` was deleted while it was read");
            return Err(Problem::new(ErrorCode::StoreUnavailable, message));
        };
        self.rest = rest;
        Ok(chunk)
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(buffer.len());
        buffer[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Body {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.chunk.is_empty() {
            let runtime = self.runtime.clone();
            let chunk = runtime.block_on(self.next_chunk()).map_err(io::Error::other)?;
            self.chunk = chunk.unwrap_or_default();
            self.come += self.chunk.len() as u64;
        }
        Ok(&self.chunk)
    }

    fn consume(&mut self, amount: usize) {
        self.chunk.advance(amount);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kafka2oss_domain::spec::{
        AccessKey, AddressingStyle, Destination, SecretSource, StoreType,
    };
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A store that gives these answers, one a connection, and then none.
    async fn store(answers: Vec<String>) -> ObjectStore {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            for answer in answers {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(connection.read_u8().await.unwrap());
                }
                let asked = String::from_utf8(head).unwrap().to_lowercase();
                let (range, answer) = answer.split_once('|').unwrap();
                assert!(asked.contains(range), "{asked}");
                connection.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let plain = |text: &str| SecretSource::Plain(text.into());
        ObjectStore::new(&Destination {
            store_type: StoreType::S3,
            bucket: "abc".into(),
            endpoint,
            signing_region: "us-east-1".into(),
            addressing_style: AddressingStyle::Path,
            credentials: AccessKey {
                id: plain("id"),
                secret: plain("secret"),
                session_token: None,
            },
            allow_cross_region: false,
        })
    }

    /// A body of which as much comes, and what the request has to hold.
    fn answer(range: &str, length: usize, comes: &str) -> String {
        format!(
            "{range}|HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{comes}"
        )
    }

    async fn read(store: ObjectStore) -> io::Result<String> {
        let runtime = Handle::current();
        let read = move || {
            let mut content = String::new();
            Body::open(&runtime, &store, "k").unwrap().unwrap().read_to_string(&mut content)?;
            Ok(content)
        };
        tokio::task::spawn_blocking(read).await.unwrap()
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_asked_for_from_there_on() {
        let answers = vec![
            answer("get", 9, "12345"),
            answer("range: bytes=5-\r\n", 4, "6"),
            answer("range: bytes=6-\r\n", 3, "789"),
        ];
        assert_eq!(read(store(answers).await).await.unwrap(), "123456789");
    }

    #[tokio::test]
    async fn a_rest_that_is_refused_says_nothing_about_the_content() {
        let refused =
            "range|HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let answers = vec![answer("get", 9, "12345"), refused.to_owned()];
        let error = read(store(answers).await).await.unwrap_err();
        let problem = error.downcast::<Problem>().unwrap();
        assert_eq!(problem.code, ErrorCode::StoreAccessDenied, "{problem}");
    }
}
