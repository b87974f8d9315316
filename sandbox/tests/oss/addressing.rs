use crate::support::*;
use aws_sdk_s3::Client;
use kafka2oss_sandbox::oss::{OssEmulator, OssOptions, StartError};

#[tokio::test]
async fn the_bucket_stands_in_front_of_the_domain() {
    let emulator = emulator().await;
    let port = emulator.address().port();
    assert_eq!(emulator.endpoint(), format!("http://localhost:{port}"));

    put(&client(&emulator), "a/b c+ä.json", "1").await;
    assert_eq!(emulator.list(BUCKET, "a/").await.unwrap()[0].0, "a/b c+ä.json");
}

#[tokio::test]
async fn path_style_is_forbidden() {
    let emulator = emulator().await;
    let path_style = Client::from_conf(config(&emulator).force_path_style(true).build());
    let by_name = path_style.get_object().bucket(BUCKET).key("k").send().await;
    assert_refused(by_name, 403, "SecondLevelDomainForbidden");

    // The SDK takes to path style by itself where the endpoint is an IP address.
    let endpoint = format!("http://{}", emulator.address());
    let at_ip = Client::from_conf(config(&emulator).endpoint_url(endpoint).build());
    let by_ip = at_ip.get_object().bucket(BUCKET).key("k").send().await;
    assert_refused(by_ip, 403, "SecondLevelDomainForbidden");
}

#[tokio::test]
async fn another_base_domain_can_be_had_but_no_ip_address() {
    let domain = "s3.oss-cn-hangzhou-internal.localhost".to_owned();
    let emulator = OssEmulator::start(OssOptions { domain, ..options() }).await.unwrap();
    emulator.create_bucket(BUCKET).await.unwrap();
    put(&client(&emulator), "k", "1").await;
    assert_eq!(read(&client(&emulator), "k").await, "1");

    let domain = "127.0.0.1".to_owned();
    let refused = OssEmulator::start(OssOptions { domain, ..options() }).await;
    assert!(matches!(refused, Err(StartError::InvalidDomain { .. })));
}
