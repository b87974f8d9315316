//! Stores of versions whose batches had no markers.

use std::fs;

use super::*;
use crate::store::meta::Meta;

/// As such a version leaves it.
fn unmarked(folder: &Path, is_named: bool) {
    let database = sled::open(folder).expect("opened");
    let mut batch = sled::Batch::default();
    if is_named {
        let meta = MetaRecord { form: 1, store_id: "ID".to_owned(), store_epoch: 3 };
        batch.insert(key::<Meta>(meta::NAME), meta.encode_to_vec());
    }
    for number in 0..20 {
        let name = format!("instances/{number}");
        batch.insert(key::<Instances>(&name), encode::<Instances>(&record(&name)));
    }
    database.apply_batch(batch).expect("applied");
    database.flush().expect("flushed");
}

#[tokio::test]
async fn a_store_without_markers_is_gone_on_with_as_it_is_and_has_them_from_then_on() {
    let folder = tempfile::tempdir().expect("a folder");
    unmarked(folder.path(), true);
    for _ in 0..2 {
        let store = open(folder.path()).expect("opened");
        assert_eq!((&store.meta().store_id[..], store.meta().store_epoch), ("ID", 3));
        assert_eq!(store.scan::<Instances>().expect("read").len(), 20);
        store.close().await;
    }

    let database = sled::open(folder.path()).expect("opened");
    database.remove(key::<Instances>("instances/7")).expect("removed");
    drop(database);
    let refused = open(folder.path()).expect_err("refused").to_string();
    assert!(refused.contains("instances 19 of 20"), "{refused}");
}

#[tokio::test]
async fn an_upgrade_that_was_interrupted_is_taken_up_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = tempfile::tempdir().expect("a folder");
    open(made.path()).expect("opened").close().await;
    // The file with number 0 is what comes first.
    let mut bytes = fs::read(made.path().join("last-batch")).expect("read");
    bytes[4_096..].fill(0);
    fs::write(folder.path().join("last-batch"), bytes).expect("written");

    unmarked(folder.path(), true);
    let store = open(folder.path()).expect("opened");
    assert_eq!(store.meta().store_id, "ID");
    assert_eq!(store.scan::<Instances>().expect("read").len(), 20);
}

#[test]
fn a_store_without_markers_that_does_not_say_its_name_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    unmarked(folder.path(), false);
    let refused = open(folder.path()).expect_err("refused").to_string();
    assert!(refused.contains("the record that names it is not there"), "{refused}");
}
