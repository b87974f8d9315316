//! What a deleted connector had is removed while the control plane still wants it, and not
//! when the agent comes to it late.

use kafka2oss_proto::agent::v1::{command, command_result};

use super::*;

/// Removes the topic and the group of the connector `c` of this uid.
fn removal(id: &str, uid: &str) -> connect_response::Message {
    let topic =
        agent::v1::TopicRemoval { topic: "connect-offset-c".to_owned(), only_if_empty: false };
    let removal = agent::v1::RemoveResources {
        connector: connector_name("c").to_string(),
        uid: uid.to_owned(),
        instance: wire("c", &[]).instance,
        topics: vec![topic],
        groups: vec!["connect-c".to_owned()],
    };
    connect_response::Message::Command(agent::v1::Command {
        id: id.to_owned(),
        timeout: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
        command: Some(command::Command::RemoveResources(removal)),
    })
}

/// The result of this command: what was removed, or the code of the first problem.
async fn result(stream: &mut Stream, id: &str) -> Result<Vec<String>, String> {
    let result = stream
        .until("a result", |message| match message {
            connect_request::Message::CommandResult(result) if result.id == id => result.result,
            _ => None,
        })
        .await;
    match result {
        command_result::Result::Problem(problem) => Err(problem.code),
        command_result::Result::RemoveResources(result) => {
            result.problems.first().map_or(Ok(result.removed), |problem| Err(problem.code.clone()))
        }
        other => panic!("{other:?}"),
    }
}

async fn with_kafka(control_plane: &ControlPlane) -> (Bench, Arc<FakeKafka>) {
    let bench = start(options(&control_plane.url())).await;
    let kafka = Arc::<FakeKafka>::default();
    *bench.admins.kafka.lock().expect("no test panics here") = Some(Arc::clone(&kafka));
    (bench, kafka)
}

#[tokio::test]
async fn a_removal_waits_until_the_control_plane_was_heard_after_it() {
    let mut control_plane = ControlPlane::start();
    let (_bench, kafka) = with_kafka(&control_plane).await;
    let mut stream = control_plane.welcomed().await;
    stream.send(removal("a", "uid-c")).await;
    let asked = stream.request().await;
    // A list that was on its way before says nothing.
    stream.assign(vec![]).await;
    assert_eq!(kafka.deleted(), [""; 0]);

    stream.assign_answering(asked, vec![]).await;
    let removed = ["connect-offset-c", "connect-c"].map(str::to_owned);
    assert_eq!(result(&mut stream, "a").await, Ok(removed.to_vec()));
    assert_eq!(kafka.deleted(), removed);
}

/// As one that an agent reads from its socket after it was frozen: meanwhile another agent
/// has removed all, and the connector may have been made anew.
#[tokio::test]
async fn a_removal_that_came_on_a_stream_that_has_ended_is_not_carried_out() {
    let mut control_plane = ControlPlane::start();
    let (_bench, kafka) = with_kafka(&control_plane).await;
    let mut stream = control_plane.welcomed().await;
    stream.send(removal("late", "uid-c")).await;
    let asked = stream.request().await;
    control_plane.go_away();
    drop(stream);

    control_plane.come_back();
    let mut stream = control_plane.welcomed().await;
    assert_eq!(result(&mut stream, "late").await, Err("AGENT_TIMEOUT".to_owned()));
    stream.assign_answering(asked, vec![]).await;
    assert_eq!(kafka.deleted(), [""; 0]);

    stream.send(removal("again", "uid-c")).await;
    let asked = stream.request().await;
    stream.assign_answering(asked, vec![]).await;
    assert!(result(&mut stream, "again").await.is_ok());
    assert_eq!(kafka.deleted(), ["connect-offset-c", "connect-c"]);
}

#[tokio::test]
async fn what_an_assignment_of_another_connector_names_is_not_removed() {
    let mut control_plane = ControlPlane::start();
    let (_bench, kafka) = with_kafka(&control_plane).await;
    let mut stream = control_plane.welcomed().await;
    stream.send(removal("a", "uid-before")).await;
    let asked = stream.request().await;
    // The same name, made anew.
    stream.assign_answering(asked, vec![wire("c", &[0])]).await;
    assert_eq!(result(&mut stream, "a").await, Err("WRONG_STATE".to_owned()));
    assert_eq!(kafka.deleted(), [""; 0]);

    // On other brokers the same names are other topics.
    let mut elsewhere = wire("c", &[0]);
    let instance = elsewhere.instance.as_mut().expect("an instance");
    instance.name = "instances/other".to_owned();
    instance.bootstrap_servers = vec!["elsewhere:9092".to_owned()];
    stream.send(removal("b", "uid-before")).await;
    let asked = stream.request().await;
    stream.assign_answering(asked, vec![elsewhere]).await;
    assert!(result(&mut stream, "b").await.is_ok());
}
