//! An object's content, as a stream.

use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use kafka2oss_chain::{MetadataError, ObjectMetadata};
use kafka2oss_domain::ErrorCode;
use tokio::time::timeout;

use crate::reply::Refusal;
use crate::{ObjectStore, StoreError};

/// For the next bytes of a body. The reader's own time does not count.
const CHUNK_LIMIT: Duration = Duration::from_secs(30);

/// An object that is being read.
#[derive(Debug)]
pub struct ObjectBody {
    /// What it says about itself, or why it is not an object of kafka2oss. One
    /// whose metadata is not text comes without its content.
    pub metadata: Result<ObjectMetadata, MetadataError>,
    store: ObjectStore,
    key: String,
    content: ByteStream,
}

impl ObjectStore {
    /// The object of this key from byte `start` on, which lies within it or is
    /// 0; `None` when there is none.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn get(&self, key: &str, start: u64) -> Result<Option<ObjectBody>, StoreError> {
        let request = self.client.get_object().bucket(&*self.bucket).key(key);
        let request = if start > 0 { request.range(format!("bytes={start}-")) } else { request };
        let body = |metadata, content| {
            Some(ObjectBody { metadata, store: self.clone(), key: key.to_owned(), content })
        };
        match request.send().await {
            Ok(output) => {
                let metadata = ObjectMetadata::decode(output.metadata().into_iter().flatten());
                Ok(body(metadata, output.body))
            }
            Err(error) => match Refusal::of(&error) {
                // It is there; its metadata is not even text, which the SDK refuses.
                Some(Refusal { status: 200..300, .. }) => {
                    Ok(body(Err(MetadataError::NotText), ByteStream::default()))
                }
                Some(Refusal { code: Some(code), .. }) if code == "NoSuchKey" => Ok(None),
                _ => Err(self.subject("GetObject", key).failed(&error)),
            },
        }
    }
}

impl ObjectBody {
    /// Its next bytes, never none of them; `None` at its end.
    ///
    /// # Errors
    /// `STORE_UNREACHABLE` when the connection ends before the body does, or
    /// nothing comes for 30 s. What has come by then is right;
    /// [`ObjectStore::get`] can be asked for the rest.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, StoreError> {
        let failed = |words: String| {
            self.store.subject("GetObject", &self.key).error(ErrorCode::StoreUnreachable, words)
        };
        loop {
            match timeout(CHUNK_LIMIT, self.content.next()).await {
                Ok(Some(Ok(bytes))) if bytes.is_empty() => {}
                Ok(Some(Ok(bytes))) => return Ok(Some(bytes)),
                Ok(Some(Err(error))) => return Err(failed(format!("the body broke off: {error}"))),
                Ok(None) => return Ok(None),
                Err(_) => return Err(failed("the body came to a halt".to_owned())),
            }
        }
    }
}
