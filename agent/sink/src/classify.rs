//! What a store's refusal means.

use kafka2oss_domain::ErrorCode;

/// The error code for a refusal with this HTTP status and, unless the store gave
/// none, this code of the store. `asked_to_wait`: it came with a delay.
///
/// Sources: OSS's list of error codes
/// (<https://www.alibabacloud.com/help/en/oss/support/error-codes>), its page on
/// status 503, S3's list
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>), MinIO's
/// `cmd/api-errors.go`, and Ceph's `rgw_common.cc`.
pub(crate) fn classify(status: u16, store_code: Option<&str>, asked_to_wait: bool) -> ErrorCode {
    match store_code.unwrap_or_default() {
        "NoSuchBucket" => ErrorCode::StoreBucketNotFound,
        "AccessDenied" | "AllAccessDisabled" => ErrorCode::StoreAccessDenied,
        "ExpiredToken"
        | "InvalidAccessKeyId"
        | "InvalidSecurityToken"
        | "InvalidToken"
        | "InvalidTokenId"
        | "SecurityTokenExpired"
        | "SignatureDoesNotMatch" => ErrorCode::StoreCredentialsInvalid,
        "RequestExpired" | "RequestTimeTooSkewed" => ErrorCode::StoreClockSkewed,
        "ActiveRequestLimitExceeded"
        | "DownloadTrafficRateLimitExceeded"
        | "MetaOperationQpsLimitExceeded"
        | "PartitionQpsLimitted"
        | "QpsLimitExceeded"
        | "RequestLimitExceeded"
        | "SlowDown"
        | "SlowDownRead"
        | "SlowDownWrite"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequests"
        | "TotalQpsLimitExceeded"
        | "UploadTrafficRateLimitExceeded" => ErrorCode::StoreThrottled,
        // Ceph's quota, MinIO's, and MinIO's disks.
        "QuotaExceeded" | "XMinioAdminBucketQuotaExceeded" | "XMinioStorageFull" => {
            ErrorCode::StoreFull
        }
        // EC 0048-00000401: accounts since 2025-03-20 and public endpoints.
        "PublicEndpointForbidden" => ErrorCode::StoreEndpointRestricted,
        // The body that came is not the one that was signed or summed up.
        "BadDigest"
        | "InvalidDigest"
        | "XAmzContentChecksumMismatch"
        | "XAmzContentSHA256Mismatch" => ErrorCode::StoreIntegrityMismatch,
        // The body did not come in time, or not to its end.
        "IncompleteBody" | "RequestTimeout" => ErrorCode::StoreUnreachable,
        // Another put of the same key was under way: neither stored nor refused
        // for good.
        "ConditionalRequestConflict" | "OperationAborted" => ErrorCode::StoreUnavailable,
        // A bucket that was just made: the same request works within minutes.
        "TemporaryRedirect" => ErrorCode::StoreUnavailable,
        "NotImplemented" => ErrorCode::StoreRequestRejected,
        code => by_status(status, code, asked_to_wait),
    }
}

fn by_status(status: u16, store_code: &str, asked_to_wait: bool) -> ErrorCode {
    match status {
        429 => ErrorCode::StoreThrottled,
        503 if asked_to_wait => ErrorCode::StoreThrottled,
        507 => ErrorCode::StoreFull,
        500.. => ErrorCode::StoreUnavailable,
        408 => ErrorCode::StoreUnreachable,
        // Without a code there are no better words for it. With one, the code says
        // more than that something was denied.
        401 | 403 if store_code.is_empty() => ErrorCode::StoreAccessDenied,
        _ => ErrorCode::StoreRequestRejected,
    }
}

/// What helps against a refusal that the catalogue's remedy says nothing of.
pub(crate) fn hint(store_code: Option<&str>) -> Option<&'static str> {
    match store_code? {
        // OSS's answer to If-None-Match.
        "NotImplemented" => {
            Some("the store does not know conditional puts; a bucket of OSS needs store_type OSS")
        }
        "SecondLevelDomainForbidden" => {
            Some("OSS takes virtual-hosted addressing at a host name only: store_type OSS")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_error_code() {
        for (status, store_code, asked_to_wait, expected) in [
            (404, "NoSuchBucket", false, ErrorCode::StoreBucketNotFound),
            (403, "AccessDenied", false, ErrorCode::StoreAccessDenied),
            (403, "InvalidAccessKeyId", false, ErrorCode::StoreCredentialsInvalid),
            (403, "SignatureDoesNotMatch", false, ErrorCode::StoreCredentialsInvalid),
            (403, "InvalidTokenId", false, ErrorCode::StoreCredentialsInvalid),
            (400, "ExpiredToken", false, ErrorCode::StoreCredentialsInvalid),
            (403, "RequestTimeTooSkewed", false, ErrorCode::StoreClockSkewed),
            (503, "SlowDown", false, ErrorCode::StoreThrottled),
            (503, "PartitionQpsLimitted", true, ErrorCode::StoreThrottled),
            (503, "TotalQpsLimitExceeded", false, ErrorCode::StoreThrottled),
            (503, "UploadTrafficRateLimitExceeded", true, ErrorCode::StoreThrottled),
            (503, "DownloadTrafficRateLimitExceeded", true, ErrorCode::StoreThrottled),
            (503, "ServiceUnavailable", true, ErrorCode::StoreThrottled),
            (503, "ServiceUnavailable", false, ErrorCode::StoreUnavailable),
            (429, "", false, ErrorCode::StoreThrottled),
            (500, "InternalError", false, ErrorCode::StoreUnavailable),
            (502, "", true, ErrorCode::StoreUnavailable),
            (599, "", false, ErrorCode::StoreUnavailable),
            (507, "XMinioStorageFull", false, ErrorCode::StoreFull),
            (507, "", true, ErrorCode::StoreFull),
            (400, "XMinioAdminBucketQuotaExceeded", false, ErrorCode::StoreFull),
            (403, "QuotaExceeded", false, ErrorCode::StoreFull),
            (409, "ConditionalRequestConflict", false, ErrorCode::StoreUnavailable),
            (307, "TemporaryRedirect", false, ErrorCode::StoreUnavailable),
            (408, "", false, ErrorCode::StoreUnreachable),
            (400, "RequestTimeout", false, ErrorCode::StoreUnreachable),
            (400, "PublicEndpointForbidden", false, ErrorCode::StoreEndpointRestricted),
            (400, "BadDigest", false, ErrorCode::StoreIntegrityMismatch),
            (400, "InvalidDigest", false, ErrorCode::StoreIntegrityMismatch),
            (400, "XAmzContentSHA256Mismatch", false, ErrorCode::StoreIntegrityMismatch),
            (403, "SecondLevelDomainForbidden", false, ErrorCode::StoreRequestRejected),
            (501, "NotImplemented", false, ErrorCode::StoreRequestRejected),
            (400, "NotImplemented", false, ErrorCode::StoreRequestRejected),
            (400, "InvalidArgument", false, ErrorCode::StoreRequestRejected),
            (403, "UserDisable", false, ErrorCode::StoreRequestRejected),
            (403, "", false, ErrorCode::StoreAccessDenied),
            (401, "", false, ErrorCode::StoreAccessDenied),
            (301, "PermanentRedirect", false, ErrorCode::StoreRequestRejected),
            (404, "", false, ErrorCode::StoreRequestRejected),
            (0, "", false, ErrorCode::StoreRequestRejected),
        ] {
            let code = Some(store_code).filter(|code| !code.is_empty());
            assert_eq!(classify(status, code, asked_to_wait), expected, "{status} {store_code}");
        }
    }
}
