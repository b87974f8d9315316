//! Which control plane to talk to, and the connection to it.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

use super::{Failure, StateFile};

const DEFAULT: &str = "127.0.0.1:7250";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A stream of which nothing is heard is told from a silent one by pings.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// An address and where it comes from, for the message when nobody is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    url: String,
    origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Given,
    Dev,
    Default,
}

impl Address {
    /// One that the user or this program named: `HOST:PORT` or a URL.
    pub(crate) fn given(address: &str) -> Self {
        Self { url: with_scheme(address), origin: Origin::Given }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// The given address, else that of a running `kafka2oss dev`, else the default.
pub(super) fn resolve(given: Option<&str>) -> Address {
    if let Some(address) = given {
        return Address::given(address);
    }
    match StateFile::of_running_dev() {
        Some(dev) => Address { url: with_scheme(&dev.address), origin: Origin::Dev },
        None => Address { url: with_scheme(DEFAULT), origin: Origin::Default },
    }
}

fn with_scheme(address: &str) -> String {
    if address.contains("://") { address.to_owned() } else { format!("http://{address}") }
}

/// Connects, so that a wrong address is told before anything is asked.
pub(crate) async fn connect(address: &Address) -> Result<Channel, Failure> {
    let endpoint = Endpoint::from_shared(address.url.clone())
        .map_err(|_| Failure::Usage(format!("`{address}` is no address such as HOST:PORT")))?;
    if endpoint.uri().scheme_str() != Some("http") {
        return Err(Failure::Usage(format!(
            "`{address}`: only http is there so far (connections without TLS)"
        )));
    }
    endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE)
        .connect()
        .await
        .map_err(|error| Failure::Unreachable {
            address: address.url.clone(),
            cause: innermost(&error),
            hint: match address.origin {
                Origin::Given => "check --address or KAFKA2OSS_ADDRESS, and that it runs",
                Origin::Dev => "it is the address of `kafka2oss dev`, which seems to be stopping",
                Origin::Default => {
                    "start one with `kafka2oss dev`, or name one with --address HOST:PORT"
                }
            },
        })
}

/// The cause that says something: tonic's own is "transport error".
fn innermost(error: &tonic::transport::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if error.source().is_none() { error.to_string() } else { cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_a_scheme() {
        assert_eq!(Address::given("a:1").to_string(), "http://a:1");
        assert_eq!(Address::given("http://a:1").to_string(), "http://a:1");
    }

    #[tokio::test]
    async fn tls_is_refused_in_words() {
        let failure = connect(&Address::given("https://a:1")).await.expect_err("it is refused");
        assert!(failure.to_string().contains("only http"), "{failure}");
        assert_eq!(failure.exit_status(), 2);
    }

    #[tokio::test]
    async fn nobody_at_the_address_is_told_with_address_and_cause() {
        // Port 1 of loopback: nothing listens there.
        let failure =
            connect(&Address::given("127.0.0.1:1")).await.expect_err("nobody is there").to_string();
        assert!(failure.contains("127.0.0.1:1") && failure.contains("refused"), "{failure}");
    }
}
