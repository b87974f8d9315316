//! A simulated user of one connector: whatever was answered must stay, whatever was lost
//! either happened or did not, and what is shown is one of both.

use std::sync::Arc;

use kafka2oss_proto::v1;
use kafka2oss_proto::v1::connector_service_server::ConnectorService;
use tokio::time::{Instant, sleep};
use tonic::{Code, Request, Status};

use super::known::Known;
use super::outside;
use super::wish::{Wish, name_of};
use super::world::{Outcome, World};

/// The instance of all connectors.
pub(super) const INSTANCE: &str = "instances/i";

/// A user, and the connector that is the user's own.
pub(super) struct Client {
    world: Arc<World>,
    id: String,
    name: String,
    known: Known,
    /// Makes request ids.
    requests: u32,
}

impl Client {
    pub(super) fn new(world: &Arc<World>, id: &str) -> Self {
        Self {
            world: Arc::clone(world),
            id: id.to_owned(),
            name: name_of(id),
            known: Known::Absent,
            requests: 0,
        }
    }

    /// The connector's name, and what the user knows of it.
    pub(super) fn known(&self) -> (String, Known) {
        (self.name.clone(), self.known.clone())
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

    /// Deletes the connector and makes it anew again and again, until then, with pauses of so
    /// many milliseconds at most. Returns what the user knows in the end.
    pub(super) async fn renew(mut self, until: Instant, pause: u64) -> (String, Known) {
        while Instant::now() < until {
            sleep(self.world.within(0, pause)).await;
            self.delete(pause).await;
            while self.known == Known::Absent {
                self.ask(Wish::Create).await;
            }
            if !self.world.once_in(4) {
                self.deploy().await;
            }
        }
        (self.name, self.known)
    }

    /// Deletes the connector, and looks again and again until it is gone.
    pub(super) async fn delete(&mut self, pause: u64) {
        let wish = Wish::Delete { orphan_resources: false, delete_error_topics: true };
        while self.known != Known::Absent {
            if !self.known.is_deleted() {
                self.ask(wish).await;
            }
            sleep(self.world.within(0, pause)).await;
            self.look().await;
        }
    }

    /// Creates the connector and deploys it.
    pub(super) async fn deploy(&mut self) {
        while self.known == Known::Absent {
            self.ask(Wish::Create).await;
        }
        let is_created = |known: &Known| {
            matches!(known, Known::There { desired: v1::DesiredState::Created, .. })
        };
        while is_created(&self.known) {
            self.ask(Wish::Deploy).await;
        }
    }

    fn wish(&self) -> Wish {
        use v1::DesiredState::{Created, Deleted, Paused, Running};
        let chance = self.world.chance().u8(..12);
        let Known::There { desired, .. } = &self.known else { return Wish::Create };
        match (desired, chance) {
            (Deleted, _) | (_, 0) => Wish::Delete {
                orphan_resources: self.world.once_in(4),
                delete_error_topics: self.world.once_in(3),
            },
            (_, 1 | 2) => Wish::Color(chance),
            (_, 3 | 4) => Wish::Spread(i32::from(chance) - 2),
            (Paused, 5 | 6) => Wish::Reset,
            (Created, _) => Wish::Deploy,
            (Running, _) => Wish::Pause,
            (Paused, _) => Wish::Resume,
            _ => Wish::Deploy,
        }
    }

    /// Asks for it, and finds out what became of it.
    async fn ask(&mut self, wish: Wish) {
        self.requests += 1;
        if wish == Wish::Create && self.world.once_in(6) {
            return self.create_twice().await;
        }
        let jumps = outside::jumps();
        let mut made = None;
        let mut tries = 0;
        loop {
            tries += 1;
            let outcome = self.send(wish, self.requests).await;
            match outcome {
                Outcome::Answered(Ok(shown)) => {
                    self.world.note(&self.id, format_args!("{wish:?} -> {}", brief(&shown)));
                    self.world.check_shown(&self.id, &shown);
                    let after = self.known.after(wish, &shown.uid);
                    let known = Known::of(&shown);
                    // Which requests were carried out is forgotten after a day.
                    let is_forgotten = tries > 1 && outside::jumps() != jumps;
                    assert!(
                        after.contains(&known) || is_forgotten,
                        "{} asked for {wish:?} with {:?} and got {known:?}",
                        self.name,
                        self.known
                    );
                    let made = made.get_or_insert_with(|| shown.uid.clone());
                    assert_eq!(*made, shown.uid, "{} is made twice", self.name);
                    // Perhaps the answer is lost.
                    if wish.is_deletion() || tries > 1 || self.world.once_in(2) {
                        self.known = known;
                        return;
                    }
                }
                Outcome::Answered(Err(status)) if is_failure(&status) => {
                    self.world.note(&self.id, format_args!("{wish:?} -> {:?}", status.code()));
                }
                Outcome::Answered(Err(status)) => {
                    self.world.note(&self.id, format_args!("{wish:?} -> {status}"));
                    // What was asked for is forgotten after a day.
                    let has_jumped = outside::jumps() != jumps;
                    let may_be = self.may_refuse(wish, &status) || (tries > 1 && has_jumped);
                    assert!(may_be, "{} {:?}: {wish:?} -> {status}", self.name, self.known);
                    return self.settle(wish).await;
                }
                Outcome::Lost => self.world.note(&self.id, format_args!("{wish:?} -> lost")),
            }
            // It has a request id, and may be repeated. What a deletion that has come to its
            // end leaves is less than what users know.
            if wish.is_deletion() || tries == 3 || self.world.once_in(2) {
                return self.settle(wish).await;
            }
            if self.world.once_in(2) {
                made = self.get().await.map(|shown| shown.uid).or(made);
            }
            sleep(self.world.within(500, 3_000)).await;
        }
    }

    /// Asks twice at once for the connector: for the same one, or somebody else asks, too.
    async fn create_twice(&mut self) {
        let first = self.requests;
        if self.world.once_in(2) {
            self.requests += 1;
        }
        let second = self.requests;
        let both = tokio::join!(self.send(Wish::Create, first), self.send(Wish::Create, second));
        let made = |outcome: Outcome<v1::Connector>| match outcome {
            Outcome::Answered(Ok(shown)) => Some(shown.uid),
            Outcome::Answered(Err(status)) => {
                let exists = first != second && status.code() == Code::AlreadyExists;
                assert!(exists || is_failure(&status), "{}: {status}", self.name);
                None
            }
            Outcome::Lost => None,
        };
        let both = (made(both.0), made(both.1));
        self.world.note(&self.id, format_args!("creates {first} and {second} -> {both:?}"));
        if let (Some(one), Some(other)) = both {
            assert!(first == second && one == other, "{} is made twice", self.name);
        }
        self.settle(Wish::Create).await;
    }

    /// Asks for it, as the request of this number.
    async fn send(&self, wish: Wish, request: u32) -> Outcome<v1::Connector> {
        wish.ask(&self.world, &self.id, format!("{}-{request}", self.id)).await
    }

    /// Whether the control plane may refuse what is asked for, as it is known here: one that
    /// has not come to rest is not reset, and a deletion may have come to its end.
    fn may_refuse(&self, wish: Wish, status: &Status) -> bool {
        match wish {
            Wish::Reset => status.code() == Code::FailedPrecondition,
            Wish::Delete { .. } => {
                status.code() == Code::NotFound && self.may_be_gone(&Known::Absent)
            }
            _ => false,
        }
    }

    /// Looks whether something that was not answered happened.
    async fn settle(&mut self, wish: Wish) {
        let shown = self.get().await;
        let now = shown.as_ref().map_or(Known::Absent, Known::of);
        let uid = shown.as_ref().map_or("", |shown| &shown.uid);
        let after = self.known.after(wish, uid);
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
        let now = shown.as_ref().map_or(Known::Absent, Known::of);
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
        *now == Known::Absent && self.known.is_deleted()
    }
}

/// The process could not do it, and says that it may be asked again.
fn is_failure(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::Internal)
}

fn brief(shown: &v1::Connector) -> String {
    let state = shown.status.as_ref().map(v1::ConnectorStatus::state);
    format!("{} {} {:?} {state:?}", shown.uid, shown.generation, shown.desired_state())
}
