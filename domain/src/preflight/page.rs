//! The checks as a table for users, in `docs/preflight.md`.

use std::fmt::Write as _;

use super::{Check, Part};

/// The table, in Markdown: a part for each who is asked.
pub fn table() -> String {
    let mut text = String::new();
    for (part, title) in [
        (Part::Service, "The control plane's own"),
        (Part::Kafka, "Kafka, by an agent"),
        (Part::Store, "The object store, by an agent"),
    ] {
        let head = "| check | about | passes when | else |\n|---|---|---|---|";
        let _ = write!(text, "\n### {title}\n\n{head}\n");
        for check in Check::ALL.iter().filter(|check| check.part() == part) {
            let (subject, passes, otherwise) = (check.subject(), check.passes(), check.otherwise());
            let _ = writeln!(text, "| `{check}` | {subject} | {passes} | {otherwise} |");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// What comes before and after the table.
    const MARKS: [&str; 2] = ["<!-- checks -->\n", "\n<!-- end of checks -->"];

    #[test]
    fn the_preflight_page_has_the_table_of_the_checks() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/preflight.md");
        let page = std::fs::read_to_string(&path).expect("docs/preflight.md is there");
        let (before, rest) = page.split_once(MARKS[0]).expect("the first mark");
        let (written, after) = rest.split_once(MARKS[1]).expect("the second mark");
        let table = super::table();
        if std::env::var_os("KAFKA2OSS_WRITE_DOCS").is_some() {
            let page = format!("{before}{}{table}{}{after}", MARKS[0], MARKS[1]);
            std::fs::write(&path, page).expect("docs/preflight.md can be written");
            return;
        }
        assert!(written == table, "docs/preflight.md has another table than the catalogue");
    }
}
