//! A store's answer: its headers, and what it says when it refuses.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub(crate) use aws_smithy_runtime_api::http::Headers;

/// A store's words are cut after so many characters.
const MAX_WORDS: usize = 300;

/// Hints above this are taken for this: they steer a pause, not an outage.
const MAX_DELAY: Duration = Duration::from_secs(5 * 60);

/// Keeps the headers of the answer to the one request that it is given to: the
/// SDK's outputs have those of S3 only.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeptHeaders(Arc<OnceLock<Headers>>);

impl KeptHeaders {
    /// The headers; `None` when there was no answer.
    pub(crate) fn get(&self) -> Option<&Headers> {
        self.0.get()
    }
}

impl Intercept for KeptHeaders {
    fn name(&self) -> &'static str {
        "KeptHeaders"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // One attempt, one answer: it is never set already.
        let _ = self.0.set(context.response().headers().clone());
        Ok(())
    }
}

/// An answer that is a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The store's code, such as `NoSuchBucket`; `None` when it gave none.
    pub(crate) code: Option<String>,
    /// The store's words.
    pub(crate) words: Option<String>,
    pub(crate) request_id: Option<String>,
    /// How long the store asks to be left alone.
    pub(crate) delay: Option<Duration>,
    /// The region of the bucket or the site, where the store tells it.
    pub(crate) region: Option<String>,
    /// Where the store says that the request belongs: a host or a URL.
    pub(crate) endpoint: Option<String>,
}

impl Refusal {
    /// The refusal in `error`; `None` when there was no answer.
    pub(crate) fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<Self> {
        let answer = error.raw_response()?;
        let headers = answer.headers();
        let (code, words) = in_headers(headers)
            .or_else(|| {
                // Without a body the SDK makes up a code from the status.
                answer.body().bytes().filter(|body| !body.is_empty())?;
                let meta = error.as_service_error()?.meta();
                Some((meta.code()?.to_owned(), meta.message().map(str::to_owned)))
            })
            .unzip();
        Some(Self {
            status: answer.status().as_u16(),
            code: code.map(|code| printable(&code)),
            words: words.flatten().map(|words| printable(&words)),
            request_id: ["x-oss-request-id", "x-amz-request-id"]
                .into_iter()
                .find_map(|name| headers.get(name))
                .map(printable),
            delay: delay(headers),
            region: headers
                .get("x-amz-bucket-region")
                .map(str::to_owned)
                .or_else(|| element(body(answer)?, "Region"))
                .map(|region| printable(&region)),
            endpoint: body(answer)
                .and_then(|xml| element(xml, "Endpoint"))
                .or_else(|| headers.get("location").and_then(origin))
                .map(|endpoint| printable(&endpoint)),
        })
    }
}

fn body(answer: &HttpResponse) -> Option<&str> {
    std::str::from_utf8(answer.body().bytes()?).ok()
}

/// The text of an element of an error's XML body; what stands in these holds no
/// entities.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// Scheme, host and port of an absolute URL.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().filter(|authority| !authority.is_empty())?;
    Some(format!("{scheme}://{authority}"))
}

/// Code and words of an answer to HEAD, which cannot have them in its body.
///
/// OSS: `x-oss-err` is the XML body that GET would have, in base64 (as its Go SDK
/// v2 reads it). MinIO: two headers.
fn in_headers(headers: &Headers) -> Option<(String, Option<String>)> {
    if let Some(encoded) = headers.get("x-oss-err") {
        let xml = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        return Some((element(&xml, "Code")?, element(&xml, "Message")));
    }
    let code = headers.get("x-minio-error-code")?;
    let words = headers.get("x-minio-error-desc").map(|words| words.trim_matches('"').to_owned());
    Some((code.to_owned(), words))
}

/// The store's hint: milliseconds in OSS's own header, or seconds (the other form
/// of Retry-After, a date, would depend on both clocks).
fn delay(headers: &Headers) -> Option<Duration> {
    let number = |name| headers.get(name)?.trim().parse::<u64>().ok();
    number("x-oss-qos-delay-time")
        .map(Duration::from_millis)
        .or_else(|| number("retry-after").map(Duration::from_secs))
        .map(|delay| delay.min(MAX_DELAY))
}

/// What can stand in one line of a log.
fn printable(text: &str) -> String {
    let clean = |character: char| if character.is_control() { ' ' } else { character };
    text.chars().take(MAX_WORDS).map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(pairs: &[(&'static str, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.insert(*name, (*value).to_owned());
        }
        headers
    }

    #[test]
    fn a_refused_head_is_explained_by_headers() {
        let xml = STANDARD.encode("<Error><Code>NoSuchKey</Code><Message>none</Message></Error>");
        assert_eq!(
            in_headers(&headers(&[("x-oss-err", &xml)])),
            Some(("NoSuchKey".into(), Some("none".into())))
        );
        let minio = [("x-minio-error-code", "NoSuchBucket"), ("x-minio-error-desc", "\"none\"")];
        assert_eq!(
            in_headers(&headers(&minio)),
            Some(("NoSuchBucket".into(), Some("none".into())))
        );
        for unreadable in ["", "%", "AAAA", &STANDARD.encode("<Code>"), &STANDARD.encode([0xff])] {
            assert_eq!(in_headers(&headers(&[("x-oss-err", unreadable)])), None, "{unreadable}");
        }
    }

    #[test]
    fn what_an_absolute_url_leads_to_is_its_origin() {
        for (url, expected) in [
            (
                "https://s3.eu-west-1.amazonaws.com/b/k?x",
                Some("https://s3.eu-west-1.amazonaws.com"),
            ),
            ("http://host:9000", Some("http://host:9000")),
            ("/login", None),
            ("https:///k", None),
            ("", None),
        ] {
            assert_eq!(origin(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn delays_are_milliseconds_of_oss_or_seconds_and_bounded() {
        for (pairs, expected) in [
            (&[("x-oss-qos-delay-time", "250")][..], Some(Duration::from_millis(250))),
            (&[("retry-after", "2")], Some(Duration::from_secs(2))),
            (
                &[("retry-after", "2"), ("x-oss-qos-delay-time", "9")],
                Some(Duration::from_millis(9)),
            ),
            (&[("x-oss-qos-delay-time", "18446744073709551615")], Some(MAX_DELAY)),
            (&[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")], None),
            (&[("retry-after", "-1")], None),
            (&[], None),
        ] {
            assert_eq!(delay(&headers(pairs)), expected, "{pairs:?}");
        }
    }

    proptest! {
        #[test]
        fn any_words_of_a_store_become_one_short_line(words in any::<String>()) {
            let line = printable(&words);
            prop_assert!(line.chars().count() <= MAX_WORDS);
            prop_assert!(!line.contains(char::is_control));
        }
    }
}
