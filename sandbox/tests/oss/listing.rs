use crate::support::*;
use kafka2oss_sandbox::oss::OssEmulator;

async fn filled() -> OssEmulator {
    let emulator = emulator().await;
    for key in ["a", "b/1", "b/2", "b/c/3", "d + ä", "e/4"] {
        emulator.put(BUCKET, key, "12345").await.unwrap();
    }
    emulator
}

#[tokio::test]
async fn a_listing_is_sorted_and_tells_size_and_etag() {
    let emulator = filled().await;
    let page = client(&emulator).list_objects_v2().bucket(BUCKET).send().await.unwrap();
    let keys: Vec<_> = page.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(keys, ["a", "b/1", "b/2", "b/c/3", "d + ä", "e/4"]);
    let first = &page.contents()[0];
    assert_eq!(first.size(), Some(5));
    assert_eq!(first.e_tag(), Some("\"827CCB0EEA8A706C4C34A16891F84E7B\""));
    assert_eq!((page.key_count(), page.is_truncated()), (Some(6), Some(false)));
}

#[tokio::test]
async fn prefix_and_delimiter_give_folders() {
    let emulator = filled().await;
    let page = client(&emulator).list_objects_v2().bucket(BUCKET).prefix("b/").delimiter("/");
    let page = page.send().await.unwrap();
    let keys: Vec<_> = page.contents().iter().filter_map(|object| object.key()).collect();
    let folders: Vec<_> = page.common_prefixes().iter().filter_map(|p| p.prefix()).collect();
    assert_eq!((keys, folders), (vec!["b/1", "b/2"], vec!["b/c/"]));
}

#[tokio::test]
async fn pages_go_on_where_the_one_before_ended() {
    let emulator = filled().await;
    let client = client(&emulator);
    let mut pages = client.list_objects_v2().bucket(BUCKET).max_keys(4).into_paginator().send();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        sizes.push(page.unwrap().contents().len());
    }
    assert_eq!(sizes, [4, 2]);

    let foreign = client.list_objects_v2().bucket(BUCKET).continuation_token("?").send().await;
    assert_refused(foreign, 400, "InvalidArgument");
}

#[tokio::test]
async fn keys_are_url_encoded_on_request() {
    let emulator = filled().await;
    let page = client(&emulator).list_objects_v2().bucket(BUCKET).prefix("d");
    let page = page.encoding_type("url".into()).send().await.unwrap();
    assert_eq!(page.contents()[0].key(), Some("d%20%2B%20%C3%A4"));
}
