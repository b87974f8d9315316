use std::time::{Duration, Instant};

use crate::support::*;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use kafka2oss_sandbox::oss::{Fault, Occurrence, Operation, Outcome, RequestMatch, ThrottleCode};

fn puts() -> RequestMatch {
    RequestMatch::operation(Operation::PutObject)
}

#[tokio::test]
async fn a_throttled_request_is_answered_503_with_the_delay_and_not_carried_out() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let throttle = Fault::Throttle {
        code: ThrottleCode::TotalQpsLimitExceeded,
        delay: Duration::from_millis(1500),
    };
    let fault = emulator.faults().inject(puts(), throttle, Occurrence::Times(1));

    let refused = refused(put_create_only(&client, "k", "1").await);
    assert_eq!((refused.status, refused.code.as_deref()), (503, Some("TotalQpsLimitExceeded")));
    assert_eq!(refused.header("x-oss-qos-delay-time"), Some("1500"));
    assert!(emulator.list(BUCKET, "").await.unwrap().is_empty());

    put_create_only(&client, "k", "1").await.unwrap();
    assert_eq!((fault.hits(), emulator.counters().throttled), (1, 1));
}

#[tokio::test]
async fn a_lost_answer_belongs_to_a_request_that_was_carried_out() {
    let emulator = emulator().await;
    let client = client(&emulator);
    emulator.faults().inject(puts(), Fault::LostAnswer, Occurrence::Times(1));

    let lost = put_create_only(&client, "k", "1").await.unwrap_err();
    assert!(matches!(lost, SdkError::DispatchFailure(_)), "{lost:?}");
    assert_eq!(read(&client, "k").await, "1");
    assert_refused(put_create_only(&client, "k", "1").await, 409, "FileAlreadyExists");

    let first = &emulator.requests()[0];
    assert_eq!(first.outcome, Outcome::AnswerLost { status: 200 });
    assert_eq!((first.key.as_deref(), first.create_only), (Some("k"), true));
    let counters = emulator.counters();
    assert_eq!((counters.puts, counters.puts_stored, counters.conflicts), (2, 1, 1));
}

#[tokio::test]
async fn a_reset_connection_belongs_to_a_request_that_was_not_carried_out() {
    let emulator = emulator().await;
    let client = client(&emulator);
    emulator.faults().inject(puts(), Fault::ConnectionReset, Occurrence::Times(1));

    let reset = put_create_only(&client, "k", "1").await.unwrap_err();
    let SdkError::DispatchFailure(failure) = reset else { panic!("{reset:?}") };
    assert!(failure.is_io());
    let mut source: Option<&dyn std::error::Error> = failure.as_connector_error().map(|e| e as _);
    let mut kinds = Vec::new();
    while let Some(error) = source {
        kinds.extend(error.downcast_ref::<std::io::Error>().map(std::io::Error::kind));
        source = error.source();
    }
    assert!(kinds.contains(&std::io::ErrorKind::ConnectionReset), "{kinds:?}");
    assert!(emulator.list(BUCKET, "").await.unwrap().is_empty());
    assert_eq!(emulator.counters().resets, 1);
}

#[tokio::test]
async fn latency_delays_matching_requests_only() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let on = puts().with_key_containing("slow");
    let latency = Duration::from_millis(200);
    let fault = emulator.faults().inject(on, Fault::Latency(latency), Occurrence::Always);

    let start = Instant::now();
    put(&client, "slow/1", "1").await;
    assert!(start.elapsed() >= latency);
    put(&client, "fast/1", "1").await;
    assert_eq!(fault.hits(), 1);
}

#[tokio::test]
async fn any_refusal_can_be_injected() {
    let emulator = emulator().await;
    let denied = Fault::Refuse { status: 403, code: "AccessDenied".to_owned() };
    let fault = emulator.faults().inject(RequestMatch::any(), denied, Occurrence::Always);
    let put = put_create_only(&client(&emulator), "k", "1").await.unwrap_err();
    assert_eq!(put.code(), Some("AccessDenied"));
    fault.remove();
    put_create_only(&client(&emulator), "k", "1").await.unwrap();
}

#[tokio::test]
async fn a_put_is_held_after_it_is_carried_out_and_its_client_may_die() {
    let emulator = emulator().await;
    let hold = emulator.faults().hold_after_put();
    let client = client(&emulator);
    let put = tokio::spawn({
        let client = client.clone();
        async move { put_create_only(&client, "k", "1").await.map(|_| ()) }
    });

    let held = hold.held().await;
    assert_eq!((held.bucket.as_deref(), held.key.as_deref()), (Some(BUCKET), Some("k")));
    assert_eq!(read(&client, "k").await, "1");
    put.abort();
    assert!(put.await.unwrap_err().is_cancelled());
    hold.release();
    assert_refused(put_create_only(&client, "k", "2").await, 409, "FileAlreadyExists");
}

#[tokio::test]
async fn a_held_put_answers_when_it_is_released() {
    let emulator = emulator().await;
    let hold = emulator.faults().hold_after_put();
    let client = client(&emulator);
    let put = tokio::spawn(async move { put_create_only(&client, "k", "1").await.map(|_| ()) });
    hold.held().await;
    assert!(!put.is_finished());
    hold.release();
    put.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_put_held_before_lands_when_released_although_its_client_is_gone() {
    let emulator = emulator().await;
    let hold = emulator.faults().hold_before(puts().in_bucket(BUCKET));
    let zombie = client(&emulator);
    let put = tokio::spawn(async move { put_create_only(&zombie, "k", "late").await.map(|_| ()) });
    hold.held().await;
    assert!(emulator.list(BUCKET, "").await.unwrap().is_empty());
    put.abort();
    assert!(put.await.unwrap_err().is_cancelled());

    hold.release();
    let mut counters = emulator.watch_counters();
    counters.wait_for(|counters| counters.puts_stored == 1).await.unwrap();
    assert_eq!(&emulator.get(BUCKET, "k").await.unwrap().body[..], b"late");
}

#[tokio::test]
async fn stopping_abandons_held_requests() {
    let emulator = emulator().await;
    let hold = emulator.faults().hold_before(puts());
    let client = client(&emulator);
    let put = tokio::spawn(async move { put_create_only(&client, "k", "1").await.map(|_| ()) });
    hold.held().await;
    emulator.stop().await;
    assert!(matches!(put.await.unwrap(), Err(SdkError::DispatchFailure(_))));
}

#[tokio::test]
async fn the_log_tells_operations_and_outcomes_in_order() {
    let emulator = emulator().await;
    let client = client(&emulator);
    put_create_only(&client, "k", "123").await.unwrap();
    client.head_object().bucket(BUCKET).key("k").send().await.unwrap();
    let get = client.get_object().bucket(BUCKET).key("absent").send().await;
    assert_refused(get, 404, "NoSuchKey");

    let log: Vec<_> = emulator
        .requests()
        .into_iter()
        .map(|request| (request.operation, request.body_len, request.outcome))
        .collect();
    let answered = |status, error_code: Option<&str>| Outcome::Answered {
        status,
        error_code: error_code.map(str::to_owned),
    };
    assert_eq!(
        log,
        [
            (Operation::PutObject, 3, answered(200, None)),
            (Operation::HeadObject, 0, answered(200, None)),
            (Operation::GetObject, 0, answered(404, Some("NoSuchKey"))),
        ]
    );
    let counters = emulator.counters();
    assert_eq!((counters.requests, counters.heads, counters.refused), (3, 1, 1));
}
