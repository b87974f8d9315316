//! Single answers that no store gives on demand, from a server that gives only
//! these.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kafka2oss_chain::MetadataError;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::spec::StoreType;
use kafka2oss_sink::{ObjectStore, Probe, Probed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{CREATED, destination, object, plain, refusal, run};

/// Gives its answers one after the other, one a connection, and keeps the heads
/// of the requests.
struct Answers {
    store: ObjectStore,
    asked: Arc<Mutex<Vec<String>>>,
}

async fn answers(store_type: StoreType, answers: Vec<Vec<u8>>) -> Answers {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heads = Arc::clone(&asked);
    tokio::spawn(async move {
        for answer in answers {
            let (mut connection, _) = listener.accept().await.unwrap();
            let head = read_request(&mut connection).await;
            heads.lock().unwrap().push(head);
            connection.write_all(&answer).await.unwrap();
        }
    });
    let destination = destination(store_type, endpoint, "abc", plain("id"), plain("secret"));
    Answers { store: ObjectStore::new(&destination), asked }
}

/// Reads head and body; returns the head.
async fn read_request(connection: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
    connection.read_exact(&mut body).await.unwrap();
    head
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

/// The answer to a put that succeeded.
fn created(headers: &str) -> Vec<u8> {
    answer("200 OK", &format!("etag: \"D41D8CD98F00B204E9800998ECF8427E\"\r\n{headers}"), "")
}

#[test]
fn oss_is_asked_in_its_dialect() {
    run(async {
        let oss = answers(StoreType::Oss, vec![created("")]).await;
        assert_eq!(oss.store.put(&object("k", "[1]")).await.unwrap(), CREATED);
        let head = oss.asked.lock().unwrap().remove(0);
        for line in
            ["put /k", "host: abc.localhost:", "x-oss-forbid-overwrite: true", "content-length: 3"]
        {
            assert!(head.contains(line), "{line}\n{head}");
        }
        let signed = head.lines().find(|line| line.starts_with("authorization: ")).unwrap();
        assert!(signed.contains(";x-oss-forbid-overwrite"), "{signed}");
        for other in ["if-none-match", "checksum", "aws-chunked", "trailer", "transfer-encoding"] {
            assert!(!head.contains(other), "{other}\n{head}");
        }
    });
}

#[test]
fn s3_is_asked_in_its_dialect() {
    run(async {
        let s3 = answers(StoreType::S3, vec![created("")]).await;
        assert_eq!(s3.store.put(&object("k", "123456789")).await.unwrap(), CREATED);
        let head = s3.asked.lock().unwrap().remove(0);
        for line in [
            "put /abc/k",
            "if-none-match: *",
            "content-length: 9",
            "x-amz-checksum-crc32c: 4wasgw==",
        ] {
            assert!(head.contains(line), "{line}\n{head}");
        }
        for other in ["x-oss-", "aws-chunked", "trailer", "transfer-encoding"] {
            assert!(!head.contains(other), "{other}\n{head}");
        }
    });
}

#[test]
fn a_checksum_of_other_bytes_in_the_answer_is_a_mismatch() {
    run(async {
        for (store_type, header) in [
            (StoreType::Oss, "x-oss-hash-crc64ecma: 1\r\n"),
            (StoreType::S3, "x-amz-checksum-crc32c: AAAAAA==\r\n"),
        ] {
            let store = answers(store_type, vec![created(header)]).await.store;
            let error = refusal(&store).await;
            assert_eq!(error.code, ErrorCode::StoreIntegrityMismatch, "{error}");
        }
    });
}

#[test]
fn an_object_that_stands_with_other_bytes_than_its_metadata_tells_is_not_taken_for_ours() {
    run(async {
        let metadata = object("k", "[1]").metadata.encode();
        let metadata: String = metadata
            .iter()
            .map(|(name, value)| format!("x-amz-meta-{name}: {value}\r\n"))
            .collect();
        let headers = format!("{metadata}x-oss-hash-crc64ecma: 1\r\n");
        let store = answers(StoreType::Oss, vec![answer("200 OK", &headers, "")]).await.store;
        let error = store.head("k").await.unwrap_err();
        assert_eq!(error.code, ErrorCode::StoreIntegrityMismatch, "{error}");
    });
}

#[test]
fn metadata_that_is_not_text_is_someone_elses() {
    run(async {
        let mut head = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\nx-amz-meta-note: ".to_vec();
        head.extend(b"\xff\xfe\r\nconnection: close\r\n\r\n");
        let store = answers(StoreType::Oss, vec![head]).await.store;
        let stored = store.head("k").await.unwrap().unwrap();
        assert_eq!((stored.size, stored.metadata), (7, Err(MetadataError::NotText)));
    });
}

#[test]
fn oss_explains_a_refused_head_in_a_header() {
    run(async {
        // <Error><Code>NoSuchBucket</Code></Error>
        let bucket = "x-oss-err: PEVycm9yPjxDb2RlPk5vU3VjaEJ1Y2tldDwvQ29kZT48L0Vycm9yPg==\r\n";
        // <Error><Code>NoSuchKey</Code></Error>
        let key = "x-oss-err: PEVycm9yPjxDb2RlPk5vU3VjaEtleTwvQ29kZT48L0Vycm9yPg==\r\n";
        let given = [bucket, key].map(|header| answer("404 Not Found", header, "")).to_vec();
        let oss = answers(StoreType::Oss, given).await;
        let error = oss.store.head("k").await.unwrap_err();
        assert_eq!(error.code, ErrorCode::StoreBucketNotFound, "{error}");
        assert_eq!(oss.store.head("k").await.unwrap(), None);
        assert_eq!(oss.asked.lock().unwrap().len(), 2, "no request more");
    });
}

#[test]
fn a_refused_head_without_a_reason_is_explained_by_get_of_one_byte() {
    run(async {
        let skewed = "<Error><Code>RequestTimeTooSkewed</Code></Error>";
        let given = vec![answer("403 Forbidden", "", ""), answer("403 Forbidden", "", skewed)];
        let s3 = answers(StoreType::S3, given).await;
        let error = s3.store.head("k").await.unwrap_err();
        assert_eq!(error.code, ErrorCode::StoreClockSkewed, "{error}");
        let asked = s3.asked.lock().unwrap().clone();
        assert!(asked[0].starts_with("head /abc/k"), "{}", asked[0]);
        assert!(asked[1].starts_with("get /abc/k"), "{}", asked[1]);
        assert!(asked[1].contains("range: bytes=0-0"), "{}", asked[1]);
    });
}

#[test]
fn what_no_store_would_say_is_an_error_and_not_a_panic() {
    run(async {
        for (given, expected) in [
            (answer("502 Bad Gateway", "", "<html>oops"), ErrorCode::StoreUnavailable),
            (answer("200 OK", "", "<html>welcome"), ErrorCode::StoreUnavailable),
            (answer("404 Not Found", "", ""), ErrorCode::StoreRequestRejected),
            (answer("403 Forbidden", "", "denied"), ErrorCode::StoreAccessDenied),
            (answer("302 Found", "location: /login\r\n", ""), ErrorCode::StoreRequestRejected),
            // Not a conflict: only the store's code makes it one.
            (answer("412 Precondition Failed", "", ""), ErrorCode::StoreRequestRejected),
            (b"\x16\x03\x01\x00\x05hello\r\n\r\n".to_vec(), ErrorCode::StoreUnreachable),
            (
                b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".to_vec(),
                ErrorCode::StoreUnavailable,
            ),
            (Vec::new(), ErrorCode::StoreUnreachable),
        ] {
            let shown = String::from_utf8_lossy(&given).into_owned();
            let store = answers(StoreType::S3, vec![given]).await.store;
            let error = refusal(&store).await;
            assert_eq!(error.code, expected, "{shown}\n{error}");
            assert!(error.message.starts_with("PutObject of `refused` in bucket `abc`: "));
        }
    });
}

#[test]
fn retry_after_is_a_delay() {
    run(async {
        let throttled = answer("429 Too Many Requests", "retry-after: 3\r\n", "");
        let store = answers(StoreType::S3, vec![throttled]).await.store;
        let error = refusal(&store).await;
        assert_eq!(
            (error.code, error.delay),
            (ErrorCode::StoreThrottled, Some(Duration::from_secs(3)))
        );
    });
}

#[test]
fn a_store_that_does_not_speak_tls_is_unreachable_at_https() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            connection.write_all(&answer("400 Bad Request", "", "")).await.unwrap();
        });
        let destination = destination(StoreType::S3, endpoint, "abc", plain("id"), plain("secret"));
        let error = refusal(&ObjectStore::new(&destination)).await;
        assert_eq!(error.code, ErrorCode::StoreUnreachable, "{error}");
    });
}

