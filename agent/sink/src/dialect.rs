//! All that differs between OSS and S3.

use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use kafka2oss_domain::spec::StoreType;

use crate::put::NewObject;
use crate::reply::Headers;

/// How a store wants to be spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// OSS through its S3-compatible API.
    Oss,
    /// S3 and what follows it.
    S3,
}

impl From<StoreType> for Dialect {
    fn from(store_type: StoreType) -> Self {
        match store_type {
            StoreType::Oss => Self::Oss,
            StoreType::S3 => Self::S3,
        }
    }
}

impl Dialect {
    /// Whether puts name the CRC-32C of their bodies.
    pub(crate) fn wants_crc32c(self) -> bool {
        self == Self::S3
    }

    /// Whether a signature has to cover the body. S3 takes it without over TLS
    /// (`UNSIGNED-PAYLOAD`, <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>);
    /// OSS names no other value for a put than the body's SHA-256
    /// (<https://www.alibabacloud.com/help/en/oss/user-guide/0002-00000427>).
    pub(crate) fn signs_bodies(self, is_encrypted: bool) -> bool {
        self == Self::Oss || !is_encrypted
    }

    /// Makes a put create-only, and has its body checked as far as that goes by
    /// parameters of the operation.
    ///
    /// S3: `If-None-Match: *`, which OSS answers with NotImplemented, and the
    /// body's CRC-32C, which the store checks before it creates anything. A store
    /// that does not know the checksum ignores the header.
    pub(crate) fn create_only(
        self,
        put: PutObjectFluentBuilder,
        object: &NewObject,
    ) -> PutObjectFluentBuilder {
        match self {
            Self::Oss => put,
            Self::S3 => put.if_none_match("*").checksum_crc32_c(object.body.crc32c()),
        }
    }

    /// A header that makes a put create-only and is no parameter of the operation.
    ///
    /// OSS: <https://www.alibabacloud.com/help/en/oss/developer-reference/putobject>.
    pub(crate) fn create_only_header(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Oss => Some(("x-oss-forbid-overwrite", "true")),
            Self::S3 => None,
        }
    }

    /// Whether versions, kept or suspended, make the store ignore that a put is
    /// create-only. S3 and MinIO refuse a second put whatever versions they keep.
    pub(crate) fn overwrites_versions(self) -> bool {
        self == Self::Oss
    }

    /// The URL of a place that the store names, as the settings take it. OSS
    /// names its own API's host; the S3-compatible one is `s3.` in front of it.
    pub(crate) fn endpoint_url(self, named: &str) -> String {
        if named.contains("://") {
            return named.to_owned();
        }
        match self {
            Self::Oss if named.starts_with("oss-") => format!("https://s3.{named}"),
            _ => format!("https://{named}"),
        }
    }

    /// What the store's answer says against the body that it has stored. A store
    /// that does not name a checksum says nothing.
    pub(crate) fn stored_otherwise(self, answer: &Headers, object: &NewObject) -> Option<String> {
        match self {
            Self::Oss => stored_crc64(answer)
                .filter(|stored| *stored != object.metadata.crc64)
                .map(|stored| crc64_differs(stored, object.metadata.crc64)),
            Self::S3 => {
                let stored = answer.get("x-amz-checksum-crc32c")?;
                let sent = object.body.crc32c();
                (*stored != sent)
                    .then(|| format!("the stored body has the CRC-32C {stored}, sent was {sent}"))
            }
        }
    }

    /// What the store says against an object that stands there: its bytes are not
    /// those that its metadata tells of.
    pub(crate) fn stands_otherwise(self, answer: &Headers, crc64: u64) -> Option<String> {
        match self {
            Self::Oss => stored_crc64(answer)
                .filter(|stored| *stored != crc64)
                .map(|stored| crc64_differs(stored, crc64)),
            // Told only when asked for, and not of the kind that the metadata has.
            Self::S3 => None,
        }
    }
}

fn stored_crc64(answer: &Headers) -> Option<u64> {
    answer.get("x-oss-hash-crc64ecma")?.parse().ok()
}

fn crc64_differs(stored: u64, sent: u64) -> String {
    format!("the stored body has the CRC-64 {stored}, sent was {sent}")
}
