//! A folder that is damaged is not opened as if nothing had been, and is gone on with when
//! that is asked for.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::store::meta::Meta;

/// Records, of which each is written twice.
const RECORDS: usize = 60;

/// A store, closed, whose log has what was written before and after a start.
async fn closed() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for value in ["first", "second"] {
        let store = open(folder.path()).expect("opened");
        write_all(&store, value).await;
        store.close().await;
    }
    folder
}

async fn write_all(store: &Store, value: &str) {
    for number in 0..RECORDS {
        let mut batch = Batch::new();
        batch.put::<Instances>(&format!("instances/{number:02}"), &record(&value.repeat(400)));
        store.apply(batch, Box::new(|| {})).await.expect("applied");
    }
}

/// What there is in a folder, to be damaged.
fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().expect("a folder");
    copy_into(from, to.path());
    to
}

fn copy_into(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("read") {
        let entry = entry.expect("read");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&to).expect("made");
            copy_into(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("copied");
        }
    }
}

fn snapshot(folder: &Path) -> PathBuf {
    let entries = fs::read_dir(folder).expect("read");
    let mut paths = entries.map(|entry| entry.expect("read").path());
    paths.find(|path| path.to_string_lossy().contains("snap.")).expect("there is one")
}

fn flip(path: &Path, at: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).expect("opened");
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).expect("read");
    file.write_all_at(&[byte[0] ^ 0x10], at).expect("written");
}

fn cut(path: &Path, to: u64) {
    OpenOptions::new().write(true).open(path).expect("opened").set_len(to).expect("cut");
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).expect("it is there").len()
}

