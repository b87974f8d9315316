//! WatchConnectors: snapshot, changes, resume, RESET.

use kafka2oss_proto::v1;
use kafka2oss_proto::v1::watch_connectors_response::Event;

use crate::server::{INSTANCE, PATIENCE, Server};

type Events = tonic::Streaming<v1::WatchConnectorsResponse>;

async fn next(events: &mut Events) -> (String, Event) {
    let message = tokio::time::timeout(PATIENCE, events.message()).await.expect("in time");
    let response = message.expect("no error").expect("no end");
    (response.resume_token, response.event.expect("an event"))
}

async fn upsert(events: &mut Events) -> (String, v1::Connector) {
    match next(events).await {
        (token, Event::Upsert(connector)) => (token, connector),
        (_, other) => panic!("not an UPSERT: {other:?}"),
    }
}

#[tokio::test]
async fn a_watch_starts_with_a_snapshot_and_goes_on_with_changes() {
    let mut server = Server::with_instance().await;
    let first = server.create("a").await;
    let mut events = server.watch("").await;
    let (token, connector) = upsert(&mut events).await;
    assert_eq!((token.as_str(), connector.name.as_str()), ("", first.name.as_str()));
    let (token, synced) = next(&mut events).await;
    assert!(matches!(synced, Event::Synced(())) && !token.is_empty());

    let second = server.create("b").await;
    let (_, connector) = upsert(&mut events).await;
    assert_eq!(connector.uid, second.uid);
    let request = v1::DeleteConnectorRequest { name: first.name.clone(), ..Default::default() };
    server.connectors.delete_connector(request).await.expect("deleted");
    let (_, event) = next(&mut events).await;
    assert_eq!(event, Event::Deleted(v1::ConnectorDeleted { name: first.name, uid: first.uid }));
}

#[tokio::test]
async fn a_token_goes_on_where_it_was_given() {
    let mut server = Server::with_instance().await;
    server.create("a").await;
    let mut events = server.watch("").await;
    upsert(&mut events).await;
    let (token, _) = next(&mut events).await;
    drop(events);
    let missed = server.create("b").await;
    let mut events = server.watch(&token).await;
    let (_, synced) = next(&mut events).await;
    assert!(matches!(synced, Event::Synced(())));
    let (later, connector) = upsert(&mut events).await;
    assert_eq!(connector.uid, missed.uid);
    assert_ne!(later, token);
}

#[tokio::test]
async fn a_token_of_another_process_gives_a_reset_and_a_snapshot() {
    let mut server = Server::with_instance().await;
    server.create("a").await;
    let mut events = server.watch("").await;
    upsert(&mut events).await;
    let (token, _) = next(&mut events).await;
    drop(events);
    server.restart().await;
    for token in [token.as_str(), "nonsense"] {
        let mut events = server.watch(token).await;
        let (_, reset) = next(&mut events).await;
        assert!(matches!(reset, Event::Reset(())));
        upsert(&mut events).await;
        let (_, synced) = next(&mut events).await;
        assert!(matches!(synced, Event::Synced(())));
    }
}

#[tokio::test]
async fn a_watch_of_one_instance_sees_no_other() {
    let mut server = Server::with_instance().await;
    server.register("alikafka_10").await;
    let request = v1::WatchConnectorsRequest { parent: INSTANCE.to_owned(), ..Default::default() };
    let events = server.connectors.watch_connectors(request).await.expect("a stream");
    let mut events = events.into_inner();
    next(&mut events).await;
    let mut elsewhere = crate::server::creation("x");
    elsewhere.parent = "instances/alikafka_10".to_owned();
    server.connectors.create_connector(elsewhere).await.expect("created");
    let here = server.create("y").await;
    assert_eq!(upsert(&mut events).await.1.name, here.name);
}

#[tokio::test]
async fn a_watcher_that_reads_nothing_holds_up_nobody_and_misses_nothing_in_the_end() {
    let mut server = Server::with_instance().await;
    let mut lazy = server.watch("").await;
    let name = server.create("a").await.name;
    server.deploy(&name).await;
    // More changes than wait for a watcher.
    let mut client = server.connectors.clone();
    for _ in 0..100 {
        server.pause(&name).await.expect("accepted");
        server.resume(&name).await.expect("accepted");
    }
    let last = client
        .get_connector(v1::GetConnectorRequest { name: name.clone() })
        .await
        .expect("there")
        .into_inner();
    loop {
        if let (_, Event::Upsert(connector)) = next(&mut lazy).await
            && connector.generation == last.generation
        {
            break;
        }
    }
}
