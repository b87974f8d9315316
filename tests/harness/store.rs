//! MinIO, and the judge on a real bucket.

use aws_sdk_s3::error::ProvideErrorMetadata;
use kafka2oss_tests::judge::Judge;
use kafka2oss_tests::minio::{MinioServer, shared_minio};
use kafka2oss_tests::name::unique;
use kafka2oss_tests::oss::OssServer;
use kafka2oss_tests::produce::Produced;

#[tokio::test]
async fn a_bucket_lists_and_gives_what_was_put() {
    let minio = shared_minio().await.unwrap();
    let name = unique("bucket");
    minio.create_bucket(&name).await.unwrap();
    let bucket = minio.access().bucket(&name);

    bucket.put("b/2", "[1]").await.unwrap();
    bucket.put("b/1", r#"[{"a": 1}, 2]"#).await.unwrap();
    bucket.put("other", "text").await.unwrap();
    bucket.put("gone", "text").await.unwrap();
    bucket.delete("gone").await.unwrap();

    assert_eq!(bucket.keys("").await.unwrap(), ["b/1", "b/2", "other"]);
    assert_eq!(bucket.keys("b/").await.unwrap(), ["b/1", "b/2"]);
    assert_eq!(bucket.get("other").await.unwrap().bytes, b"text");
    let array = bucket.read_json_array("b/1").await.unwrap();
    assert_eq!(array, [serde_json::json!({"a": 1}), 2.into()]);
    assert!(bucket.read_json_array("other").await.is_err());
    let error = bucket.get("gone").await.unwrap_err();
    assert!(format!("{error:#}").contains("NoSuchKey"), "{error:#}");
}

#[tokio::test]
async fn of_many_create_only_puts_at_once_one_wins_and_all_others_get_412() {
    let minio = shared_minio().await.unwrap();
    let name = unique("bucket");
    minio.create_bucket(&name).await.unwrap();
    let bucket = minio.access().bucket(&name);
    let put = |content: u8| {
        let request = bucket.client().put_object().bucket(&name).key("one");
        let request = request
            .if_none_match("*")
            .metadata("writer", content.to_string())
            .body(vec![content].into());
        tokio::spawn(request.send())
    };

    let puts: Vec<_> = (0..16).map(put).collect();
    let mut winners = 0;
    for put in puts {
        match put.await.unwrap() {
            Ok(_) => winners += 1,
            Err(error) => {
                assert_eq!(error.code(), Some("PreconditionFailed"));
                let status = error.raw_response().unwrap().status();
                assert_eq!(status.as_u16(), 412);
            }
        }
    }

    assert_eq!(winners, 1);
    let object = bucket.get("one").await.unwrap();
    assert_eq!(object.metadata["writer"], object.bytes[0].to_string());
}

#[tokio::test]
async fn a_store_of_ones_own_keeps_its_data_over_stop_and_kill() {
    let mut minio = MinioServer::start().await.unwrap();
    minio.create_bucket("kept").await.unwrap();
    let bucket = minio.access().bucket("kept");
    bucket.put("1", "1").await.unwrap();

    minio.stop().await.unwrap();
    assert!(bucket.keys("").await.is_err());
    minio.start_again().await.unwrap();
    bucket.put("2", "2").await.unwrap();

    minio.kill9().unwrap();
    minio.start_again().await.unwrap();

    assert_eq!(bucket.keys("").await.unwrap(), ["1", "2"]);
}

#[tokio::test]
async fn the_judge_reads_a_bucket() {
    let minio = shared_minio().await.unwrap();
    let name = unique("bucket");
    minio.create_bucket(&name).await.unwrap();
    let bucket = minio.access().bucket(&name);
    let produced = |offset| Produced {
        topic: "Test".into(),
        partition: 0,
        offset,
        timestamp: 1_603_779_578_478,
        key: Some("123".into()),
        value: Some("1".into()),
    };
    let record = |offset| {
        format!(
            r#"{{"key":"123","offset":{offset},"overflowFlag":false,"partition":0,"timestamp":1603779578478,"topic":"Test","value":"1","valueSize":1}}"#
        )
    };
    let objects = [
        ("Test/0/0", format!("[{},\n{}]", record(4), record(5))),
        ("Test/0/1", format!("[{}]", record(6))),
        ("elsewhere", "no array".to_owned()),
    ];
    for (key, content) in objects {
        bucket.put(key, content).await.unwrap();
    }

    let all = [produced(4), produced(5), produced(6)];
    let sound = Judge::default().judge_bucket(&all, &bucket, "Test/").await.unwrap();
    sound.exactly_once().unwrap();

    bucket.delete("Test/0/1").await.unwrap();
    let damaged = Judge::default().judge_bucket(&all, &bucket, "Test/").await.unwrap();
    assert_eq!(damaged.missing.into_iter().collect::<Vec<_>>(), [(0, 6)]);
}

#[tokio::test]
async fn the_oss_emulator_gives_what_was_put_by_virtual_hosted_requests() {
    let oss = OssServer::start().await.unwrap();
    oss.create_bucket("kafka-oss").await.unwrap();
    let bucket = oss.access().bucket("kafka-oss");

    bucket.put("Test/0/1", "[1, 2]").await.unwrap();

    assert_eq!(bucket.keys("Test/").await.unwrap(), ["Test/0/1"]);
    let array = bucket.read_json_array("Test/0/1").await.unwrap();
    assert_eq!(array, [serde_json::json!(1), 2.into()]);
    let missing = oss.access().bucket("absent").keys("").await.unwrap_err();
    assert!(format!("{missing:#}").contains("NoSuchBucket"), "{missing:#}");
}
