//! The catalogue as a page for users: `docs/errors.md`.

use std::fmt::Write as _;

use super::{ErrorCode, Retry};

/// The page, in Markdown.
pub fn page() -> String {
    let mut page = String::from(HEAD);
    for code in ErrorCode::ALL {
        let retried = match code.retry() {
            Retry::Automatic => "The service tries again by itself, with growing pauses.",
            Retry::Manual => "The service waits for you.",
        };
        write!(
            page,
            "\n## {code}\n\n{} {retried}\n\n**What you can do:** {}\n",
            code.meaning(),
            code.remedy()
        )
        .expect("a string is written to memory");
    }
    page
}

const HEAD: &str = "\
<!-- Written by `KAFKA2OSS_WRITE_DOCS=1 cargo test --workspace --lib -- errors_page`
     from domain/src/error_code.rs; a test compares the two. -->

# Error codes

Statuses, logs, dead letters and RPC errors (`ErrorInfo.reason`) carry these codes.
A code's name never changes; its message has the names and numbers of the case.
";

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_errors_page_is_the_catalogue() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors.md");
        let page = super::page();
        if std::env::var_os("KAFKA2OSS_WRITE_DOCS").is_some() {
            std::fs::write(&path, &page).expect("docs/errors.md can be written");
        }
        let written = std::fs::read_to_string(&path).expect("docs/errors.md is there");
        assert!(written == page, "docs/errors.md is not of this catalogue: see its first lines");
    }
}
