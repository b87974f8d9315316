//! The rule for endpoints: the URL of an S3-compatible API, nothing in it
//! but scheme, host and port. Where it is clear what was meant, the message
//! prints the corrected URL.

use super::AddressingStyle;
use super::authority::{Authority, Host};

/// A host of Alibaba Cloud OSS: `[s3.]oss-{region}[-internal].aliyuncs.com`,
/// or one with a bucket in front. Only those with `s3.` serve the
/// S3-compatible API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OssHost {
    /// Region, for example `cn-hangzhou`.
    pub region: String,
    /// Reached from within a VPC only.
    pub internal: bool,
    /// What stands before `oss-`, with its dot: `s3.` where it is right.
    before: String,
}

impl OssHost {
    /// The OSS host that `endpoint` names, if it names one. Also reads an
    /// endpoint that is not a legal URL, so that every rule about it can be
    /// checked at once.
    pub fn of_endpoint(endpoint: &str) -> Option<Self> {
        let parts = Parts::split(endpoint);
        match Authority::parse(parts.authority).ok()?.host {
            Host::Name(name) => Self::of_name(&name),
            Host::V4(_) | Host::V6(_) => None,
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        let rest = name.strip_suffix(".aliyuncs.com")?;
        let start = rest.rfind('.').map_or(0, |dot| dot + 1);
        let (before, label) = rest.split_at(start);
        let region = label.strip_prefix("oss-")?;
        let (region, internal) =
            region.strip_suffix("-internal").map_or((region, false), |region| (region, true));
        Some(Self { region: region.to_owned(), internal, before: before.to_owned() })
    }

    /// The host of the S3-compatible API in the same region and network.
    fn s3_host(&self) -> String {
        let internal = if self.internal { "-internal" } else { "" };
        format!("s3.oss-{}{internal}.aliyuncs.com", self.region)
    }
}

/// The endpoint of OSS's S3-compatible API within a VPC of `region`.
pub fn default_for_oss(region: &str) -> String {
    format!("https://s3.oss-{region}-internal.aliyuncs.com")
}

/// Whether connections to `endpoint` are without TLS and leave the machine.
pub(super) fn is_plain_and_remote(endpoint: &str) -> bool {
    let parts = Parts::split(endpoint);
    parts.scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http"))
        && !Authority::parse(parts.authority).is_ok_and(|authority| authority.host.is_loopback())
}

/// Whether the host of `endpoint` starts with the bucket's name.
pub(super) fn starts_with_bucket(endpoint: &str, bucket: &str) -> bool {
    Authority::parse(Parts::split(endpoint).authority)
        .is_ok_and(|authority| without_bucket(&authority.host, bucket).is_some())
}

/// Checks `endpoint` and returns it without a slash at its end.
///
/// # Errors
/// What is wrong and, where it is clear what was meant, the corrected URL.
pub fn check(endpoint: &str, bucket: &str, addressing: AddressingStyle) -> Result<String, String> {
    let parts = Parts::split(endpoint);
    let mut faults = Vec::new();
    let scheme = match parts.scheme.map(str::to_ascii_lowercase).as_deref() {
        Some("http") => "http",
        Some("https") => "https",
        Some(_) => {
            faults.push("has a scheme other than https and http");
            "https"
        }
        None => {
            faults.push("has no scheme");
            "https"
        }
    };
    if parts.user_information {
        faults.push("has user information");
    }
    if !matches!(parts.tail, "" | "/") {
        faults.push("has more after its host");
    }
    let mut authority = Authority::parse(parts.authority)
        .map_err(|fault| format!("is not the URL of an S3-compatible API: {fault}"))?;

    let virtual_hosted = addressing == AddressingStyle::VirtualHosted;
    if virtual_hosted && !matches!(authority.host, Host::Name(_)) {
        // The SDK silently falls back to path style there.
        return Err("has an IP address as its host; the bucket stands in front of the host \
                    with virtual-hosted addressing, so it needs a name"
            .to_owned());
    }
    // With path style the name of a host may well start like a bucket's.
    if virtual_hosted && let Some(host) = without_bucket(&authority.host, bucket) {
        faults.push("has the bucket in its host");
        authority.host = host;
    }
    if let Host::Name(name) = &authority.host
        && let Some(oss) = OssHost::of_name(name)
        && oss.before != "s3."
    {
        faults.push("is not the host of OSS's S3-compatible API");
        authority.host = Host::Name(oss.s3_host());
    }

    let corrected = format!("{scheme}://{authority}");
    if faults.is_empty() {
        Ok(corrected)
    } else {
        Err(format!("{}; use `{corrected}`", faults.join(", ")))
    }
}

fn without_bucket(host: &Host, bucket: &str) -> Option<Host> {
    let Host::Name(name) = host else { return None };
    let rest = name.strip_prefix(bucket)?.strip_prefix('.')?;
    (!bucket.is_empty()).then(|| Host::Name(rest.to_owned()))
}

/// A URL in its parts, legal or not.
struct Parts<'a> {
    scheme: Option<&'a str>,
    user_information: bool,
    authority: &'a str,
    tail: &'a str,
}

