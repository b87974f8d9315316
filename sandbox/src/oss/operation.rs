//! What a request asks for, read off its method, address and query.

use http::Method;

use super::address::Address;

/// An operation of the S3-compatible API, as far as the emulator tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// GET on the service.
    ListBuckets,
    /// PUT on a bucket.
    CreateBucket,
    /// HEAD on a bucket.
    HeadBucket,
    /// DELETE on a bucket.
    DeleteBucket,
    /// GET on a bucket with `versioning`.
    GetBucketVersioning,
    /// PUT on a bucket with `versioning`.
    PutBucketVersioning,
    /// GET on a bucket, both versions of the listing.
    ListObjects,
    /// PUT on a key.
    PutObject,
    /// GET on a key.
    GetObject,
    /// HEAD on a key.
    HeadObject,
    /// DELETE on a key.
    DeleteObject,
    /// POST on a bucket with `delete`.
    DeleteObjects,
    /// Anything else: the emulator answers `NotImplemented`.
    Other,
}

/// Query parameters that select another operation than the plain one on a key or
/// a bucket (multipart uploads, ACLs and the like).
const SUBRESOURCES: [&str; 14] = [
    "acl",
    "cors",
    "delete",
    "encryption",
    "lifecycle",
    "location",
    "policy",
    "tagging",
    "uploadId",
    "uploads",
    "versioning",
    "versions",
    "website",
    "attributes",
];

impl Operation {
    /// Tells the operation of a request. `is_copy`: the request names a copy
    /// source.
    pub(crate) fn of(
        method: &Method,
        address: &Address,
        query: Option<&str>,
        is_copy: bool,
    ) -> Self {
        let subresource = query
            .unwrap_or_default()
            .split('&')
            .map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name))
            .find(|name| SUBRESOURCES.contains(name));
        let method = method.as_str();
        match (address, method, subresource) {
            (Address::Service, "GET", None) => Self::ListBuckets,
            (Address::Bucket { .. }, "PUT", None) => Self::CreateBucket,
            (Address::Bucket { .. }, "HEAD", None) => Self::HeadBucket,
            (Address::Bucket { .. }, "DELETE", None) => Self::DeleteBucket,
            (Address::Bucket { .. }, "GET", None) => Self::ListObjects,
            (Address::Bucket { .. }, "GET", Some("versioning")) => Self::GetBucketVersioning,
            (Address::Bucket { .. }, "PUT", Some("versioning")) => Self::PutBucketVersioning,
            (Address::Bucket { .. }, "POST", Some("delete")) => Self::DeleteObjects,
            (Address::Object { .. }, "PUT", None) if !is_copy => Self::PutObject,
            (Address::Object { .. }, "GET", None) => Self::GetObject,
            (Address::Object { .. }, "HEAD", None) => Self::HeadObject,
            (Address::Object { .. }, "DELETE", None) => Self::DeleteObject,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_told_apart_by_method_address_and_query() {
        let bucket = Address::Bucket { bucket: "b-1".into() };
        let object = Address::Object { bucket: "b-1".into(), key: "k".into() };
        let cases = [
            ("GET", &Address::Service, None, Operation::ListBuckets),
            ("PUT", &bucket, None, Operation::CreateBucket),
            ("GET", &bucket, Some("list-type=2&prefix=versions"), Operation::ListObjects),
            ("GET", &bucket, Some("versioning"), Operation::GetBucketVersioning),
            ("PUT", &bucket, Some("versioning="), Operation::PutBucketVersioning),
            ("POST", &bucket, Some("delete"), Operation::DeleteObjects),
            ("PUT", &object, Some("x-id=PutObject"), Operation::PutObject),
            ("PUT", &object, Some("partNumber=1&uploadId=7"), Operation::Other),
            ("POST", &object, Some("uploads"), Operation::Other),
            ("GET", &object, Some("x-id=GetObject"), Operation::GetObject),
            ("HEAD", &object, None, Operation::HeadObject),
            ("DELETE", &object, None, Operation::DeleteObject),
        ];
        for (method, address, query, expected) in cases {
            let method = method.parse::<Method>().expect("a legal method");
            assert_eq!(Operation::of(&method, address, query, false), expected);
        }
        assert_eq!(Operation::of(&Method::PUT, &object, None, true), Operation::Other);
    }
}
