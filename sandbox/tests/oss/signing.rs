use std::time::{Duration, SystemTime};

use crate::support::*;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_request_signed_over_15_minutes_ago_is_refused() {
    let emulator = emulator().await;
    let now = SystemTime::now();
    for stale in [now - 16 * MINUTE, now + 16 * MINUTE] {
        let client = client_at(&emulator, stale);
        assert_refused(put_create_only(&client, "k", "1").await, 403, "RequestTimeTooSkewed");
    }
    put_create_only(&client_at(&emulator, now - 14 * MINUTE), "k", "1").await.unwrap();
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_key_id_are_told_apart() {
    let emulator = emulator().await;
    let wrong = client_with_keys(&emulator, KEY_ID, "wrong");
    assert_refused(put_create_only(&wrong, "k", "1").await, 403, "SignatureDoesNotMatch");
    let unknown = client_with_keys(&emulator, "unknown", SECRET);
    assert_refused(put_create_only(&unknown, "k", "1").await, 403, "InvalidAccessKeyId");
    assert!(emulator.list(BUCKET, "").await.unwrap().is_empty());
}

#[tokio::test]
async fn access_keys_change_while_it_runs() {
    let emulator = emulator().await;
    let client = client(&emulator);
    emulator.set_access_key(KEY_ID, "rotated");
    assert_refused(put_create_only(&client, "k", "1").await, 403, "SignatureDoesNotMatch");
    emulator.remove_access_key(KEY_ID);
    assert_refused(put_create_only(&client, "k", "1").await, 403, "InvalidAccessKeyId");
    emulator.set_access_key(KEY_ID, SECRET);
    put_create_only(&client, "k", "1").await.unwrap();
}

#[tokio::test]
async fn an_unsigned_request_is_denied() {
    let emulator = emulator().await;
    let config = config_without_keys(&emulator).allow_no_auth();
    let client = aws_sdk_s3::Client::from_conf(config.build());
    assert_refused(put_create_only(&client, "k", "1").await, 403, "AccessDenied");
}
