//! Resolves secret references on the agent's own host, each time anew, so
//! that a rotated secret is picked up without a restart.

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::SecretSource;
use secrecy::{ExposeSecret, SecretString};

/// Files above this many bytes are no secrets: 1 MiB, room for a bundle of CA
/// certificates.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Returns the secret that `source` stands for.
///
/// # Errors
/// `SECRET_UNREADABLE` when the variable or file is missing, not UTF-8, empty
/// or too large, `CREDENTIALS_REQUIRED` when an inline value was lost. The
/// message names the place, never the value.
pub async fn resolve(source: &SecretSource) -> Result<SecretString, Problem> {
    let SecretSource::File(path) = source else { return resolve_blocking(source) };
    let (path, of) = (path.clone(), format!("file `{path}`"));
    tokio::task::spawn_blocking(move || read_file(&path))
        .await
        .map_err(|error| unreadable(format!("{of}: {error}")))?
}

/// The same on the calling thread, which waits for the file.
///
/// # Errors
/// Those of [`resolve`].
pub fn resolve_blocking(source: &SecretSource) -> Result<SecretString, Problem> {
    match source {
        SecretSource::Plain(value) => Ok(value.clone()),
        SecretSource::Environment(name) => variable(name),
        SecretSource::File(path) => read_file(path),
        SecretSource::Withheld => Err(withheld()),
    }
}

fn variable(name: &str) -> Result<SecretString, Problem> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    value.map(SecretString::from).ok_or_else(|| {
        unreadable(format!("environment variable `{name}` is not set, empty or not UTF-8"))
    })
}

fn withheld() -> Problem {
    Problem::new(
        ErrorCode::CredentialsRequired,
        "the inline value is no longer held by the control plane or this agent",
    )
}

fn read_file(path: &str) -> Result<SecretString, Problem> {
    let failed = |error: std::io::Error| unreadable(format!("file `{path}`: {error}"));
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > MAX_FILE_BYTES {
        return Err(unreadable(format!("file `{path}` has {size} bytes, more than a secret has")));
    }
    // In a secret from here on, so that the buffer is wiped.
    let content = SecretString::from(std::fs::read_to_string(path).map_err(failed)?);
    let text = content.expose_secret();
    let value =
        text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if value.is_empty() {
        return Err(unreadable(format!("file `{path}` is empty")));
    }
    Ok(SecretString::from(value))
}

fn unreadable(message: String) -> Problem {
    Problem::new(ErrorCode::SecretUnreadable, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::io::Write;

    async fn resolve_file(content: &[u8]) -> Result<SecretString, Problem> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        resolve(&SecretSource::File(file.path().to_str().unwrap().to_owned())).await
    }

    #[tokio::test]
    async fn one_trailing_line_break_is_not_part_of_a_files_value() {
        for (content, value) in [("s3", "s3"), ("s3\n", "s3"), ("s3\r\n", "s3"), ("s3\n\n", "s3\n")]
        {
            let secret = resolve_file(content.as_bytes()).await.unwrap();
            assert_eq!(secret.expose_secret(), value, "{content:?}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_named_by_its_place_and_not_by_its_value() {
        let missing = resolve(&SecretSource::File("/nonexistent/key".into())).await.unwrap_err();
        assert_eq!(missing.code, ErrorCode::SecretUnreadable);
        assert!(missing.message.contains("/nonexistent/key"), "{missing}");

        let not_text = resolve_file(b"secret\xff").await.unwrap_err();
        assert!(!not_text.message.contains("secret\u{fffd}"), "{not_text}");

        assert!(resolve_file(b"\n").await.is_err(), "an empty value is none");
        assert!(resolve(&SecretSource::Environment("KAFKA2OSS_NOT_SET".into())).await.is_err());
    }

    #[tokio::test]
    async fn a_lost_inline_value_asks_for_the_credentials() {
        let problem = resolve(&SecretSource::Withheld).await.unwrap_err();
        assert_eq!(problem.code, ErrorCode::CredentialsRequired);
    }
}
