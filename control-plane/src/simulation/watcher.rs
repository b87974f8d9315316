//! Somebody who watches: whatever was missed meanwhile, what is shown in the end is what
//! there is, and no connector goes back.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::connector_service_server::ConnectorService;
use kafka2oss_proto::v1::watch_connectors_response::Event;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tonic::Request;

use super::durable::revision;
use super::world::{Outcome, World};
use crate::tasks;

/// A watcher, and what it was shown.
#[derive(Debug)]
pub(super) struct Watcher {
    world: Arc<World>,
    id: String,
    parent: String,
    shown: Mutex<BTreeMap<String, v1::Connector>>,
}

impl Watcher {
    pub(super) fn start(world: &Arc<World>, id: &str, parent: &str) -> Arc<Self> {
        let watcher = Arc::new(Self {
            world: Arc::clone(world),
            id: id.to_owned(),
            parent: parent.to_owned(),
            shown: Mutex::default(),
        });
        world.spawn(Arc::clone(&watcher).run());
        watcher
    }

    /// What it was shown last.
    pub(super) fn shown(&self) -> MutexGuard<'_, BTreeMap<String, v1::Connector>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(self: Arc<Self>) {
        let mut token = String::new();
        let mut revisions = HashMap::new();
        loop {
            if let Some(mut events) = self.open(&token).await {
                while let Some(response) = events.recv().await {
                    if !response.resume_token.is_empty() {
                        token.clone_from(&response.resume_token);
                    }
                    self.take(response.event, &mut revisions);
                }
            }
            sleep(self.world.within(100, 2_000)).await;
        }
    }

    fn take(&self, event: Option<Event>, revisions: &mut HashMap<String, u64>) {
        match event {
            Some(Event::Upsert(connector)) => {
                self.world.check_shown(&self.id, &connector);
                let shown = revision(&connector);
                let last = revisions.entry(connector.uid.clone()).or_default();
                assert!(
                    shown >= *last,
                    "{} is shown revision {shown} of {} after {last}",
                    self.id,
                    connector.name
                );
                *last = shown;
                let state = connector.status.as_ref().map(v1::ConnectorStatus::state);
                let line = format!("{} {} {state:?}", connector.name, connector.generation);
                self.world.note(&self.id, line);
                self.shown().insert(connector.name.clone(), connector);
            }
            Some(Event::Deleted(v1::ConnectorDeleted { name, uid, .. })) => {
                self.world.note(&self.id, format_args!("{name} is gone"));
                let mut shown = self.shown();
                if shown.get(&name).is_some_and(|connector| connector.uid == uid) {
                    shown.remove(&name);
                }
            }
            Some(Event::Reset(())) => {
                self.world.note(&self.id, "reset");
                self.shown().clear();
            }
            Some(Event::Synced(()) | Event::Heartbeat(())) | None => {}
        }
    }

    /// Opens a watch that goes on after `token`; none where that does not work.
    async fn open(&self, token: &str) -> Option<mpsc::Receiver<v1::WatchConnectorsResponse>> {
        let request = v1::WatchConnectorsRequest {
            parent: self.parent.clone(),
            resume_token: token.to_owned(),
            ..v1::WatchConnectorsRequest::default()
        };
        let (sender, receiver) = mpsc::channel(4);
        let open = |life: super::world::Life| async move {
            let stream = life.connectors.watch_connectors(Request::new(request)).await?;
            let mut stream = stream.into_inner();
            let process = life.process.clone();
            let forward = async move {
                while let Some(Ok(response)) = stream.next().await {
                    if sender.send(response).await.is_err() {
                        return;
                    }
                }
            };
            tasks::spawn(async move {
                tokio::select! {
                    biased;
                    () = process.killed() => {}
                    () = forward => {}
                }
            });
            Ok(tonic::Response::new(()))
        };
        match self.world.call(open).await {
            Outcome::Answered(Ok(())) => Some(receiver),
            Outcome::Answered(Err(_)) | Outcome::Lost => None,
        }
    }
}
