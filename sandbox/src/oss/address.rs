//! Virtual-hosted addressing: the bucket is a label in front of the base domain.

use std::net::{IpAddr, SocketAddr};

use percent_encoding::percent_decode_str;
use s3s::S3Result;
use s3s::host::{S3Host, VirtualHost};

use super::refusal::{Code, Refusal};

/// What a request addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Service,
    Bucket { bucket: String },
    Object { bucket: String, key: String },
}

impl Address {
    pub(crate) fn bucket(&self) -> Option<&str> {
        match self {
            Self::Service => None,
            Self::Bucket { bucket } | Self::Object { bucket, .. } => Some(bucket),
        }
    }

    pub(crate) fn key(&self) -> Option<&str> {
        match self {
            Self::Object { key, .. } => Some(key),
            Self::Service | Self::Bucket { .. } => None,
        }
    }
}

/// The domain in front of which buckets stand as labels, without a port.
#[derive(Debug, Clone)]
pub(crate) struct BaseDomain(String);

impl BaseDomain {
    /// Accepts dot-separated labels of letters, digits and hyphens, or gives
    /// nothing. An IP address is none: no bucket can stand in front of it.
    pub(crate) fn new(domain: &str) -> Option<Self> {
        let legal = |label: &str| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        (domain.split('.').all(legal) && domain.parse::<IpAddr>().is_err())
            .then(|| Self(domain.to_ascii_lowercase()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the address off Host header and path.
    pub(crate) fn resolve(&self, host: &str, path: &str) -> Result<Address, Refusal> {
        let path = percent_decode_str(path)
            .decode_utf8()
            .map_err(|_| Refusal::new(Code::InvalidUri, "the path is not UTF-8"))?;
        let key = path.strip_prefix('/').unwrap_or(&path);
        match self.label(host)? {
            None if key.is_empty() => Ok(Address::Service),
            None => Err(Refusal::of(Code::SecondLevelDomainForbidden)),
            Some(bucket) if key.is_empty() => Ok(Address::Bucket { bucket }),
            Some(bucket) => Ok(Address::Object { bucket, key: key.to_owned() }),
        }
    }

    /// The label in front of the domain; none for the bare domain, and for an IP
    /// address, behind which only path style could name a bucket.
    fn label(&self, host: &str) -> Result<Option<String>, Refusal> {
        if host.parse::<SocketAddr>().is_ok() || host.parse::<IpAddr>().is_ok() {
            return Ok(None);
        }
        let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
        let name = name.to_ascii_lowercase();
        if name == self.0 {
            return Ok(None);
        }
        name.strip_suffix(&self.0)
            .and_then(|rest| rest.strip_suffix('.'))
            .map(|label| Some(label.to_owned()))
            .ok_or_else(|| {
                let message = format!("the host is not one of the domain {}", self.0);
                Refusal::new(Code::InvalidRequest, message)
            })
    }
}

impl S3Host for BaseDomain {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let virtual_host = VirtualHost::new(self.0.as_str());
        Ok(match self.label(host)? {
            Some(bucket) => virtual_host.with_bucket(bucket),
            None => virtual_host,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_is_the_label_in_front_of_the_domain() {
        let domain = BaseDomain::new("s3.localhost").expect("a legal domain");
        let address = |host, path| domain.resolve(host, path);

        assert_eq!(address("s3.localhost:80", "/").ok(), Some(Address::Service));
        assert_eq!(address("127.0.0.1:80", "/").ok(), Some(Address::Service));
        assert_eq!(
            address("b-1.S3.localhost:80", "/").ok(),
            Some(Address::Bucket { bucket: "b-1".into() })
        );
        assert_eq!(
            address("b-1.s3.localhost", "/a/b%20c").ok(),
            Some(Address::Object { bucket: "b-1".into(), key: "a/b c".into() })
        );
    }

    #[test]
    fn path_style_and_foreign_hosts_are_refused() {
        let domain = BaseDomain::new("localhost").expect("a legal domain");
        for host in ["localhost:80", "127.0.0.1:80", "[::1]:80"] {
            let refusal = domain.resolve(host, "/b-1/k").expect_err("path style");
            assert_eq!(refusal.code(), Code::SecondLevelDomainForbidden);
        }
        let refusal = domain.resolve("b-1.notlocalhost", "/k").expect_err("foreign");
        assert_eq!(refusal.code(), Code::InvalidRequest);
    }

    #[test]
    fn an_ip_address_or_a_malformed_name_is_no_base_domain() {
        for domain in ["127.0.0.1", "", "a..b", "local host"] {
            assert!(BaseDomain::new(domain).is_none(), "{domain}");
        }
    }
}
