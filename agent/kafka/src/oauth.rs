//! Tokens for SASL's OAUTHBEARER: librdkafka asks for one when a client begins, and again
//! when four fifths of its time have passed. It is read from its place each time, so that
//! one that was renewed there is taken.

use std::error::Error;
use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::SecretSource;
use rdkafka::client::OAuthToken;
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::test_message::millis_since_1970;

const ENVIRONMENT: &str = "environment:";
const FILE: &str = "file:";

/// How long a token counts that does not say how long it does.
const UNDATED: Duration = Duration::from_secs(5 * 60);

/// Who the token is of for librdkafka, which needs a name and sends none, where the token
/// names nobody.
const NOBODY: &str = "kafka2oss";

/// Where the token is, as [`token`] takes it: librdkafka hands it back as
/// `sasl.oauthbearer.config`, which it shows, so that no value may stand there.
pub(crate) fn place(token: &SecretSource) -> Result<String, Problem> {
    match token {
        SecretSource::Environment(name) => Ok(format!("{ENVIRONMENT}{name}")),
        SecretSource::File(path) => Ok(format!("{FILE}{path}")),
        SecretSource::Plain(_) | SecretSource::Withheld => {
            let message = "the token for OAUTHBEARER has to be a reference";
            Err(Problem::new(ErrorCode::FieldInvalid, message))
        }
    }
}

/// The token that stands at this place now. For `ClientContext::generate_oauth_token`.
///
/// # Errors
/// A place without a token.
pub fn token(place: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
    let place = place.unwrap_or_default();
    let source = if let Some(name) = place.strip_prefix(ENVIRONMENT) {
        SecretSource::Environment(name.to_owned())
    } else if let Some(path) = place.strip_prefix(FILE) {
        SecretSource::File(path.to_owned())
    } else {
        return Err("it is not known where the token is".into());
    };
    let token = kafka2oss_secrets::resolve_blocking(&source).map_err(|problem| problem.message)?;
    let token = token.expose_secret().trim();
    let claims = claims(token);
    let text = |name: &str| claims.as_ref()?.get(name)?.as_str().map(str::to_owned);
    let expiry = claims.as_ref().and_then(|claims| claims.get("exp")?.as_f64());
    let undated = || millis_since_1970() + UNDATED.as_millis() as i64;
    Ok(OAuthToken {
        token: token.to_owned(),
        principal_name: text("sub").unwrap_or_else(|| NOBODY.to_owned()),
        lifetime_ms: expiry.map_or_else(undated, |seconds| (seconds * 1_000.0) as i64),
    })
}

/// What a JSON Web Token says; nobody checks here whether it is true. `None` where it is
/// none.
fn claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_header, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    serde_json::from_slice(&from_base64(claims)?).ok()
}

/// Bytes by base64 for URLs (RFC 4648, section 5), without padding or with it.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').bytes();
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut held, mut bits) = (0_u32, 0);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        held = (held << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may end at once")]

    use std::fs;

    use kafka2oss_tests::scratch::Scratch;
    use kafka2oss_tests::token::unsecured;
    use proptest::prelude::*;

    use super::*;

    fn of(content: &str) -> OAuthToken {
        let folder = Scratch::new("token").unwrap();
        let path = folder.join("token");
        fs::write(&path, content).unwrap();
        let place = place(&SecretSource::File(path.display().to_string())).unwrap();
        token(Some(&place)).unwrap()
    }

    #[test]
    fn a_token_counts_for_as_long_as_it_says_and_is_of_whom_it_names() {
        let jwt = unsecured("app", 1_900_000_000);
        let found = of(&format!("{jwt}\n"));
        assert_eq!(found.token, jwt);
        assert_eq!((found.principal_name.as_str(), found.lifetime_ms), ("app", 1_900_000_000_000));
    }

    #[test]
    fn one_that_says_nothing_is_read_again_soon() {
        let before = millis_since_1970();
        for opaque in ["s3cret", "a.b", "a.!.c", "a.e30.c"] {
            let found = of(opaque);
            assert_eq!((found.token.as_str(), found.principal_name.as_str()), (opaque, NOBODY));
            assert!((before..before + 600_000).contains(&found.lifetime_ms), "{opaque}");
        }
    }

    #[test]
    fn a_place_without_a_token_is_named_and_no_value_is_a_place() {
        let missing = token(Some("file:/nonexistent/token")).err().unwrap().to_string();
        assert!(missing.contains("/nonexistent/token"), "{missing}");
        assert!(token(None).is_err() && token(Some("s3cret")).is_err());
        assert!(place(&SecretSource::Plain("s3cret".into())).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text: String) {
            let _ = claims(&text);
        }
    }
}
