//! Names to addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};

/// The system's resolver, except that `localhost` and the names below it are
/// the loopback address without a question (RFC 6761, section 6.3): so buckets
/// are reachable at `{bucket}.localhost` on every machine.
#[derive(Debug, Clone)]
pub(crate) struct Resolver;

impl ResolveDns for Resolver {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        if is_loopback(name) {
            let addresses = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            return DnsFuture::ready(Ok(addresses));
        }
        DnsFuture::new(async move {
            // The port is no part of the question; the client sets its own.
            let found = tokio::net::lookup_host((name, 0)).await.map_err(ResolveDnsError::new)?;
            Ok(found.map(|address| address.ip()).collect::<Vec<IpAddr>>())
        })
    }
}

fn is_loopback(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let last_label = name.rsplit('.').next().unwrap_or(name);
    last_label.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_and_names_below_it_are_loopback() {
        for name in ["localhost", "bucket.localhost", "a.b.LOCALHOST", "bucket.localhost."] {
            assert!(is_loopback(name), "{name}");
        }
        for name in ["", ".", "localhost.example.com", "notlocalhost", "oss.aliyuncs.com"] {
            assert!(!is_loopback(name), "{name}");
        }
    }

    #[tokio::test]
    async fn buckets_below_localhost_resolve_without_dns() {
        let addresses = Resolver.resolve_dns("kafka-sink.localhost").await.expect("no question");
        assert_eq!(addresses, [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]);
    }
}
