use super::program::{kafka2oss, texts};
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};
use kafka2oss_tests::minio::MinioServer;
use std::process::Stdio;

#[tokio::test(flavor = "multi_thread")]
async fn race() {
    let kafka = KafkaServer::start(KafkaOptions::default()).await.expect("a Kafka");
    let store = MinioServer::start().await.expect("a MinIO");
    store.create_bucket("demo").await.expect("a bucket");
    let state = tempfile::tempdir().expect("a folder");
    let mut child = kafka2oss(state.path())
        .args(["dev", "--topic", "t:2", "--kafka", &kafka.bootstrap()])
        .args(["--endpoint", &store.endpoint(), "--bucket", "demo", "--region", store.region()])
        .env("AWS_ACCESS_KEY_ID", store.access_key())
        .env("AWS_SECRET_ACCESS_KEY", store.secret_key())
        .stdout(Stdio::null())
        .spawn()
        .expect("it runs");
    tokio::time::sleep(std::time::Duration::from_secs(8)).await;
    let run = |args: &[&str]| {
        let mut c = kafka2oss(state.path());
        let out = c.args(args).output().expect("runs");
        let (o, e) = texts(&out);
        println!("{args:?}\n{o}{e}");
    };
    std::fs::write("/tmp/w/idf", store.access_key()).unwrap();
    std::fs::write("/tmp/w/sef", store.secret_key()).unwrap();
    run(&[
        "connectors",
        "create",
        "dev/a",
        "--topic",
        "t",
        "--consumer-offset",
        "earliest",
        "--store-type",
        "s3",
        "--bucket",
        "demo",
        "--endpoint",
        &store.endpoint(),
        "--signing-region",
        store.region(),
        "--access-key-id-file",
        "/tmp/w/idf",
        "--access-key-secret-file",
        "/tmp/w/sef",
        "--max-age",
        "1s",
        "--idle",
        "300ms",
        "--failure-policy",
        "fail",
    ]);
    run(&["connectors", "deploy", "dev/a", "--wait"]);
    for offset in ["0", "2", "4"] {
        run(&["connectors", "test", "dev/a", "--partition", "0", "--value-file", "/tmp/w/bad.bin"]);
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        run(&[
            "connectors",
            "resume-partition",
            "dev/a",
            "--partition",
            "0",
            "--skip",
            "--offset",
            offset,
        ]);
        run(&[
            "connectors",
            "test",
            "dev/a",
            "--partition",
            "0",
            "--value",
            "x",
            "--wait",
            "--timeout",
            "15s",
        ]);
        run(&["connectors", "progress", "dev/a"]);
    }
    let _ = child.kill();
}
