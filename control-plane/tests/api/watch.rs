//! WatchConnectors: snapshot, changes, resume, RESET.

use std::collections::BTreeMap;

use kafka2oss_proto::v1;
use kafka2oss_proto::v1::watch_connectors_response::Event;
use tonic::Code;

use crate::server::{INSTANCE, PATIENCE, Server, reason};

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

fn dropped(connector: v1::Connector, reason: v1::DropReason) -> Event {
    let v1::Connector { name, uid, .. } = connector;
    Event::Deleted(v1::ConnectorDeleted { name, uid, reason: reason.into() })
}

async fn watch_filtered(
    server: &mut Server,
    filter: &str,
    resume_token: &str,
) -> Result<Events, tonic::Status> {
    let request = v1::WatchConnectorsRequest {
        parent: INSTANCE.to_owned(),
        filter: filter.to_owned(),
        resume_token: resume_token.to_owned(),
        ..Default::default()
    };
    Ok(server.connectors.watch_connectors(request).await?.into_inner())
}

#[tokio::test]
async fn a_watch_with_a_filter_drops_a_connector_that_it_does_not_mean_any_more() {
    let mut server = Server::with_instance().await;
    let first = server.create("a").await;
    let mut events = watch_filtered(&mut server, "state = CREATED", "").await.expect("a stream");
    assert_eq!(upsert(&mut events).await.1.name, first.name);
    let (token, synced) = next(&mut events).await;
    assert_eq!(synced, Event::Synced(()));

    server.deploy(&first.name).await;
    assert_eq!(next(&mut events).await.1, dropped(first.clone(), v1::DropReason::Filtered));
    let second = server.create("b").await;
    assert_eq!(upsert(&mut events).await.1.name, second.name, "nothing more was told of the first");

    // Whoever goes on after a token may have what is not meant any more.
    let mut again = watch_filtered(&mut server, "state = CREATED", &token).await.expect("a stream");
    assert_eq!(next(&mut again).await.1, Event::Synced(()));
    let mut told = [next(&mut again).await.1, next(&mut again).await.1];
    told.sort_by_key(|event| matches!(event, Event::Upsert(_)));
    assert_eq!(told[0], dropped(first, v1::DropReason::Filtered));
    let mut other = watch_filtered(&mut server, "state = PAUSED", &token).await.expect("a stream");
    assert_eq!(next(&mut other).await.1, Event::Reset(()), "the token is of another filter");
}

#[tokio::test]
async fn one_connector_is_watched_by_its_id() {
    let mut server = Server::with_instance().await;
    server.create("a").await;
    let mut events = watch_filtered(&mut server, "id = b", "").await.expect("a stream");
    assert_eq!(next(&mut events).await.1, Event::Synced(()));
    let name = server.create("b").await.name;
    assert_eq!(upsert(&mut events).await.1.name, name);
    let status = watch_filtered(&mut server, "id =", "").await.expect_err("refused");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "EXPRESSION_INVALID")
    );
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
    assert_eq!(event, dropped(first, v1::DropReason::Deleted));
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

/// What a client makes of a watch: uid and generation by name.
#[derive(Default)]
struct Picture {
    connectors: BTreeMap<String, (String, i64)>,
    resets: u32,
}

impl Picture {
    fn take(&mut self, event: Event) {
        match event {
            Event::Upsert(connector) => {
                let told = (connector.uid, connector.generation);
                self.connectors.insert(connector.name, told);
            }
            Event::Deleted(gone) => {
                if self.connectors.get(&gone.name).is_some_and(|(uid, _)| *uid == gone.uid) {
                    self.connectors.remove(&gone.name);
                }
            }
            Event::Reset(()) => {
                self.connectors.clear();
                self.resets += 1;
            }
            Event::Synced(()) | Event::Heartbeat(()) => {}
        }
    }

    /// Reads on until it is as `wanted` says.
    async fn until(&mut self, events: &mut Events, wanted: impl Fn(&Self) -> bool) {
        while !wanted(self) {
            let (_, event) = next(events).await;
            self.take(event);
        }
    }
}

fn is(connector: &v1::Connector) -> (String, (String, i64)) {
    (connector.name.clone(), (connector.uid.clone(), connector.generation))
}

async fn delete(server: &mut Server, name: &str) {
    let request = v1::DeleteConnectorRequest { name: name.to_owned(), ..Default::default() };
    server.connectors.delete_connector(request).await.expect("deleted");
}

