//! An agent as it is shown, with the bytes that watches send of it, and when that is told:
//! at once when its state changes, once a second at most when its tasks do, and that it is
//! still there as often as many agents allow.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use kafka2oss_filter::{Resource, Value};
use kafka2oss_proto::v1;
use prost::Message;
use tokio::time::Instant;
use v1::watch_agents_response::Event as Told;

use super::changes::Life;
use super::observed::Observed;
use super::publish::{COALESCED, Telling};
use super::watchable::{Event, Row, Watchable};
use crate::known::agent;
use crate::model::fields::AgentField;

/// Agents of which is told each second that they are still there. Of more, each is told less
/// often, so that a watch costs no more however many there are.
const HEARD_A_SECOND: usize = 250;
/// Agents have none.
const UID: &str = "";
/// What their names begin with.
const PREFIX: &str = "agents/";

/// The full name of an agent.
pub(super) fn name(id: &str) -> String {
    format!("{PREFIX}{id}")
}

/// What is kept of an agent.
#[derive(Debug, Clone)]
pub(crate) struct AgentRow {
    shown: Arc<ShownAgent>,
    /// When it was told.
    told: Instant,
}

impl Row for AgentRow {
    type Shown = ShownAgent;

    fn shown(&self) -> &Arc<ShownAgent> {
        &self.shown
    }
}

/// An agent as it is shown. It never changes: another one takes its place.
#[derive(Debug)]
pub(crate) struct ShownAgent {
    life: Arc<Life>,
    agent: v1::Agent,
    /// As a message of watches; made when the first watch wants it.
    message: OnceLock<Bytes>,
}

impl ShownAgent {
    fn new(agent: v1::Agent) -> Self {
        let life = Life { name: agent.name.clone(), uid: UID.to_owned() };
        Self { life: Arc::new(life), agent, message: OnceLock::new() }
    }
}

impl Resource<AgentField> for ShownAgent {
    fn any<'a>(&'a self, field: AgentField, test: &mut dyn FnMut(Value<'a>) -> bool) -> bool {
        self.agent.any(field, test)
    }

    fn entry(&self, field: AgentField, key: &str) -> Option<&str> {
        self.agent.entry(field, key)
    }
}

impl Watchable for ShownAgent {
    type Field = AgentField;
    type View = ();

    fn life(&self) -> &Arc<Life> {
        &self.life
    }

    fn upsert(&self, (): ()) -> Bytes {
        self.message.get_or_init(|| message(Told::Upsert(self.agent.clone()))).clone()
    }

    fn encode(event: Event<'_>) -> Bytes {
        message(match event {
            Event::Dropped(Life { name, uid: _ }, reason) => {
                Told::Deleted(v1::AgentDeleted { name: name.clone(), reason: reason.into() })
            }
            Event::Synced => Told::Synced(()),
            Event::Reset => Told::Reset(()),
            Event::Heartbeat => Told::Heartbeat(()),
        })
    }
}

fn message(event: Told) -> Bytes {
    let message = v1::WatchAgentsResponse { resume_token: String::new(), event: Some(event) };
    message.encode_to_vec().into()
}

impl Observed {
    /// Shows an agent if it has changed. Returns when to look again: where it may be shown
    /// then, and while it drains, since what keeps its tasks depends on other agents.
    pub(super) fn tell_agent(&self, name: &str) -> Option<Instant> {
        let board = &self.agents;
        let _order = board.in_order();
        let Some(view) = self.known.fleet.view(name.strip_prefix(PREFIX)?) else {
            board.removed(name, UID);
            return None;
        };
        let agent = agent::shown(&self.known, view);
        let drain = agent.drain.as_ref().map(v1::AgentDrain::state);
        let now = Instant::now();
        let again = (drain == Some(v1::AgentDrainState::Draining)).then(|| now + COALESCED);
        let before = board.row(name, UID);
        let telling =
            before.map_or(Telling::Now, |row| telling(&row, &agent, now, heard(board.len())));
        let at = match telling {
            Telling::Now => {
                board.show(AgentRow { shown: Arc::new(ShownAgent::new(agent)), told: now });
                None
            }
            Telling::At(at) => Some(at),
            Telling::Not => None,
        };
        at.into_iter().chain(again).min()
    }
}

/// How often it is told of each of so many agents that it is still there.
fn heard(agents: usize) -> Duration {
    let times = u32::try_from(agents.div_ceil(HEARD_A_SECOND)).unwrap_or(u32::MAX);
    COALESCED.saturating_mul(times.max(1))
}

fn telling(before: &AgentRow, agent: &v1::Agent, now: Instant, heard: Duration) -> Telling {
    let told = &before.shown.agent;
    let wait = if told == agent {
        return Telling::Not;
    } else if verdict(told) != verdict(agent) {
        return Telling::Now;
    } else if *told == only_heard(told, agent) {
        heard
    } else {
        COALESCED
    };
    let next = before.told + wait;
    if now < next { Telling::At(next) } else { Telling::Now }
}

/// The agent as it was told, if nothing of it is another but that it was heard of, and what
/// it said of its load.
fn only_heard(told: &v1::Agent, agent: &v1::Agent) -> v1::Agent {
    let (last_seen_time, load) = (told.last_seen_time, told.load);
    v1::Agent { last_seen_time, load, ..agent.clone() }
}