#[test]
fn a_body_that_breaks_off_is_an_error_after_what_has_come() {
    run(async {
        let mut cut_off = answer("200 OK", "", "12345");
        cut_off.truncate(cut_off.len() - 2);
        let rest = answer("206 Partial Content", "content-range: bytes 3-4/5\r\n", "45");
        let s3 = answers(StoreType::S3, vec![cut_off, rest]).await;

        let mut body = s3.store.get("k", 0).await.unwrap().unwrap();
        assert_eq!(body.chunk().await.unwrap().unwrap(), "123");
        let error = body.chunk().await.unwrap_err();
        assert_eq!(error.code, ErrorCode::StoreUnreachable, "{error}");

        let mut body = s3.store.get("k", 3).await.unwrap().unwrap();
        assert_eq!(body.chunk().await.unwrap().unwrap(), "45");
        assert_eq!(body.chunk().await.unwrap(), None);
        let head = s3.asked.lock().unwrap().remove(1);
        assert!(head.contains("\r\nrange: bytes=3-\r\n"), "{head}");
    });
}

#[test]
fn an_object_with_metadata_that_is_not_text_comes_without_its_content() {
    run(async {
        let mut bytes = answer("200 OK", "x-amz-meta-owner: X\r\n", "12345");
        let at = bytes.iter().position(|byte| *byte == b'X').unwrap();
        bytes[at] = 0xff;
        let s3 = answers(StoreType::S3, vec![bytes]).await;

        let mut body = s3.store.get("k", 0).await.unwrap().unwrap();
        assert_eq!(body.metadata, Err(MetadataError::NotText));
        assert_eq!(body.chunk().await.unwrap(), None);
    });
}

