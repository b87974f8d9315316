//! The proxy that disturbs requests, in front of a real store.

use std::time::{Duration, Instant};

use aws_sdk_s3::error::ProvideErrorMetadata;
use kafka2oss_tests::bucket::Bucket;
use kafka2oss_tests::minio::shared_minio;
use kafka2oss_tests::name::unique;
use kafka2oss_tests::proxy::{Disturbance, Proxy};

/// A bucket of MinIO through a proxy, and past it.
async fn start() -> (Proxy, Bucket, Bucket) {
    let minio = shared_minio().await.unwrap();
    let name = unique("bucket");
    minio.create_bucket(&name).await.unwrap();
    let proxy = Proxy::start(minio.address()).await.unwrap();
    let mut access = minio.access();
    access.endpoint = format!("http://127.0.0.1:{}", proxy.port());
    let (through, past) = (access.bucket(&name), minio.access().bucket(&name));
    (proxy, through, past)
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_pass_while_nothing_disturbs_them() {
    let (proxy, through, past) = start().await;
    let large = vec![7; 1 << 20];
    for key in ["1", "2", "3"] {
        through.put(key, large.clone()).await.unwrap();
    }
    assert_eq!(past.keys("").await.unwrap(), ["1", "2", "3"]);
    assert_eq!(through.get("3").await.unwrap().bytes, large);

    let started = Instant::now();
    let latency = Duration::from_millis(100);
    proxy.disturb(move || Some(Disturbance::Latency(latency)));
    through.put("4", "late").await.unwrap();
    assert!(started.elapsed() >= latency);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_answer_is_lost_is_carried_out_and_no_other_that_fails() {
    let (proxy, through, past) = start().await;
    for disturbance in [Disturbance::Reset, Disturbance::HalfBody, Disturbance::SlowDown] {
        proxy.disturb(move || Some(disturbance));
        through.put("absent", vec![7; 100_000]).await.unwrap_err();
    }
    proxy.disturb(|| Some(Disturbance::LostAnswer));
    through.put("stands", "content").await.unwrap_err();
    assert_eq!(past.keys("").await.unwrap(), ["stands"]);

    proxy.calm();
    through.put("next", "content").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_down_has_its_code() {
    let (proxy, through, _) = start().await;
    proxy.disturb(|| Some(Disturbance::SlowDown));
    let put = through.client().put_object().bucket(through.name()).key("k");
    let error = put.body(vec![7; 100_000].into()).send().await.unwrap_err();
    assert_eq!(error.code(), Some("SlowDown"));
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 503);
}
