//! What stands under a prefix, page by page.

use aws_sdk_s3::types::EncodingType;
use kafka2oss_domain::ErrorCode;
use percent_encoding::percent_decode_str;

use crate::{ObjectStore, StoreError};

/// A page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// Up to 1,000 objects, in the order of their keys' bytes.
    pub objects: Vec<ListedObject>,
    /// Where the next page starts; `None` when this is the last.
    pub next: Option<NextPage>,
}

/// An object as a listing tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Its key. Bytes that are not UTF-8 are replaced: nothing of ours has them.
    pub key: String,
    /// Bytes of its content.
    pub size: u64,
}

/// Where a page of a listing starts: a token of the store's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextPage(String);

impl ObjectStore {
    /// A page of the objects whose keys start with `prefix`: the first, or the
    /// one that the page before names. An object that stands there from before
    /// the first page's request to after the last one's answer is in one of
    /// them.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn list(
        &self,
        prefix: &str,
        page: Option<&NextPage>,
    ) -> Result<ListPage, StoreError> {
        let subject = self.subject("ListObjectsV2", "");
        let request = self
            .client
            .list_objects_v2()
            .bucket(&*self.bucket)
            .prefix(prefix)
            // A key may have characters that XML cannot.
            .encoding_type(EncodingType::Url)
            .set_continuation_token(page.map(|NextPage(token)| token.clone()));
        let output = request.send().await.map_err(|error| subject.failed(&error))?;

        let is_encoded = output.encoding_type() == Some(&EncodingType::Url);
        let objects = output
            .contents()
            .iter()
            .filter_map(|object| {
                let key = object.key()?;
                let key = if is_encoded { decode(key) } else { key.to_owned() };
                // A negative size is none.
                let size = object.size().and_then(|size| u64::try_from(size).ok());
                Some(ListedObject { key, size: size.unwrap_or_default() })
            })
            .collect();
        let next = match output.next_continuation_token() {
            Some(token) => Some(NextPage(token.to_owned())),
            None if output.is_truncated() == Some(true) => {
                let words = "the page is not the last, but does not say where the next starts";
                return Err(subject.error(ErrorCode::StoreUnavailable, words));
            }
            None => None,
        };
        Ok(ListPage { objects, next })
    }
}

/// A key as stores encode it for a listing. Some write a blank as `+`; a plus
/// sign is escaped by all.
fn decode(key: &str) -> String {
    let key = key.replace('+', " ");
    percent_decode_str(&key).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_plus_signs_of_either_encoding_are_told_apart() {
        assert_eq!(decode("d%20%2B%20%C3%A4"), "d + ä");
        assert_eq!(decode("d+%2B+%C3%A4"), "d + ä");
        assert_eq!(decode("a%01%"), "a\u{1}%");
    }
}
