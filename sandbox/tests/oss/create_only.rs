use crate::support::*;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::primitives::ByteStream;

#[tokio::test]
async fn a_create_only_put_does_not_replace_an_object() {
    let emulator = emulator().await;
    let client = client(&emulator);
    put_create_only(&client, "k", "first").await.unwrap();
    assert_refused(put_create_only(&client, "k", "second").await, 409, "FileAlreadyExists");
    assert_eq!(read(&client, "k").await, "first");

    put(&client, "k", "third").await;
    assert_eq!(read(&client, "k").await, "third");

    client.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
    put_create_only(&client, "k", "fourth").await.unwrap();
    assert_eq!(emulator.counters().conflicts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_racing_create_only_puts_exactly_one_wins() {
    race(&emulator().await).await;
}

/// 20 rounds of 16 writers.
pub(crate) async fn race(emulator: &kafka2oss_sandbox::oss::OssEmulator) {
    let client = client(emulator);
    for round in 0..20 {
        let key = format!("round-{round}");
        let writers: Vec<_> = (0..16)
            .map(|writer| {
                let (client, key) = (client.clone(), key.clone());
                tokio::spawn(async move {
                    let body = format!("writer {writer}");
                    put_create_only(&client, &key, &body).await.map(|_| body)
                })
            })
            .collect();
        let mut winners = Vec::new();
        for writer in writers {
            match writer.await.unwrap() {
                Ok(body) => winners.push(body),
                refused => assert_refused(refused, 409, "FileAlreadyExists"),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}");
        assert_eq!(read(&client, &key).await, winners[0]);
    }
    let counters = emulator.counters();
    assert_eq!((counters.puts_stored, counters.conflicts), (20, 300));
}

#[tokio::test]
async fn if_none_match_is_not_implemented() {
    let emulator = emulator().await;
    let put = client(&emulator).put_object().bucket(BUCKET).key("k").if_none_match("*").send();
    assert_refused(put.await, 501, "NotImplemented");
    assert!(emulator.list(BUCKET, "").await.unwrap().is_empty());
}

#[tokio::test]
async fn aws_chunked_with_trailers_is_refused() {
    let emulator = emulator().await;
    let config =
        config(&emulator).request_checksum_calculation(RequestChecksumCalculation::WhenSupported);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "streamed").unwrap();
    // Of a body that it streams, the SDK sends the checksum in a trailer.
    let body = ByteStream::from_path(file.path()).await.unwrap();
    let put = Client::from_conf(config.build()).put_object().bucket(BUCKET).key("k").body(body);
    assert_refused(put.send().await, 400, "InvalidArgument");
    assert!(emulator.list(BUCKET, "").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_wrong_content_md5_is_refused_and_a_right_one_taken() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let put = |md5: &str| {
        let body = ByteStream::from_static(b"123456789");
        client.put_object().bucket(BUCKET).key("k").body(body).content_md5(md5).send()
    };
    assert_refused(put("AAAAAAAAAAAAAAAAAAAAAA==").await, 400, "InvalidDigest");
    assert_refused(put("no md5").await, 400, "InvalidDigest");
    put("JfnnlDI7RTiF9RgfG2JNCw==").await.unwrap();
}
