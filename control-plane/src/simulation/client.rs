//! A simulated user of one connector: whatever was answered must stay, whatever was lost
//! either happened or did not, and what is shown is one of both.

use std::sync::Arc;

use kafka2oss_proto::v1;
use kafka2oss_proto::v1::connector_service_server::ConnectorService;
use tokio::time::sleep;
use tonic::{Code, Request, Status};

use super::world::{Outcome, World};

/// The instance of all connectors.
pub(super) const INSTANCE: &str = "instances/i";

/// What is known of a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// There is none.
    Absent,
    /// It is as it was answered.
    There { uid: String, generation: u64, desired: v1::DesiredState, color: String, spread: u32 },
}

/// What a user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Create,
    Deploy,
    Pause,
    Resume,
    Color(u8),
    /// So many tasks.
    Spread(u32),
    /// Starts elsewhere.
    Reset,
    Delete {
        orphan_resources: bool,
    },
}

/// A user, and the connector that is the user's own.
pub(super) struct Client {
    world: Arc<World>,
    id: String,
    name: String,
    known: Known,
    /// Makes request ids.
    creations: u32,
}

impl Client {
    pub(super) fn new(world: &Arc<World>, id: &str) -> Self {
        Self {
            world: Arc::clone(world),
            id: id.to_owned(),
            name: format!("{INSTANCE}/connectors/{id}"),
            known: Known::Absent,
            creations: 0,
        }
    }

    /// Asks for one thing after the other until the faults are over. Returns what the user
    /// knows then.
    pub(super) async fn run(mut self) -> (String, Known) {
        while !self.world.is_calm() {
            sleep(self.world.within(0, 4_000)).await;
            let wish = self.wish();
            self.ask(wish).await;
            if self.world.once_in(3) {
                self.look().await;
            }
        }
        self.look().await;
        (self.name, self.known)
    }

    /// Creates the connector and deploys it. Returns what the user knows then.
    pub(super) async fn deploy(mut self) -> (String, Known) {
        while self.known == Known::Absent {
            self.ask(Wish::Create).await;
        }
        let is_created = |known: &Known| {
            matches!(known, Known::There { desired: v1::DesiredState::Created, .. })
        };
        while is_created(&self.known) {
            self.ask(Wish::Deploy).await;
        }
        (self.name, self.known)
    }

    fn wish(&self) -> Wish {
        use v1::DesiredState::{Created, Deleted, Paused, Running};
        let chance = self.world.chance().u8(..12);
        let Known::There { desired, .. } = &self.known else { return Wish::Create };
        match (desired, chance) {
            (Deleted, _) | (_, 0) => Wish::Delete { orphan_resources: chance.is_multiple_of(4) },
            (_, 1 | 2) => Wish::Color(chance),
            (_, 3 | 4) => Wish::Spread(u32::from(chance) - 2),
            (Paused, 5 | 6) => Wish::Reset,
            (Created, _) => Wish::Deploy,
            (Running, _) => Wish::Pause,
            (Paused, _) => Wish::Resume,
            _ => Wish::Deploy,
        }
    }

    /// Asks for it, and finds out what became of it.
    async fn ask(&mut self, wish: Wish) {
        if wish == Wish::Create {
            self.creations += 1;
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let outcome = self.send(wish).await;
            match outcome {
                Outcome::Answered(Ok(shown)) => {
                    self.world.note(&self.id, format_args!("{wish:?} -> {}", brief(&shown)));
                    self.world.check_shown(&self.id, &shown);
                    let after = self.after(wish, &shown.uid);
                    let known = known(&shown);
                    assert!(
                        after.contains(&known),
                        "{} asked for {wish:?} with {:?} and got {known:?}",
                        self.name,
                        self.known
                    );
                    self.known = known;
                    return;
                }
                Outcome::Answered(Err(status)) if is_failure(&status) => {
                    self.world.note(&self.id, format_args!("{wish:?} -> {:?}", status.code()));
                }
                Outcome::Answered(Err(status)) => {
                    self.world.note(&self.id, format_args!("{wish:?} -> {status}"));
                    return self.settle(wish).await;
                }
                Outcome::Lost => self.world.note(&self.id, format_args!("{wish:?} -> lost")),
            }
            // A creation has a request id, and may be repeated.
            if wish != Wish::Create || tries == 3 || self.world.once_in(2) {
                return self.settle(wish).await;
            }
            sleep(self.world.within(500, 3_000)).await;
        }
    }

