//! Which permission a refused request would have needed.

use crate::dialect::Dialect;

/// The action on the resource, in the words of the store's policies.
///
/// Sources: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>
/// and its like; <https://www.alibabacloud.com/help/en/oss/user-guide/ram-policy>.
pub(crate) fn permission(
    dialect: Dialect,
    operation: &str,
    bucket: &str,
    key: &str,
) -> Option<String> {
    let action = match (operation, dialect) {
        // There is no action for HEAD.
        ("HeadObject" | "GetObject", _) => "GetObject",
        ("PutObject", _) => "PutObject",
        ("DeleteObject", _) => "DeleteObject",
        ("DeleteObjectVersion", _) => "DeleteObjectVersion",
        ("GetBucketVersioning", _) => "GetBucketVersioning",
        ("ListObjectsV2", Dialect::S3) => "ListBucket",
        ("ListObjectsV2", Dialect::Oss) => "ListObjects",
        _ => return None,
    };
    let (service, resource) = match dialect {
        Dialect::S3 => ("s3", "arn:aws:s3:::"),
        Dialect::Oss => ("oss", "acs:oss:*:*:"),
    };
    let slash = if key.is_empty() { "" } else { "/" };
    Some(format!("{service}:{action} on {resource}{bucket}{slash}{key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_has_its_action_on_its_resource() {
        for (dialect, operation, key, expected) in [
            (Dialect::S3, "PutObject", "k", Some("s3:PutObject on arn:aws:s3:::b/k")),
            (Dialect::S3, "HeadObject", "k", Some("s3:GetObject on arn:aws:s3:::b/k")),
            (Dialect::S3, "ListObjectsV2", "", Some("s3:ListBucket on arn:aws:s3:::b")),
            (Dialect::Oss, "ListObjectsV2", "", Some("oss:ListObjects on acs:oss:*:*:b")),
            (Dialect::Oss, "PutObject", "k", Some("oss:PutObject on acs:oss:*:*:b/k")),
            (
                Dialect::Oss,
                "GetBucketVersioning",
                "",
                Some("oss:GetBucketVersioning on acs:oss:*:*:b"),
            ),
            (Dialect::S3, "Nothing", "", None),
        ] {
            assert_eq!(permission(dialect, operation, "b", key).as_deref(), expected);
        }
    }
}
