//! A request that came to the wrong place: the store's answer names the right one.

use crate::dialect::Dialect;
use crate::reply::Refusal;

/// What is wrong with where a request was sent, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Misplaced {
    /// It was signed for another region than this one.
    Region(String),
    /// The bucket is served elsewhere.
    Endpoint {
        /// A URL, or what the store says in its place.
        endpoint: String,
        /// Its region, where the store tells it.
        region: Option<String>,
    },
}

/// What a refusal says of the place, if it says that it is the wrong one.
///
/// Sources: S3's redirects
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html>) and its
/// header `x-amz-bucket-region`; MinIO's `cmd/api-errors.go`; OSS's error
/// 0003-00001403
/// (<https://www.alibabacloud.com/help/en/oss/user-guide/0003-00001403>).
pub(crate) fn misplaced(
    refusal: &Refusal,
    dialect: Dialect,
    signed_for: &str,
) -> Option<Misplaced> {
    let Refusal { status, code, words, region, endpoint, .. } = refusal;
    let other_region = region.as_deref().filter(|region| *region != signed_for).map(str::to_owned);
    let code = code.as_deref().unwrap_or_default();
    match code {
        "AuthorizationHeaderMalformed" | "InvalidRegion" => other_region
            .or_else(|| expected_region(words.as_deref()?).map(str::to_owned))
            .map(Misplaced::Region),
        "PermanentRedirect" | "Redirect" | "AccessDenied" | "" if let Some(endpoint) = endpoint => {
            let endpoint = dialect.endpoint_url(endpoint);
            Some(Misplaced::Endpoint { endpoint, region: other_region })
        }
        // S3's answers to HEAD, and a redirect that names the region only.
        "PermanentRedirect" | "" if matches!(status, 301 | 307 | 308 | 400) => {
            other_region.map(Misplaced::Region)
        }
        _ => None,
    }
}

/// The region in words such as "the region 'a' is wrong; expecting 'b'".
fn expected_region(words: &str) -> Option<&str> {
    let (_, rest) = words.split_once("expecting '")?;
    rest.split_once('\'').map(|(region, _)| region).filter(|region| !region.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, code: &str) -> Refusal {
        let code = Some(code.to_owned()).filter(|code| !code.is_empty());
        Refusal { status, code, ..Refusal::default() }
    }

    fn region(region: &str) -> Option<Misplaced> {
        Some(Misplaced::Region(region.to_owned()))
    }

    fn endpoint(endpoint: &str, region: Option<&str>) -> Option<Misplaced> {
        let region = region.map(str::to_owned);
        Some(Misplaced::Endpoint { endpoint: endpoint.to_owned(), region })
    }

    #[test]
    fn the_right_region_or_endpoint_is_read_off_each_form_of_answer() {
        let (eu, us) = (Some("eu-west-1".to_owned()), Some("us-east-1".to_owned()));
        let words = Some("the region is wrong; expecting 'eu-west-1'.".to_owned());
        let at = |place: &str| Some(place.to_owned());
        let oss = Dialect::Oss;
        for (dialect, refusal, expected) in [
            (
                Dialect::S3,
                Refusal { region: eu.clone(), ..refusal(400, "AuthorizationHeaderMalformed") },
                region("eu-west-1"),
            ),
            (
                Dialect::S3,
                Refusal { words, ..refusal(400, "AuthorizationHeaderMalformed") },
                region("eu-west-1"),
            ),
            (Dialect::S3, refusal(400, "AuthorizationHeaderMalformed"), None),
            // HEAD at another region than the bucket's.
            (Dialect::S3, Refusal { region: eu.clone(), ..refusal(400, "") }, region("eu-west-1")),
            (Dialect::S3, Refusal { region: eu.clone(), ..refusal(301, "") }, region("eu-west-1")),
            (
                Dialect::S3,
                Refusal {
                    endpoint: at("b.s3.eu-west-1.amazonaws.com"),
                    region: eu.clone(),
                    ..refusal(301, "PermanentRedirect")
                },
                endpoint("https://b.s3.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ),
            (
                Dialect::S3,
                Refusal { endpoint: at("https://minio.lan:9000"), ..refusal(307, "") },
                endpoint("https://minio.lan:9000", None),
            ),
            (
                oss,
                Refusal {
                    endpoint: at("oss-cn-shanghai.aliyuncs.com"),
                    ..refusal(403, "AccessDenied")
                },
                endpoint("https://s3.oss-cn-shanghai.aliyuncs.com", None),
            ),
            // A lack of rights: the region is the one that was signed for, or
            // comes along with it.
            (Dialect::S3, Refusal { region: us, ..refusal(403, "") }, None),
            (Dialect::S3, Refusal { region: eu, ..refusal(403, "AccessDenied") }, None),
            (oss, refusal(403, "AccessDenied"), None),
            // It passes: a bucket that is just made is not known everywhere yet.
            (
                Dialect::S3,
                Refusal { endpoint: at("b.s3.amazonaws.com"), ..refusal(307, "TemporaryRedirect") },
                None,
            ),
            (Dialect::S3, refusal(302, ""), None),
        ] {
            assert_eq!(misplaced(&refusal, dialect, "us-east-1"), expected, "{refusal:?}");
        }
    }
}
