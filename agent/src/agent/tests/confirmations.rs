//! A task that was fenced asks whether it is still this agent's.

use futures::FutureExt;
use futures::future::BoxFuture;

use super::*;

/// A question that has been asked by now.
fn question(bench: &Bench) -> BoxFuture<'static, ()> {
    let confirmations = bench.confirmations.clone();
    let mut question = async move { confirmations.confirm().await }.boxed();
    assert!(question.as_mut().now_or_never().is_none(), "nobody has answered");
    question
}

#[tokio::test]
async fn a_question_is_answered_when_a_list_that_was_asked_for_later_is_applied() {
    let mut control_plane = ControlPlane::start();
    let mut bench = start(options(&control_plane.url())).await;
    let mut stream = control_plane.welcomed().await;
    stream.assign(vec![wire("c", &[0])]).await;
    assert_eq!(bench.event().await, started("c/0"));

    let mut question = question(&bench);
    assert_eq!(stream.request().await, 1);
    stream.assign(vec![wire("c", &[0])]).await;
    assert!(question.as_mut().now_or_never().is_none(), "that list was on its way before");

    stream.assign_answering(1, vec![]).await;
    soon("the answer", question).await;
    // What the list took away has been told to stop by then.
    let event = bench.events.try_recv();
    assert_eq!(event, Ok(Event::Stopping("c/0".to_owned(), StopMode::Leave)));
}

#[tokio::test]
async fn what_was_asked_without_a_stream_is_asked_once_on_the_next() {
    let mut control_plane = ControlPlane::start();
    let bench = start(options(&control_plane.url())).await;
    let mut stream = control_plane.stream().await;
    let questions = [question(&bench), question(&bench), question(&bench)];
    stream.welcome("store").await;
    assert_eq!(stream.request().await, 3, "the latest stands for all");
    stream.assign_answering(3, vec![]).await;
    soon("the answers", futures::future::join_all(questions)).await;
}

#[tokio::test]
async fn what_a_lost_stream_has_not_answered_is_asked_again() {
    let mut control_plane = ControlPlane::start();
    let bench = start(options(&control_plane.url())).await;
    let mut stream = control_plane.welcomed().await;
    let mut question = question(&bench);
    assert_eq!(stream.request().await, 1);
    control_plane.go_away();
    drop(stream);

    control_plane.come_back();
    let mut stream = control_plane.welcomed().await;
    assert_eq!(stream.request().await, 1);
    // Its first list was made before.
    stream.assign(vec![]).await;
    assert!(question.as_mut().now_or_never().is_none());
    stream.assign_answering(1, vec![]).await;
    soon("the answer", question).await;
}

#[tokio::test]
async fn a_list_answers_nothing_that_was_not_asked_before() {
    let mut control_plane = ControlPlane::start();
    let bench = start(options(&control_plane.url())).await;
    let mut stream = control_plane.welcomed().await;
    stream.assign_answering(9, vec![]).await;
    let first = question(&bench);
    assert_eq!(stream.request().await, 1);
    stream.assign_answering(9, vec![]).await;
    soon("the answer", first).await;
    let _second = question(&bench);
}

#[tokio::test]
async fn a_control_plane_with_another_store_confirms_nothing() {
    let mut control_plane = ControlPlane::start();
    let mut bench = start(options(&control_plane.url())).await;
    let mut stream = control_plane.welcomed().await;
    stream.assign(vec![wire("c", &[0])]).await;
    assert_eq!(bench.event().await, started("c/0"));
    control_plane.go_away();
    drop(stream);

    control_plane.come_back();
    let mut stream = control_plane.stream().await;
    stream.welcome("foreign").await;
    let mut question = question(&bench);
    assert_eq!(stream.request().await, 1);
    stream.assign_answering(1, vec![wire("c", &[0])]).await;
    assert!(question.as_mut().now_or_never().is_none());
}
