//! Refusals in OSS's words: code, status and the XML body that carries them.

use std::fmt;

use http::StatusCode;
use s3s::{S3Error, S3ErrorCode};

use super::store::StoreError;

macro_rules! codes {
    ($($code:ident = $name:literal, $status:ident, $message:literal;)*) => {
        /// An error code of OSS.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code { $($code),* }

        impl Code {
            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$code => $name),* }
            }

            pub(crate) fn status(self) -> StatusCode {
                match self { $(Self::$code => StatusCode::$status),* }
            }

            fn message(self) -> &'static str {
                match self { $(Self::$code => $message),* }
            }
        }
    };
}

codes! {
    AccessDenied = "AccessDenied", FORBIDDEN,
        "You have no right to access this object.";
    BucketNotEmpty = "BucketNotEmpty", CONFLICT,
        "The bucket you tried to delete is not empty.";
    EntityTooLarge = "EntityTooLarge", BAD_REQUEST,
        "Your proposed upload exceeds the maximum allowed size.";
    FileAlreadyExists = "FileAlreadyExists", CONFLICT,
        "The object you specified already exists and can not be overwritten.";
    InternalError = "InternalError", INTERNAL_SERVER_ERROR,
        "The emulator could not carry out the request.";
    InvalidArgument = "InvalidArgument", BAD_REQUEST,
        "An argument is invalid.";
    InvalidBucketName = "InvalidBucketName", BAD_REQUEST,
        "The specified bucket is not valid.";
    InvalidDigest = "InvalidDigest", BAD_REQUEST,
        "The Content-MD5 you specified was invalid.";
    InvalidObjectName = "InvalidObjectName", BAD_REQUEST,
        "The specified object is not valid.";
    InvalidRange = "InvalidRange", RANGE_NOT_SATISFIABLE,
        "The requested range cannot be satisfied.";
    InvalidRequest = "InvalidRequest", BAD_REQUEST,
        "The request is invalid.";
    InvalidUri = "InvalidURI", BAD_REQUEST,
        "The URI cannot be parsed.";
    MissingArgument = "MissingArgument", BAD_REQUEST,
        "Missing Some Required Arguments.";
    NoSuchBucket = "NoSuchBucket", NOT_FOUND,
        "The specified bucket does not exist.";
    NoSuchKey = "NoSuchKey", NOT_FOUND,
        "The specified key does not exist.";
    NotImplemented = "NotImplemented", NOT_IMPLEMENTED,
        "A header you provided implies functionality that is not implemented.";
    SecondLevelDomainForbidden = "SecondLevelDomainForbidden", FORBIDDEN,
        "Please use virtual hosted style to access.";
}

/// A request that is not carried out, with its reason.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub(crate) struct Refusal {
    code: Code,
    message: String,
}

impl Refusal {
    pub(crate) fn of(code: Code) -> Self {
        Self::new(code, code.message())
    }

    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn code(&self) -> Code {
        self.code
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::InvalidBucketName { .. } => Code::InvalidBucketName,
            StoreError::BucketNotFound { .. } => Code::NoSuchBucket,
            StoreError::BucketNotEmpty { .. } => Code::BucketNotEmpty,
            StoreError::ObjectNotFound { .. } => Code::NoSuchKey,
            StoreError::ObjectExists { .. } => Code::FileAlreadyExists,
            StoreError::Io { .. } | StoreError::Corrupt { .. } | StoreError::InUse { .. } => {
                tracing::error!(%error, "oss emulator storage failed");
                return Self::new(Code::InternalError, error.to_string());
            }
        };
        Self::of(code)
    }
}

impl From<Refusal> for S3Error {
    fn from(refusal: Refusal) -> Self {
        let code = S3ErrorCode::from_bytes(refusal.code.as_str().as_bytes())
            .unwrap_or(S3ErrorCode::InternalError);
        let mut error = Self::with_message(code, refusal.message);
        error.set_status_code(refusal.code.status());
        error
    }
}

/// An error reply's body.
pub(crate) struct ErrorBody<'a> {
    pub(crate) code: &'a str,
    pub(crate) message: &'a str,
    pub(crate) request_id: &'a str,
    pub(crate) host: &'a str,
    /// Where the bucket is.
    pub(crate) endpoint: Option<&'a str>,
}

impl fmt::Display for ErrorBody<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
        writeln!(f, "<Error>")?;
        let fields = [
            ("Code", self.code),
            ("Message", self.message),
            ("RequestId", self.request_id),
            ("HostId", self.host),
        ];
        let endpoint = self.endpoint.map(|endpoint| ("Endpoint", endpoint));
        for (name, value) in fields.into_iter().chain(endpoint) {
            writeln!(f, "  <{name}>{}</{name}>", escape(value))?;
        }
        writeln!(f, "</Error>")
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Code and message of an error reply that s3s has written, and the code that
/// OSS gives in its place.
pub(crate) fn read_s3_error(xml: &str) -> Option<(&str, String)> {
    let element = |name: &str| {
        let rest = xml.split_once(&format!("<{name}>"))?.1;
        Some(rest.split_once(&format!("</{name}>"))?.0)
    };
    let code = match element("Code")? {
        // s3s checks S3's limit of 1024 bytes before OSS's own rule is asked.
        "KeyTooLongError" => Code::InvalidObjectName.as_str(),
        other => other,
    };
    let message = element("Message")
        .unwrap_or("The request is refused.")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    Some((code, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_body_survives_its_own_reader() {
        let body = ErrorBody {
            code: "NoSuchKey",
            message: "no <key> & nothing",
            request_id: "0A",
            host: "b.localhost",
            endpoint: None,
        };
        let xml = body.to_string();
        let (code, message) = read_s3_error(&xml).expect("an error body");
        assert_eq!((code, message.as_str()), ("NoSuchKey", "no <key> & nothing"));
    }

    #[test]
    fn a_key_above_s3s_limit_is_an_invalid_object_name() {
        let xml = "<Error><Code>KeyTooLongError</Code></Error>";
        assert_eq!(read_s3_error(xml).map(|(code, _)| code), Some("InvalidObjectName"));
    }
}