fn refusal(folder: &Path) -> String {
    match open(folder) {
        Err(StoreError::Lost(loss)) => loss.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Goes on with what is left, and says how many records that is.
async fn accepted(folder: &Path) -> usize {
    let store = Store::open(folder, OnLoss::Accept).expect("gone on with");
    let epoch = store.meta().store_epoch;
    assert_eq!(epoch, 2, "agents are told to take older settings");
    let left = store.scan::<Instances>().expect("read").len();
    let mut batch = Batch::new();
    batch.put::<Instances>("instances/after", &record("after"));
    store.apply(batch, Box::new(|| {})).await.expect("applied");
    store.close().await;
    // It is whole from then on, and accepting nothing changes nothing.
    for on_loss in [OnLoss::Refuse, OnLoss::Accept] {
        let store = Store::open(folder, on_loss).expect("whole");
        assert_eq!(store.meta().store_epoch, 2);
        assert_eq!(store.scan::<Instances>().expect("read").len(), left + 1);
        store.close().await;
    }
    left
}

#[tokio::test]
async fn a_flipped_bit_anywhere_changes_nothing_or_is_refused_and_can_be_gone_on_with() {
    let whole = closed().await;
    let rows = open(whole.path()).expect("opened").scan::<Instances>().expect("read");
    let whole = copy(whole.path());
    let mut refused = 0;
    for part in 0..24 {
        let folder = copy(whole.path());
        let log = folder.path().join("db");
        flip(&log, length(&log) / 24 * part + 101);
        match open(folder.path()) {
            Ok(store) => {
                assert_eq!(store.scan::<Instances>().expect("read"), rows, "part {part}");
                store.close().await;
            }
            Err(StoreError::Lost(loss)) => {
                refused += 1;
                let told = loss.to_string();
                assert!(told.contains("--accept-loss") && told.contains("backup"), "{told}");
                assert!(accepted(folder.path()).await <= RECORDS);
            }
            Err(other) => panic!("part {part}: {other}"),
        }
    }
    assert!(refused >= 4, "{refused} of 24");
}

#[tokio::test]
async fn files_that_are_cut_or_gone_are_told() {
    let whole = closed().await;
    type Damage = fn(&Path);
    let cases: [(&str, Damage, &str, bool); 9] = [
        ("db cut", |folder| cut(&folder.join("db"), 600_000), "has lost data", true),
        ("db empty", |folder| cut(&folder.join("db"), 0), "has lost data", false),
        (
            "db gone",
            |folder| fs::remove_file(folder.join("db")).expect("removed"),
            "its files are gone or empty",
            false,
        ),
        (
            "all of sled's gone",
            |folder| {
                for name in ["db", "conf"] {
                    fs::remove_file(folder.join(name)).expect("removed");
                }
                fs::remove_file(snapshot(folder)).expect("removed");
                fs::remove_dir_all(folder.join("blobs")).expect("removed");
            },
            "its files are gone or empty",
            false,
        ),
        ("snapshot cut", |folder| cut(&snapshot(folder), 50), "its files are damaged", true),
        ("conf cut", |folder| cut(&folder.join("conf"), 30), "its files are damaged", true),
        (
            "last-batch gone",
            |folder| fs::remove_file(folder.join("last-batch")).expect("removed"),
            "the file last-batch is gone",
            true,
        ),
        (
            "last-batch damaged",
            |folder| {
                flip(&folder.join("last-batch"), 40);
                flip(&folder.join("last-batch"), 4_096 + 40);
            },
            "the file last-batch is damaged",
            true,
        ),
        (
            "another store's last-batch",
            |folder| {
                let other = tempfile::tempdir().expect("a folder");
                drop(open(other.path()).expect("opened"));
                let (from, to) = (other.path().join("last-batch"), folder.join("last-batch"));
                fs::copy(from, to).expect("copied");
            },
            "of two stores",
            true,
        ),
    ];
    for (what, damage, told, is_something_left) in cases {
        let folder = copy(whole.path());
        damage(folder.path());
        let refused = refusal(folder.path());
        assert!(refused.contains(told), "{what}: {refused}");
        // It is still so at the next start.
        let again = refusal(folder.path());
        assert!(again.contains(told), "{what}: {again}");
        if is_something_left {
            accepted(folder.path()).await;
        } else {
            let refused = Store::open(folder.path(), OnLoss::Accept).expect_err("nothing is left");
            assert!(refused.to_string().contains("nothing left to go on with"), "{refused}");
        }
    }
}

#[tokio::test]
async fn an_older_copy_of_the_files_is_told_from_the_newest() {
    let folder = closed().await;
    let older = copy(folder.path());
    let store = open(folder.path()).expect("opened");
    write_all(&store, "third").await;
    store.close().await;
    fs::remove_file(older.path().join("last-batch")).expect("removed");
    fs::remove_file(snapshot(folder.path())).expect("removed");
    copy_into(older.path(), folder.path());

    let told = refusal(folder.path());
    assert!(told.contains("batches 122 to 181 are missing"), "{told}");
    assert!(told.contains("instances 60 of 60"), "{told}");
    assert_eq!(accepted(folder.path()).await, RECORDS);
}

#[tokio::test]
async fn what_was_gone_on_with_may_be_damaged_in_turn() {
    let folder = closed().await;
    fs::remove_file(folder.path().join("last-batch")).expect("removed");
    assert_eq!(accepted(folder.path()).await, RECORDS);
    // The files that were damaged first are still there, and do not count any more.
    fs::remove_file(folder.path().join("last-batch")).expect("removed");
    let told = refusal(folder.path());
    assert!(told.contains("the file last-batch is gone"), "{told}");
    let store = Store::open(folder.path(), OnLoss::Accept).expect("gone on with");
    assert_eq!(store.meta().store_epoch, 3);
    assert_eq!(store.scan::<Instances>().expect("read").len(), RECORDS + 1);
}

#[tokio::test]
async fn a_whole_backup_is_a_store() {
    let folder = closed().await;
    let backup = copy(folder.path());
    let store = open(backup.path()).expect("opened");
    assert_eq!(store.scan::<Instances>().expect("read").len(), RECORDS);
    assert_eq!(store.meta().store_epoch, 1);
}

#[tokio::test]
async fn files_of_others_are_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("README"), "ours").expect("written");
    fs::create_dir(folder.path().join("lost+found")).expect("made");
    for value in ["first", "second"] {
        let store = open(folder.path()).expect("opened");
        write_all(&store, value).await;
        store.close().await;
    }
    assert_eq!(fs::read(folder.path().join("README")).expect("read"), b"ours");
}

#[tokio::test]
async fn values_in_files_of_their_own_are_there_or_missed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).expect("opened");
    let mut batch = Batch::new();
    batch.put::<Instances>("instances/large", &record(&"large".repeat(100_000)));
    store.apply(batch, Box::new(|| {})).await.expect("applied");
    store.close().await;
    let blobs = || fs::read_dir(folder.path().join("blobs")).expect("read");
    assert!(blobs().count() > 0, "sled keeps it in a file of its own");
    open(folder.path()).expect("whole").close().await;

    for blob in blobs() {
        fs::remove_file(blob.expect("read").path()).expect("removed");
    }
    let told = refusal(folder.path());
    assert!(told.contains("has lost data"), "{told}");
    assert_eq!(accepted(folder.path()).await, 0);
}

#[tokio::test]
async fn without_the_record_that_names_it_nothing_is_gone_on_with() {
    let folder = closed().await;
    fs::remove_file(folder.path().join("last-batch")).expect("removed");
    let database = sled::open(folder.path()).expect("opened");
    database.remove(key::<Meta>(meta::NAME)).expect("removed");
    drop(database);
    let refused = Store::open(folder.path(), OnLoss::Accept).expect_err("refused");
    assert!(refused.to_string().contains("nothing left to go on with"), "{refused}");
}
