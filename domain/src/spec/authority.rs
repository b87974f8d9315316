//! `host:port`, as in a URL or in bootstrap servers.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A host and, where given, a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) host: Host,
    pub(super) port: Option<u16>,
}

/// A host by name or address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// Lower case.
    Name(String),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl Authority {
    /// Reads `host`, `host:port`, `[ipv6]` or `[ipv6]:port`.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (address, after) =
                rest.split_once(']').ok_or_else(|| format!("`{text}` lacks a `]`"))?;
            let address = address.parse().map_err(|_| format!("`{address}` is no IPv6 address"))?;
            let port = match after {
                "" => None,
                _ => Some(
                    after
                        .strip_prefix(':')
                        .ok_or_else(|| format!("`{after}` follows the address"))?,
                ),
            };
            (Host::V6(address), port)
        } else {
            let (host, port) =
                text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
            (Host::parse(host)?, port)
        };
        Ok(Self { host, port: port.map(parse_port).transpose()? })
    }
}

impl Host {
    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Host::V4(address));
        }
        let legal_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if text.len() > 253 || !text.split('.').all(legal_label) {
            return Err(format!("`{text}` is no host name"));
        }
        Ok(Host::Name(text.to_ascii_lowercase()))
    }

    /// Whether it stands for the machine itself (RFC 6761 for `localhost`).
    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Host::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            Host::V4(address) => address.is_loopback(),
            Host::V6(address) => address.is_loopback(),
        }
    }
}

impl std::fmt::Display for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.host {
            Host::Name(name) => f.write_str(name)?,
            Host::V4(address) => write!(f, "{address}")?,
            Host::V6(address) => write!(f, "[{address}]")?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse::<u16>()
        .ok()
        .filter(|port| digits && *port > 0)
        .ok_or_else(|| format!("`{text}` is no port from 1 to 65535"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_authority_is_printed_as_it_was_read() {
        for text in ["a", "a.b-c_d:1", "127.0.0.1:65535", "[::1]", "[fe80::1]:9092"] {
            assert_eq!(Authority::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_host_and_port_is_refused() {
        for text in [
            "", ":1", "a:", "a:0", "a:65536", "a:+1", "a:1:2", "a b:1", "::1", "[::1", "[::1]1",
            "[a]:1", "a..b:1", ".a:1", "a@b:1", "ü:1",
        ] {
            assert!(Authority::parse(text).is_err(), "{text}");
        }
    }
}