#[tokio::test]
async fn what_changes_during_a_snapshot_is_neither_missed_nor_told_as_it_was() {
    let mut server = Server::with_instance().await;
    let mut last = BTreeMap::new();
    for number in 0..300 {
        let connector = server.create(&format!("c{number:03}")).await;
        last.extend([is(&connector)]);
    }
    let mut events = server.watch("").await;
    let mut picture = Picture::default();
    picture.until(&mut events, |picture| !picture.connectors.is_empty()).await;
    // Connectors that were told and such that were not: one that changes, one that
    // goes, one that comes again, one that is new.
    for id in ["c000", "c299"] {
        let changed = server.deploy(&format!("{INSTANCE}/connectors/{id}")).await;
        last.extend([is(&changed)]);
    }
    for id in ["c001", "c298", "c002", "c297"] {
        let name = format!("{INSTANCE}/connectors/{id}");
        delete(&mut server, &name).await;
        last.remove(&name);
    }
    for id in ["c002", "c297", "a", "z"] {
        last.extend([is(&server.create(id).await)]);
    }
    picture.until(&mut events, |picture| picture.connectors == last).await;
    assert_eq!(picture.resets, 0);
}

#[tokio::test]
async fn a_connector_that_comes_again_under_its_name_is_another_one() {
    let mut server = Server::with_instance().await;
    let first = server.create("a").await;
    let mut events = server.watch("").await;
    upsert(&mut events).await;
    next(&mut events).await;
    delete(&mut server, &first.name).await;
    let second = server.create("a").await;
    let (_, gone) = next(&mut events).await;
    assert_eq!(gone, dropped(first, v1::DropReason::Deleted));
    assert_eq!(upsert(&mut events).await.1.uid, second.uid);
}

#[tokio::test]
async fn a_watcher_that_never_reads_is_nothing_to_those_who_do() {
    let mut server = Server::with_instance().await;
    let name = server.create("a").await.name;
    server.deploy(&name).await;
    let mut unread = Vec::new();
    for _ in 0..20 {
        unread.push(server.watch("").await);
    }
    let mut quick = server.watch("").await;
    let mut picture = Picture::default();
    for _ in 0..50 {
        let paused = server.pause(&name).await.expect("accepted");
        let resumed = server.resume(&name).await.expect("accepted");
        assert_eq!(paused.generation + 1, resumed.generation);
        let told = (resumed.uid, resumed.generation);
        picture.until(&mut quick, |picture| picture.connectors.get(&name) == Some(&told)).await;
    }
    let told = picture.connectors.clone();
    // Each of them learns it in the end, and not by beginning anew.
    for mut events in unread {
        let mut picture = Picture::default();
        picture.until(&mut events, |picture| picture.connectors == told).await;
        assert_eq!(picture.resets, 0);
    }
}

#[tokio::test]
async fn many_who_watch_see_the_same() {
    let mut server = Server::with_instance().await;
    let mut last: BTreeMap<_, _> = BTreeMap::new();
    for number in 0..100 {
        last.extend([is(&server.create(&format!("c{number}")).await)]);
    }
    let mut watchers = Vec::new();
    for _ in 0..50 {
        let mut events = server.watch("").await;
        let expected = last.clone();
        watchers.push(tokio::spawn(async move {
            let mut picture = Picture::default();
            picture.until(&mut events, |picture| picture.connectors == expected).await;
            (events, picture)
        }));
    }
    let mut pictures = Vec::new();
    for watcher in watchers {
        pictures.push(watcher.await.expect("no panic"));
    }
    last.extend([is(&server.create("new").await)]);
    for (mut events, mut picture) in pictures {
        picture.until(&mut events, |picture| picture.connectors == last).await;
        assert_eq!(picture.resets, 0);
    }
}

#[tokio::test]
async fn watches_beyond_the_limit_are_refused_and_one_that_ends_makes_room() {
    let mut server = Server::start_with(|options| options.max_watches_of_peer = 2).await;
    let first = server.watch("").await;
    let _second = server.watch("").await;
    let request =
        v1::WatchConnectorsRequest { parent: "instances/-".to_owned(), ..Default::default() };
    let refused = server.connectors.watch_connectors(request.clone()).await.expect_err("refused");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(reason(&refused), "TOO_MANY_WATCHES");
    drop(first);
    let again = async {
        // The server learns a moment later that the first one has ended.
        while server.connectors.watch_connectors(request.clone()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("taken in time");
}