#[test]
fn a_page_that_does_not_say_where_the_next_one_starts_is_an_error() {
    run(async {
        let page = "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>true</IsTruncated>\
                    <Contents><Key>k</Key><Size>1</Size></Contents></ListBucketResult>";
        let s3 = answers(StoreType::S3, vec![answer("200 OK", "", page)]).await;

        let error = s3.store.list("", None).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::StoreUnavailable, "{error}");
        let head = s3.asked.lock().unwrap().remove(0);
        assert!(head.contains("encoding-type=url"), "{head}");
    });
}

#[test]
fn s3_names_region_and_endpoint_in_redirects_and_refusals() {
    run(async {
        let error = |code: &str, rest: &str| format!("<Error><Code>{code}</Code>{rest}</Error>");
        let eu = "x-amz-bucket-region: eu-west-1\r\n";
        let endpoint = "<Endpoint>abc.s3.eu-west-1.amazonaws.com</Endpoint>";
        for (given, expected, named) in [
            (
                answer(
                    "400 Bad Request",
                    "",
                    &error("AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"),
                ),
                ErrorCode::StoreRegionWrong,
                "`eu-west-1`",
            ),
            (
                answer("301 Moved Permanently", eu, &error("PermanentRedirect", endpoint)),
                ErrorCode::StoreEndpointWrong,
                "https://abc.s3.eu-west-1.amazonaws.com in region `eu-west-1`",
            ),
            (
                answer("307 Temporary Redirect", "location: https://minio.lan:9000/abc/k\r\n", ""),
                ErrorCode::StoreEndpointWrong,
                "https://minio.lan:9000",
            ),
            // As for HEAD, that is without a body.
            (answer("400 Bad Request", eu, ""), ErrorCode::StoreRegionWrong, "`eu-west-1`"),
        ] {
            let s3 = answers(StoreType::S3, vec![given]).await;
            let error = refusal(&s3.store).await;
            assert_eq!(error.code, expected, "{error}");
            assert!(error.message.contains(named), "{error}");
        }
    });
}

#[test]
fn s3_does_not_tell_of_what_is_absent_without_the_right_to_list() {
    run(async {
        let words = "<Error><Code>AccessDenied</Code><Message>not authorized to perform: \
                     s3:ListBucket</Message></Error>";
        let given = vec![answer("403 Forbidden", "", ""), answer("403 Forbidden", "", words)];
        let s3 = answers(StoreType::S3, given).await;
        let error = s3.store.head("k").await.unwrap_err();
        assert_eq!(error.code, ErrorCode::StoreAccessDenied, "{error}");
        assert!(error.message.contains("s3:ListBucket"), "{error}");
        assert!(!error.message.contains("it needs"), "the store knows better: {error}");
    });
}

#[test]
fn a_store_that_overwrites_is_found_out_by_its_probe() {
    run(async {
        let head = answer("200 OK", "", "");
        let deleted = answer("204 No Content", "", "");
        let given = vec![created(""), created(""), head, deleted];
        let s3 = answers(StoreType::S3, given).await;

        let Probed { outcome, left } = s3.store.probe("p/key".to_owned()).await;

        let Ok(Probe::AtLeastOnce { code, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(code, ErrorCode::StoreNotCreateOnly);
        assert!(code.remedy().contains("conditional writes"));
        assert_eq!(left, None);
        let asked = s3.asked.lock().unwrap().clone();
        let methods: Vec<_> = asked.iter().filter_map(|head| head.split(' ').next()).collect();
        assert_eq!(methods, ["put", "put", "head", "delete"], "versions are not asked for");
    });
}
