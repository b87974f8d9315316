use super::instances::{InstanceRecord, Instances};
use super::*;

mod damage;
mod upgrade;

fn open(folder: &Path) -> Result<Store, StoreError> {
    Store::open(folder, OnLoss::Refuse)
}

fn record(region: &str) -> InstanceRecord {
    let instance = kafka2oss_proto::v1::Instance {
        region_id: region.to_owned(),
        ..kafka2oss_proto::v1::Instance::default()
    };
    InstanceRecord { form: 0, instance: Some(instance) }
}

#[tokio::test]
async fn what_was_applied_is_there_after_the_store_was_opened_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).expect("opened");
    let id = store.meta().store_id.clone();
    let mut batch = Batch::new();
    batch.put::<Instances>("instances/a", &record("cn-hangzhou"));
    batch.put::<Instances>("instances/b", &record("cn-beijing"));
    store.apply(batch, Box::new(|| {})).await.expect("applied");
    let mut batch = Batch::new();
    batch.delete::<Instances>("instances/b");
    store.apply(batch, Box::new(|| {})).await.expect("applied");
    store.close().await;

    let store = open(folder.path()).expect("opened again");
    assert_eq!(store.meta().store_id, id);
    let rows = store.scan::<Instances>().expect("read");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].0, "instances/a");
    assert_eq!(rows[0].1.instance, record("cn-hangzhou").instance);
}

#[test]
fn a_folder_that_is_in_use_is_refused_with_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let _first = open(folder.path()).expect("opened");
    let refusal = open(folder.path()).expect_err("refused");
    assert!(matches!(refusal, StoreError::InUse(_)), "{refusal}");
}

#[test]
fn a_value_of_a_newer_form_is_refused() {
    let newer = InstanceRecord { form: 99, instance: None }.encode_to_vec();
    assert!(matches!(decode::<Instances>(&newer), Err(StoreError::Corrupt { .. })));
    assert!(decode::<Instances>(&[0xff]).is_err());
}

#[tokio::test]
async fn concurrent_writes_all_arrive() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).expect("opened");
    let writes = (0..200).map(|index| {
        let store = store.clone();
        async move {
            let mut batch = Batch::new();
            batch.put::<Instances>(&format!("instances/{index}"), &record("r"));
            store.apply(batch, Box::new(|| {})).await
        }
    });
    for result in futures::future::join_all(writes).await {
        result.expect("applied");
    }
    assert_eq!(store.scan::<Instances>().expect("read").len(), 200);
}