impl<'a> Parts<'a> {
    fn split(url: &'a str) -> Self {
        let (scheme, rest) =
            url.split_once("://").map_or((None, url), |(scheme, rest)| (Some(scheme), rest));
        let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (user_information, authority) =
            authority.rsplit_once('@').map_or((false, authority), |(_, host)| (true, host));
        Self { scheme, user_information, authority, tail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OSS: &str = "https://s3.oss-cn-hangzhou-internal.aliyuncs.com";

    fn virtual_hosted(endpoint: &str) -> Result<String, String> {
        check(endpoint, "bucket", AddressingStyle::VirtualHosted)
    }

    #[test]
    fn a_url_of_scheme_host_and_port_is_legal() {
        for url in [OSS, "http://s3.localhost:9000", "https://minio.example.com"] {
            assert_eq!(virtual_hosted(url), Ok(url.to_owned()));
            assert_eq!(virtual_hosted(&format!("{url}/")), Ok(url.to_owned()));
        }
        let by_path = |url| check(url, "minio", AddressingStyle::Path);
        for url in ["http://127.0.0.1:9000", "http://[::1]:9000", "https://minio.example.com"] {
            assert_eq!(by_path(url), Ok(url.to_owned()));
        }
    }

    #[test]
    fn the_message_prints_the_corrected_url() {
        for url in [
            "s3.oss-cn-hangzhou-internal.aliyuncs.com",
            "oss-cn-hangzhou-internal.aliyuncs.com",
            "https://oss-cn-hangzhou-internal.aliyuncs.com",
            "https://bucket.s3.oss-cn-hangzhou-internal.aliyuncs.com/",
            "https://bucket.oss-cn-hangzhou-internal.aliyuncs.com",
            "https://other.oss-cn-hangzhou-internal.aliyuncs.com",
            "https://s3.oss-cn-hangzhou-internal.aliyuncs.com/bucket?x#y",
            "https://me:secret@s3.oss-cn-hangzhou-internal.aliyuncs.com",
            "s3://OSS-cn-hangzhou-internal.aliyuncs.com",
        ] {
            let message = virtual_hosted(url).expect_err(url);
            assert!(message.ends_with(&format!("use `{OSS}`")), "{url}: {message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn what_cannot_be_corrected_is_refused() {
        for url in ["", "https://", "https://a b", "http://127.0.0.1:9000", "http://[::1]", "a:b"] {
            let message = virtual_hosted(url).expect_err(url);
            assert!(!message.contains("use `"), "{url}: {message}");
        }
    }

    #[test]
    fn an_oss_host_names_its_region_even_in_a_bad_url() {
        for (endpoint, region, internal) in [
            (OSS, "cn-hangzhou", true),
            ("oss-us-west-1.aliyuncs.com", "us-west-1", false),
            ("http://b.s3.oss-us-west-1.aliyuncs.com/x", "us-west-1", false),
        ] {
            let host = OssHost::of_endpoint(endpoint).expect(endpoint);
            assert_eq!((host.region.as_str(), host.internal), (region, internal));
        }
        assert_eq!(OssHost::of_endpoint("https://oss-cn-hangzhou.example.com"), None);
        assert_eq!(OssHost::of_endpoint("https://127.0.0.1"), None);
    }

    #[test]
    fn only_plain_http_that_leaves_the_machine_is_told() {
        assert!(is_plain_and_remote("http://minio.example.com:9000"));
        for url in ["http://localhost:1", "http://b.localhost", "http://127.0.0.9", "http://[::1]"]
        {
            assert!(!is_plain_and_remote(url), "{url}");
        }
        assert!(!is_plain_and_remote("https://minio.example.com"));
    }
}
