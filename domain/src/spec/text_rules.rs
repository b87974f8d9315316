//! Rules for single strings. Each returns what is wrong, for people.

use super::authority::Authority;

/// A legal name of a Kafka topic or group.
pub fn kafka_name(name: &str) -> Result<(), String> {
    let legal = (1..=249).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && !matches!(name, "." | "..");
    rule(legal, name, "1 to 249 characters of A-Z, a-z, 0-9, `.`, `_` and `-`, not `.` or `..`")
}

/// A legal region of an instance, as Alibaba Cloud names them.
pub fn region_id(id: &str) -> Result<(), String> {
    let legal = (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    rule(legal, id, "1 to 64 characters of a-z, 0-9 and `-`")
}

/// A region in a signature: other stores than OSS may have their own.
pub fn signing_region(region: &str) -> Result<(), String> {
    let legal = (1..=64).contains(&region.len())
        && region.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    rule(legal, region, "1 to 64 characters of A-Z, a-z, 0-9, `_` and `-`")
}

/// The ID of a VPC or vSwitch; may be empty.
pub fn network_id(id: &str) -> Result<(), String> {
    let legal = id.len() <= 64
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    rule(legal, id, "up to 64 characters of A-Z, a-z, 0-9, `.`, `_` and `-`")
}

/// The name of an environment variable.
pub fn environment_variable(name: &str) -> Result<(), String> {
    let legal = (1..=255).contains(&name.len())
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    rule(legal, name, "1 to 255 characters of A-Z, a-z, 0-9 and `_`, not starting with a digit")
}

/// The absolute path of a file.
pub fn file_path(path: &str) -> Result<(), String> {
    let legal = (2..=4096).contains(&path.len()) && path.starts_with('/') && !path.contains('\0');
    rule(legal, path, "an absolute path of up to 4096 bytes")
}

/// The prefix of object keys.
pub fn key_prefix(prefix: &str) -> Result<(), String> {
    // The last segment goes on with the topic's name, so it is none by itself.
    let dots = prefix.rsplit('/').skip(1).any(|segment| matches!(segment, "." | ".."));
    let legal = prefix.len() <= 512
        && !prefix.starts_with(['/', '\\'])
        && !prefix.chars().any(char::is_control)
        && !dots;
    rule(
        legal,
        prefix,
        "up to 512 bytes without control characters, without a leading `/` or `\\`, and without \
         segments `.` and `..`",
    )
}

/// `host:port` of a broker.
pub fn bootstrap_server(server: &str) -> Result<(), String> {
    let fault = match Authority::parse(server) {
        Ok(authority) if authority.port.is_some() => return Ok(()),
        Ok(_) => format!("`{server}` has no port"),
        Err(fault) => fault,
    };
    Err(format!("is not `host:port`: {fault}"))
}

/// A time zone that this build knows.
pub fn time_zone(name: &str) -> Result<(), String> {
    match jiff::tz::TimeZone::get(name) {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("is `{name}`, which is no name of the IANA time zone database")),
    }
}

/// A bucket's name where the bucket stands in the host: OSS's rule, which all
/// S3 stores take.
pub(super) fn is_host_bucket(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// A bucket's name where the bucket stands in the path: S3's legacy rule.
pub(super) fn is_path_bucket(name: &str) -> bool {
    (3..=255).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

fn rule(legal: bool, given: &str, rule: &str) -> Result<(), String> {
    if legal { Ok(()) } else { Err(format!("is `{}`; the rule is: {rule}", shown(given))) }
}

/// At most 80 characters of what was given, without control characters, so
/// that a message stays a line.
fn shown(given: &str) -> String {
    let mut shown: String =
        given.chars().take(80).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if given.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}
