//! WatchConnectors: a snapshot, then every change.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use kafka2oss_proto::names::InstanceName;
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::watch_connectors_response::Event as Told;
use kafka2oss_proto::violation::Violations;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::error::ApiError;
use super::{request, stream};
use crate::core::Core;
use crate::observe::events::{Event, Lost, Position};

/// Messages that wait for the watcher. Further ones are not made before it
/// takes these.
const WAITING: usize = 16;
/// A watcher hears something this often at least.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Opens a watch.
pub(super) fn watch(
    core: Arc<Core>,
    request: v1::WatchConnectorsRequest,
) -> Result<impl Stream<Item = Result<v1::WatchConnectorsResponse, Status>> + Send, ApiError> {
    let v1::WatchConnectorsRequest { parent, resume_token, include_partitions } = request;
    let mut violations = Violations::new();
    let parent = request::parent(&parent, &mut violations);
    violations.into_result(()).map_err(ApiError::Invalid)?;
    if let Some(instance) = &parent {
        request::instance(&core, instance)?;
    }
    let (sender, receiver) = mpsc::channel(WAITING);
    let watcher = Watcher { core, parent, partitions: include_partitions, sender: sender.clone() };
    tokio::spawn(stream::to_its_end("a watch", watcher.run(resume_token), sender));
    Ok(ReceiverStream::new(receiver))
}

struct Watcher {
    core: Arc<Core>,
    parent: Option<InstanceName>,
    partitions: bool,
    sender: mpsc::Sender<Result<v1::WatchConnectorsResponse, Status>>,
}

/// The watcher takes no more.
struct Gone;

impl Watcher {
    async fn run(self, token: String) {
        // Both ways out are the end of the stream: the watcher has gone, or
        // the process stops.
        tokio::select! {
            _ = self.tell(&token) => {}
            () = self.core.stop.cancelled() => {}
            () = self.sender.closed() => {}
        }
    }

    async fn tell(&self, token: &str) -> Result<(), Gone> {
        let mut end = self.core.events.follow();
        let mut position = if token.is_empty() {
            self.snapshot().await?
        } else {
            match self.core.events.resume(token) {
                Ok(position) => {
                    self.send(Some(position), Told::Synced(())).await?;
                    position
                }
                Err(Lost) => self.start_again().await?,
            }
        };
        loop {
            end.borrow_and_update();
            position = match self.core.events.after(position) {
                Ok(events) => self.changes(events, position).await?,
                Err(Lost) => self.start_again().await?,
            };
            match tokio::time::timeout(HEARTBEAT, end.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Ok(()),
                Err(_) => self.send(Some(position), Told::Heartbeat(())).await?,
            }
        }
    }

    async fn start_again(&self) -> Result<Position, Gone> {
        self.send(None, Told::Reset(())).await?;
        self.snapshot().await
    }

    /// Sends every connector; what changes meanwhile comes after it.
    async fn snapshot(&self) -> Result<Position, Gone> {
        let position = self.core.events.end();
        let records = match &self.parent {
            Some(instance) => self.core.catalog.connectors_of(instance),
            None => self.core.catalog.connectors(),
        };
        for record in records {
            let connector = self.core.shown(&record, self.partitions);
            self.send(None, Told::Upsert(connector)).await?;
        }
        self.send(Some(position), Told::Synced(())).await?;
        Ok(position)
    }

    /// Sends what changed. Of several changes of one connector the last is
    /// sent, with the connector as it is now.
    async fn changes(
        &self,
        events: Vec<(Position, Event)>,
        mut position: Position,
    ) -> Result<Position, Gone> {
        let last: HashMap<String, Position> =
            events.iter().map(|(position, event)| (event.name().to_owned(), *position)).collect();
        for (at, event) in events {
            let is_last = last.get(event.name()) == Some(&at);
            position = at;
            if !self.is_watched(event.name()) {
                continue;
            }
            match event {
                Event::Deleted { name, uid } => {
                    let deleted = v1::ConnectorDeleted { name, uid };
                    self.send(Some(at), Told::Deleted(deleted)).await?;
                }
                Event::Changed { name, uid } if is_last => {
                    let record = self.core.catalog.connector(&name);
                    // Otherwise its deletion follows.
                    if let Some(record) = record.filter(|record| record.uid() == uid) {
                        let connector = self.core.shown(&record, self.partitions);
                        self.send(Some(at), Told::Upsert(connector)).await?;
                    }
                }
                Event::Changed { .. } => {}
            }
        }
        Ok(position)
    }

    fn is_watched(&self, connector: &str) -> bool {
        self.parent.as_ref().is_none_or(|instance| {
            connector
                .strip_prefix(&instance.to_string())
                .is_some_and(|rest| rest.starts_with("/connectors/"))
        })
    }

    async fn send(&self, position: Option<Position>, event: Told) -> Result<(), Gone> {
        let token = position.map(|position| self.core.events.token(position));
        let response = v1::WatchConnectorsResponse {
            resume_token: token.unwrap_or_default(),
            event: Some(event),
        };
        self.sender.send(Ok(response)).await.map_err(|_| Gone)
    }
}