    /// Looks whether something that was not answered happened.
    async fn settle(&mut self, wish: Wish) {
        let shown = self.get().await;
        let now = shown.as_ref().map_or(Known::Absent, known);
        let uid = shown.as_ref().map_or("", |shown| &shown.uid);
        let after = self.after(wish, uid);
        assert!(
            now == self.known || after.contains(&now) || self.may_be_gone(&now),
            "{} was {:?}, {wish:?} was asked for, and it is {now:?}",
            self.name,
            self.known
        );
        self.known = now;
    }

    /// Looks whether all is as it was answered.
    async fn look(&mut self) {
        let shown = self.get().await;
        let now = shown.as_ref().map_or(Known::Absent, known);
        assert!(
            now == self.known || self.may_be_gone(&now),
            "{} is shown as {now:?}, and was {:?}",
            self.name,
            self.known
        );
        self.known = now;
    }

    async fn get(&self) -> Option<v1::Connector> {
        loop {
            let name = self.name.clone();
            let get = |life: super::world::Life| async move {
                life.connectors.get_connector(Request::new(v1::GetConnectorRequest { name })).await
            };
            match self.world.call(get).await {
                Outcome::Answered(Ok(shown)) => {
                    self.world.note(&self.id, format_args!("get -> {}", brief(&shown)));
                    self.world.check_shown(&self.id, &shown);
                    return Some(shown);
                }
                Outcome::Answered(Err(status)) if status.code() == Code::NotFound => {
                    self.world.note(&self.id, "get -> not found");
                    return None;
                }
                Outcome::Answered(Err(status)) => {
                    assert!(is_failure(&status), "{status}");
                }
                Outcome::Lost => {}
            }
            sleep(self.world.within(100, 1_000)).await;
        }
    }

    /// Whether a deletion that was asked for has come to its end.
    fn may_be_gone(&self, now: &Known) -> bool {
        let deleted = v1::DesiredState::Deleted;
        *now == Known::Absent
            && matches!(&self.known, Known::There { desired, .. } if *desired == deleted)
    }

    /// How the connector may be once the wish is carried out.
    fn after(&self, wish: Wish, new_uid: &str) -> Vec<Known> {
        let Known::There { uid, generation, desired, color, spread } = self.known.clone() else {
            let (uid, color) = (new_uid.to_owned(), "none".to_owned());
            let desired = v1::DesiredState::Created;
            let made = Known::There { uid, generation: 1, desired, color, spread: 1 };
            return (wish == Wish::Create).then_some(made).into_iter().collect();
        };
        let there = |generation, desired, color: String, spread| {
            let uid = uid.clone();
            Known::There { uid, generation, desired, color, spread }
        };
        let next = |desired| there(generation + 1, desired, color.clone(), spread);
        match wish {
            Wish::Create => Vec::new(),
            Wish::Deploy | Wish::Resume => vec![next(v1::DesiredState::Running)],
            Wish::Pause => vec![next(v1::DesiredState::Paused)],
            Wish::Color(color) => vec![there(generation, desired, color.to_string(), spread)],
            Wish::Spread(wanted) if wanted == spread => vec![self.known.clone()],
            Wish::Spread(wanted) => vec![there(generation + 1, desired, color.clone(), wanted)],
            // One that waits to be carried out is the same.
            Wish::Reset => vec![next(desired), self.known.clone()],
            Wish::Delete { .. } => {
                let deleted = v1::DesiredState::Deleted;
                let mut after = vec![next(deleted), Known::Absent];
                if desired == deleted {
                    after.push(self.known.clone());
                }
                after
            }
        }
    }

