//! Tokens of pages: after which resource a page begins, and of which request it is one.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::violation::Violations;
use kafka2oss_filter::Key;
use prost::Message;

/// The form that tokens have now.
const FORM: u32 = 1;

/// Where a page begins: after the resource of this name, which has these keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::api) struct Place {
    pub(in crate::api) name: String,
    pub(in crate::api) keys: Vec<Key>,
}

/// What a token holds.
#[derive(Clone, PartialEq, Message)]
struct PageToken {
    #[prost(uint32, tag = "1")]
    form: u32,
    /// Fingerprint of everything that has to stay the same from page to page.
    #[prost(fixed64, tag = "2")]
    request: u64,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, repeated, tag = "4")]
    keys: Vec<String>,
}

/// The token of a place in the answers to a request.
pub(in crate::api) fn encode(request: u64, place: &Place) -> String {
    let keys = place.keys.iter().map(Key::encode).collect();
    let token = PageToken { form: FORM, request, name: place.name.clone(), keys };
    BASE64_URL_SAFE_NO_PAD.encode(token.encode_to_vec())
}

/// The place of a token, if it is one of this request.
pub(in crate::api) fn decode(request: u64, token: &str) -> Option<Place> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
    let token = PageToken::decode(bytes.as_slice()).ok()?;
    if token.form != FORM || token.request != request {
        return None;
    }
    let keys = token.keys.iter().map(|key| Key::decode(key)).collect::<Option<_>>()?;
    Some(Place { name: token.name, keys })
}

/// Adds: the token is none of this request.
pub(in crate::api) fn refuse(violations: &mut Violations) {
    let message = "is none of an earlier answer to the same request: of which page_size alone \
                   may be another";
    violations.add("page_token", ErrorCode::FieldInvalid, message);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_is_of_one_request(
            name in ".{0,9}", number: i64, text in ".{0,9}", request: u64, other: u64
        ) {
            let keys = vec![Key::Number(number.into()), Key::Unset, Key::Text(text)];
            let place = Place { name, keys };
            let token = encode(request, &place);
            prop_assert_eq!(decode(request, &token), Some(place));
            prop_assume!(request != other);
            prop_assert_eq!(decode(other, &token), None);
        }

        #[test]
        fn no_text_panics(token in "[A-Za-z0-9_=-]{0,24}|.{0,9}") {
            prop_assert_eq!(decode(7, &token), None);
        }
    }
}