/// What is told at once: everything but its tasks, its load and when it was heard of.
fn verdict(agent: &v1::Agent) -> v1::Agent {
    let drain = agent.drain.as_ref().map(|drain| v1::AgentDrain {
        tasks_left: 0,
        message: String::new(),
        ..drain.clone()
    });
    v1::Agent {
        tasks: 0,
        last_seen_time: None,
        connectors: Vec::new(),
        partitions: None,
        load: None,
        drain,
        ..agent.clone()
    }
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::catalog::Catalog;
    use crate::known::Known;
    use crate::observe::publish::publish_agents;
    use crate::observe::watcher::{Watched, Watcher};
    use crate::store::agents::AgentRecord;
    use crate::store::{OnLoss, Store};

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp { seconds, nanos: 0 })
    }

    #[test]
    fn a_change_of_state_is_told_at_once_tasks_once_a_second_and_signs_of_life_more_seldom() {
        let told = Instant::now();
        let soon = told + COALESCED / 2;
        let before = v1::Agent { name: name("a"), last_seen_time: at(1), ..Default::default() };
        let heard = v1::Agent { last_seen_time: at(2), ..before.clone() };
        let tasks = v1::Agent { tasks: 1, ..heard.clone() };
        let state = v1::Agent { state: v1::AgentState::Gone.into(), ..before.clone() };
        let row = AgentRow { shown: Arc::new(ShownAgent::new(before.clone())), told };
        let seldom = 4 * COALESCED;
        let after = |agent: &v1::Agent, now| telling(&row, agent, now, seldom);
        assert_eq!(after(&before, soon), Telling::Not);
        assert_eq!(after(&state, soon), Telling::Now);
        assert_eq!(after(&tasks, soon), Telling::At(told + COALESCED));
        assert_eq!(after(&tasks, told + COALESCED), Telling::Now);
        assert_eq!(after(&heard, told + COALESCED), Telling::At(told + seldom));
        assert_eq!(after(&heard, told + seldom), Telling::Now);
    }

    /// Reads all that a watch has to tell by now.
    async fn read(watcher: &mut Watcher<AgentRow>) -> Vec<Bytes> {
        let mut upserts = Vec::new();
        let soon = Duration::from_millis(1);
        while let Ok(messages) = tokio::time::timeout(soon, watcher.next()).await {
            upserts.extend(messages.iter().filter_map(|message| {
                let told: v1::WatchAgentsResponse = message.decode().expect("a message");
                matches!(told.event, Some(Told::Upsert(_))).then(|| message.event().clone())
            }));
        }
        upserts
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_agents_that_report_each_second_are_told_250_times_a_second() {
        const AGENTS: usize = 1_000;
        const SECONDS: usize = 20;
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), OnLoss::Refuse).expect("opened");
        let catalog = Catalog::load(store).expect("read");
        let known = Arc::new(Known::new(catalog, Duration::from_secs(600)));
        let observed = Arc::new(Observed::new(Arc::clone(&known)));
        let stop = CancellationToken::new();
        let publisher = tokio::spawn(publish_agents(Arc::clone(&observed), stop.clone()));
        let ids: Vec<_> = (0..AGENTS).map(|number| format!("agent-{number}")).collect();
        let connect =
            |id: &String| known.fleet.connect(id, AgentRecord::default(), Vec::new(), false);
        let streams: Vec<_> = ids.iter().map(connect).collect();
        let report = || {
            for (id, stream) in ids.iter().zip(&streams) {
                known.fleet.heard(id, stream.session);
                observed.touch_agent(id);
            }
        };
        report();
        let watched = || Watched { instance: None, filter: None, view: (), fingerprint: 0 };
        let watch = || Watcher::new(Arc::clone(&observed.agents), watched(), String::new());
        let mut watchers = [watch(), watch()];
        for watcher in &mut watchers {
            tokio::time::sleep(COALESCED).await;
            assert_eq!(read(watcher).await.len(), AGENTS, "all of them at first");
        }
        let mut told = [Vec::new(), Vec::new()];
        for _ in 0..SECONDS {
            report();
            tokio::time::sleep(COALESCED).await;
            for (watcher, told) in watchers.iter_mut().zip(&mut told) {
                told.extend(read(watcher).await);
            }
        }
        let [first, second] = told;
        let bounds = HEARD_A_SECOND * (SECONDS - 4)..=HEARD_A_SECOND * SECONDS;
        assert!(bounds.contains(&first.len()), "{} of {bounds:?}", first.len());
        let mut both = first.iter().zip(&second);
        assert!(both.all(|(one, other)| one.as_ptr() == other.as_ptr()), "encoded once for all");
        stop.cancel();
        publisher.await.expect("no panic");
    }

    #[test]
    fn however_many_there_are_signs_of_life_are_told_so_often_a_second() {
        for agents in [0, 1, 250, 251, 1_000, 9_999, 1_000_000] {
            let wait = heard(agents);
            assert!(wait >= COALESCED);
            assert!(agents as f64 / wait.as_secs_f64() <= HEARD_A_SECOND as f64, "{agents}");
        }
    }
}