    async fn send(&self, wish: Wish) -> Outcome<v1::Connector> {
        let (name, id) = (self.name.clone(), self.id.clone());
        let request_id = format!("{id}-{}", self.creations);
        self.world
            .call(move |life| async move {
                let service = life.connectors;
                match wish {
                    Wish::Create => service.create_connector(creation(id, request_id)).await,
                    Wish::Deploy => {
                        let request = v1::DeployConnectorRequest { name };
                        service.deploy_connector(Request::new(request)).await
                    }
                    Wish::Pause => {
                        let request = v1::PauseConnectorRequest { name };
                        service.pause_connector(Request::new(request)).await
                    }
                    Wish::Resume => {
                        let request = v1::ResumeConnectorRequest { name };
                        service.resume_connector(Request::new(request)).await
                    }
                    Wish::Color(color) => {
                        let labels = labels(&color.to_string());
                        let connector = v1::Connector { labels, ..v1::Connector::default() };
                        service.update_connector(update(name, connector, "labels")).await
                    }
                    Wish::Spread(spread) => {
                        let source = Some(v1::KafkaSource {
                            spread: Some(spread),
                            ..v1::KafkaSource::default()
                        });
                        let spec = Some(v1::ConnectorSpec { source, ..Default::default() });
                        let connector = v1::Connector { spec, ..v1::Connector::default() };
                        let path = "spec.source.spread";
                        service.update_connector(update(name, connector, path)).await
                    }
                    Wish::Reset => {
                        let to = Some(v1::offset_reset::To::Earliest(()));
                        let reset = Some(v1::OffsetReset { to });
                        let request = v1::ResetOffsetsRequest { name, reset, etag: String::new() };
                        service.reset_offsets(Request::new(request)).await
                    }
                    Wish::Delete { orphan_resources } => {
                        let request = v1::DeleteConnectorRequest {
                            name,
                            orphan_resources,
                            ..v1::DeleteConnectorRequest::default()
                        };
                        service.delete_connector(Request::new(request)).await
                    }
                }
            })
            .await
    }
}

/// The process could not do it, and says that it may be asked again.
fn is_failure(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::Internal)
}

fn known(shown: &v1::Connector) -> Known {
    Known::There {
        uid: shown.uid.clone(),
        generation: shown.generation,
        desired: shown.desired_state(),
        color: shown.labels.get("color").cloned().unwrap_or_default(),
        spread: spread(shown),
    }
}

/// How many tasks a connector should have.
pub(super) fn spread(shown: &v1::Connector) -> u32 {
    let source = shown.spec.as_ref().and_then(|spec| spec.source.as_ref());
    source.and_then(|source| source.spread).unwrap_or(1)
}

fn brief(shown: &v1::Connector) -> String {
    let state = shown.status.as_ref().map(v1::ConnectorStatus::state);
    format!("{} {} {:?} {state:?}", shown.uid, shown.generation, shown.desired_state())
}

fn labels(color: &str) -> std::collections::BTreeMap<String, String> {
    [("color".to_owned(), color.to_owned())].into()
}

fn creation(id: String, request_id: String) -> Request<v1::CreateConnectorRequest> {
    let environment = |name: &str| {
        let source = v1::secret::Source::Environment(name.to_owned());
        Some(v1::Secret { source: Some(source) })
    };
    let key = v1::AccessKey {
        id: environment("KEY_ID"),
        secret: environment("KEY_SECRET"),
        session_token: None,
    };
    let spec = v1::ConnectorSpec {
        source: Some(v1::KafkaSource {
            topic: format!("{id}-input"),
            spread: Some(1),
            ..v1::KafkaSource::default()
        }),
        destination: Some(v1::ObjectStoreDestination {
            bucket: "bucket-test".to_owned(),
            credentials: Some(v1::StoreCredentials {
                kind: Some(v1::store_credentials::Kind::AccessKey(key)),
            }),
            ..v1::ObjectStoreDestination::default()
        }),
        ..v1::ConnectorSpec::default()
    };
    let connector =
        v1::Connector { spec: Some(spec), labels: labels("none"), ..v1::Connector::default() };
    Request::new(v1::CreateConnectorRequest {
        parent: INSTANCE.to_owned(),
        connector_id: id,
        connector: Some(connector),
        request_id,
        ..v1::CreateConnectorRequest::default()
    })
}

fn update(
    name: String,
    connector: v1::Connector,
    path: &str,
) -> Request<v1::UpdateConnectorRequest> {
    let paths = vec![path.to_owned()];
    Request::new(v1::UpdateConnectorRequest {
        connector: Some(v1::Connector { name, ..connector }),
        update_mask: Some(prost_types::FieldMask { paths }),
    })
}
