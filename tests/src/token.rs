//! Tokens as brokers take them that do not check signatures.

/// A token of `subject` that is good until `expiry`, in seconds since 1970: an unsecured
/// JSON Web Token (RFC 7519, section 6), as Kafka's own login module makes them.
pub fn unsecured(subject: &str, expiry: i64) -> String {
    let header = to_base64(br#"{"alg":"none"}"#);
    let issued = expiry - 3_600;
    let claims = format!(r#"{{"sub":"{subject}","iat":{issued},"exp":{expiry}}}"#);
    format!("{header}.{}.", to_base64(claims.as_bytes()))
}

fn to_base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let held = three.iter().fold(0_usize, |held, byte| (held << 8) | usize::from(*byte))
            << (8 * (3 - three.len()));
        for place in 0..=three.len() {
            text.push(char::from(DIGITS[(held >> (18 - 6 * place)) & 63]));
        }
    }
    text
}
