//! `dev` with a real Kafka and a real S3 server instead of the embedded ones.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};
use kafka2oss_tests::minio::MinioServer;
use kafka2oss_tests::wait::eventually;
use tokio::task::spawn_blocking;

use super::program::{kafka2oss, texts};

const BUCKET: &str = "demo";
const LIMIT: Duration = Duration::from_secs(30);

fn demo(state: &Path, kafka: &KafkaServer, store: &MinioServer) -> Output {
    kafka2oss(state)
        .args(["dev", "--demo", "--exit", "--kafka", &kafka.bootstrap()])
        .args(["--endpoint", &store.endpoint(), "--bucket", BUCKET])
        .args(["--region", store.region()])
        .env("AWS_ACCESS_KEY_ID", store.access_key())
        .env("AWS_SECRET_ACCESS_KEY", store.secret_key())
        .output()
        .expect("it runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_runs_twice_on_real_services_and_leaves_nothing_but_objects() {
    let kafka = KafkaServer::start(KafkaOptions::default()).await.expect("a Kafka");
    let store = MinioServer::start().await.expect("a MinIO");
    store.create_bucket(BUCKET).await.expect("a bucket");

    let (kafka, store) = spawn_blocking(move || {
        for _ in 0..2 {
            let state = tempfile::tempdir().expect("a folder");
            let output = demo(state.path(), &kafka, &store);
            let (stdout, stderr) = texts(&output);
            assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
            assert!(stdout.contains("each exactly once in "), "{stdout}{stderr}");
            assert!(stdout.contains("connector and topic deleted"), "{stdout}{stderr}");
        }
        (kafka, store)
    })
    .await
    .expect("the demo");

    // The broker learns from the controller what that has deleted.
    let admin = kafka.admin().expect("an admin");
    let none_left = eventually("the topics are deleted", LIMIT, async || {
        let topics = admin.topics().await?;
        let left: Vec<_> = topics.keys().filter(|topic| !topic.starts_with("__")).collect();
        anyhow::ensure!(left.is_empty(), "{left:?}");
        Ok(Some(()))
    });
    none_left.await.expect("none but Kafka's own topics");
    let objects = store.access().bucket(BUCKET).keys("orders-").await.expect("a listing");
    assert!(!objects.is_empty());
}

#[test]
fn services_that_are_not_there_are_named_at_the_start() {
    let state = tempfile::tempdir().expect("a folder");
    let run = |arguments: &[&str]| {
        let output = kafka2oss(state.path())
            .arg("dev")
            .args(arguments)
            .env("AWS_ACCESS_KEY_ID", "id")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        texts(&output).1
    };

    let stderr = run(&["--kafka", "127.0.0.1:1"]);
    assert!(stderr.contains("127.0.0.1:1") && stderr.contains("KAFKA_UNREACHABLE"), "{stderr}");
    let stderr = run(&["--endpoint", "http://127.0.0.1:1", "--bucket", "b"]);
    assert!(stderr.contains("bucket b at http://127.0.0.1:1"), "{stderr}");
}
