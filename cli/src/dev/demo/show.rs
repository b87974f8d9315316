//! The objects and their first records.

use super::super::bucket::{Bucket, Listed};
use super::super::screen::Screen;
use super::judge::Judge;
use crate::client::text;
use crate::output;

/// Objects that the table has at most.
const OBJECTS: usize = 12;
/// Records that are shown of one object.
const RECORDS: usize = 3;
/// Characters that are shown of one record.
const WIDTH: usize = 200;

/// Shows the objects, and the first records of the first one that has any.
pub(super) async fn objects(
    screen: Screen,
    bucket: &Bucket,
    objects: &[Listed],
    judge: &Judge,
) -> anyhow::Result<()> {
    screen.title("Objects in the bucket")?;
    let mut table = output::table(&["KEY", "SIZE", "RECORDS"]);
    for object in objects.iter().take(OBJECTS) {
        table.add_row([
            object.key.clone(),
            text::bytes(object.size),
            text::count(judge.records_of(&object.key)),
        ]);
    }
    screen.table(&table)?;
    if objects.len() > OBJECTS {
        screen.line(format_args!("and {} more", objects.len() - OBJECTS))?;
    }
    let Some(first) = objects.iter().find(|object| judge.records_of(&object.key) > 0) else {
        return Ok(());
    };
    let body = bucket.get(&first.key).await?;
    screen.title(format_args!("First records of {}", first.key))?;
    for record in records(&String::from_utf8_lossy(&body)) {
        screen.line(record)?;
    }
    Ok(())
}

/// One record a line, between the lines of the array's brackets.
fn records(body: &str) -> Vec<String> {
    body.lines()
        .map(|line| line.trim_start_matches('[').trim_end_matches([']', ',']).trim())
        .filter(|line| !line.is_empty())
        .take(RECORDS)
        .map(|line| match line.char_indices().nth(WIDTH) {
            Some((end, _)) => format!("{}...", &line[..end]),
            None => line.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_shown_without_the_array_around_them() {
        let expected = [r#"{"a":[1]}"#, r#"{"b":2}"#];
        assert_eq!(records("[\n{\"a\":[1]},\n{\"b\":2}\n]\n"), expected);
        assert_eq!(records("[{\"a\":[1]},\n{\"b\":2}]"), expected);
        assert!(records("[]").is_empty());
    }

    #[test]
    fn a_long_record_is_cut() {
        let long = format!("[\n{{\"v\":\"{}\"}}\n]", "ä".repeat(500));
        assert_eq!(records(&long)[0].chars().count(), WIDTH + 3);
    }
}
