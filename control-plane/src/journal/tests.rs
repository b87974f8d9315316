//! What becomes of lines.

use std::fs;

use super::*;

fn entry(message: &str) -> Arc<v1::LogEntry> {
    Arc::new(v1::LogEntry { message: message.to_owned(), ..v1::LogEntry::default() })
}

fn open(folder: &Path) -> (Journal, Vec<Line>) {
    let mut lines = Vec::new();
    let journal = Journal::open(folder, 16 << 20, |line| lines.push(line)).expect("opened");
    (journal, lines)
}

#[tokio::test]
async fn lines_and_dead_letters_come_back_in_their_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let (journal, lines) = open(folder.path());
    assert!(lines.is_empty());
    for number in 0..1_000 {
        Keeper::keep(&journal, "u", &entry(&number.to_string()), number);
    }
    let letter = v1::DeadLetter { offset: 7, ..v1::DeadLetter::default() };
    Keeper::keep(&journal, "v", &Arc::new(letter.clone()), 0);
    journal.close().await;
    let (_journal, mut lines) = open(folder.path());
    let last = lines.pop().expect("a line");
    assert_eq!((last.uid.as_str(), last.dead_letter), ("v", Some(letter)));
    let numbers: Vec<_> = lines.iter().map(|line| line.lost).collect();
    assert_eq!(numbers, (0..1_000).collect::<Vec<_>>());
    assert!(lines.iter().all(|line| line.uid == "u" && line.log.is_some()));
}

#[tokio::test]
async fn where_nothing_can_be_written_lines_are_lost_and_counted_and_nobody_waits() {
    let folder = tempfile::tempdir().expect("a folder");
    let inner = folder.path().join("logs");
    let (journal, _) = open(&inner);
    // As with a disk that is gone.
    fs::remove_dir(&inner).expect("removed");
    Keeper::keep(&journal, "u", &entry("lost"), 0);
    journal.close().await;
    assert_eq!(journal.lost.0.lock().expect("no panic").all(), 1);
}

#[test]
fn while_the_disk_takes_nothing_what_does_not_fit_is_lost_and_nobody_waits() {
    let (lines, stuck) = mpsc::sync_channel(2);
    let journal = Journal { lines, lost: Lost::default() };
    let keep = || Keeper::keep(&journal, "u", &entry("line"), 0);
    let lost = || journal.lost.0.lock().expect("no panic").all();
    (0..5).for_each(|_| keep());
    assert_eq!(lost(), 3);
    drop(stuck);
    keep();
    assert_eq!(lost(), 4, "its writer has ended");
}
