use std::collections::{BTreeMap, HashMap, HashSet};

use proptest::prelude::*;
use tokio::time::Instant;

use v1::watch_connectors_response::Event as Told;

use super::*;
use crate::model::fields::CONNECTORS;
use crate::observe::shown::{ConnectorRow, Partitions, Shown};
use crate::store::connectors::ConnectorRecord;

const SMALL: Sizes = Sizes { part: 2, few: 3 };

fn name(number: u8) -> String {
    format!("instances/{}/connectors/c{number}", if number.is_multiple_of(2) { "i" } else { "j" })
}

/// A board whose connectors are changed by hand, each time with a higher generation and
/// another lag.
struct World {
    board: Arc<Board<ConnectorRow>>,
    lives: BTreeMap<String, String>,
    changes: i64,
}

impl World {
    fn new(deletions: usize) -> Self {
        let board = Arc::new(Board::remembering(deletions));
        Self { board, lives: BTreeMap::new(), changes: 0 }
    }

    fn change(&mut self, number: u8) {
        self.changes += 1;
        let name = name(number);
        let uid = self.lives.entry(name.clone()).or_insert(format!("u{}", self.changes)).clone();
        let generation = self.changes;
        let connector = v1::Connector { name, uid, generation, ..v1::Connector::default() };
        let record = Arc::new(ConnectorRecord { connector: Some(connector), ..Default::default() });
        let _order = self.board.in_order();
        self.board.show(ConnectorRow {
            shown: Arc::new(Shown::new(
                &record,
                v1::ConnectorStatus { total_lag: Some(generation % 3), ..Default::default() },
            )),
            record,
            memory: Arc::default(),
            told: Instant::now(),
        });
    }

    fn delete(&mut self, number: u8) {
        let name = name(number);
        if let Some(uid) = self.lives.remove(&name) {
            self.board.remove(&name, &uid);
        }
    }

    fn watch(&self, instance: Option<&str>, token: String) -> Watcher<ConnectorRow> {
        self.watch_filtered(instance, "", token)
    }

    fn watch_filtered(
        &self,
        instance: Option<&str>,
        filter: &str,
        token: String,
    ) -> Watcher<ConnectorRow> {
        let watched = Watched {
            instance: instance.map(|name| name.parse().expect("a name")),
            filter: Filter::parse(filter, &CONNECTORS).expect("a filter"),
            view: Partitions::Left,
            fingerprint: 0,
        };
        let watcher = Watcher::new(Arc::clone(&self.board), watched, token);
        Watcher { sizes: SMALL, ..watcher }
    }

    /// Name, uid and generation of what there is that a filter means.
    fn picture(&self, instance: Option<&str>, filter: &str) -> BTreeMap<String, (String, i64)> {
        let instance = instance.map(|name| name.parse().expect("a name"));
        let filter = Filter::parse(filter, &CONNECTORS).expect("a filter");
        let meant = |one: &&Arc<Shown>| filter.as_ref().is_none_or(|it| it.matches(&***one));
        let all = self.board.list(instance.as_ref(), "", usize::MAX);
        let shown = |one: &Arc<Shown>| {
            let connector = one.connector(false);
            (connector.name, (connector.uid, connector.generation))
        };
        all.iter().filter(meant).map(shown).collect()
    }
}

/// What a client has made of the messages.
#[derive(Default)]
struct Client {
    picture: BTreeMap<String, (String, i64)>,
    synced: bool,
    resets: u32,
    token: String,
    gone: HashSet<String>,
    newest: HashMap<String, i64>,
}

impl Client {
    fn take(&mut self, message: &Message) {
        let v1::WatchConnectorsResponse { resume_token, event } =
            message.decode().expect("a message");
        if !resume_token.is_empty() {
            self.token = resume_token;
        }
        match event.expect("an event") {
            Told::Upsert(v1::Connector { name, uid, generation, .. }) => {
                assert!(!self.gone.contains(&uid), "{uid} was told to be gone");
                let newest = self.newest.entry(uid.clone()).or_default();
                assert!(*newest <= generation, "{uid} goes back");
                *newest = generation;
                self.picture.insert(name, (uid, generation));
            }
            Told::Deleted(v1::ConnectorDeleted { name, uid, reason }) => {
                if self.picture.get(&name).is_some_and(|(told, _)| *told == uid) {
                    self.picture.remove(&name);
                }
                if reason == i32::from(v1::DropReason::Deleted) {
                    self.gone.insert(uid);
                }
            }
            Told::Reset(()) => {
                self.picture.clear();
                self.resets += 1;
                self.synced = false;
            }
            Told::Synced(()) => self.synced = true,
            Told::Heartbeat(()) => {}
        }
    }

    /// Takes what `steps` steps bring; all there is without a number. The steps and
    /// the messages are bounded.
    fn read(&mut self, watcher: &mut Watcher<ConnectorRow>, steps: Option<usize>) {
        for _ in 0..steps.unwrap_or(10_000) {
            match watcher.step() {
                Step::Tell(messages) => {
                    assert!(messages.len() <= SMALL.part + 1);
                    messages.iter().for_each(|message| self.take(message));
                }
                Step::Wait(_) => return,
            }
        }
        assert!(steps.is_some(), "it never comes to an end");
    }
}

#[derive(Debug, Clone)]
enum Happens {
    Change(u8),
    Delete(u8),
    /// A client reads so many parts.
    Read(usize),
    /// The connection breaks; the client resumes.
    Resume,
}

fn happenings() -> impl Strategy<Value = Vec<Happens>> {
    let one = prop_oneof![
        5 => (0..12u8).prop_map(Happens::Change),
        3 => (0..12u8).prop_map(Happens::Delete),
        4 => (1..4usize).prop_map(Happens::Read),
        1 => Just(Happens::Resume),
    ];
    prop::collection::vec(one, 0..120)
}

/// All, some at a time, some always.
const FILTERS: &[&str] = &["", "total_lag = 1", "id = c4 OR id = c5"];

/// Lets all of it happen to a client and says how often it had to begin anew.
fn play(happenings: &[Happens], instance: Option<&str>, filter: &str, deletions: usize) -> u32 {
    let mut world = World::new(deletions);
    let mut watcher = world.watch_filtered(instance, filter, String::new());
    let mut client = Client::default();
    for happens in happenings {
        match happens {
            Happens::Change(number) => world.change(*number),
            Happens::Delete(number) => world.delete(*number),
            Happens::Read(steps) => client.read(&mut watcher, Some(*steps)),
            Happens::Resume => {
                // What the client has is that of its token or later.
                if !client.synced {
                    client.picture.clear();
                    client.token.clear();
                }
                watcher = world.watch_filtered(instance, filter, client.token.clone());
            }
        }
    }
    client.read(&mut watcher, None);
    assert!(client.synced);
    assert_eq!(client.picture, world.picture(instance, filter));
    client.resets
}

proptest! {
    #[test]
    fn whatever_happens_and_at_any_pace_a_client_ends_at_what_is(
        happenings in happenings(),
        one_instance in any::<bool>(),
        filter in prop::sample::select(FILTERS),
    ) {
        let instance = one_instance.then_some("instances/i");
        let resets = play(&happenings, instance, filter, 1_000);
        prop_assert_eq!(resets, 0, "volume is no reason to begin anew");
    }

    #[test]
    fn where_deletions_were_forgotten_it_begins_anew_and_ends_at_what_is(
        happenings in happenings(),
        one_instance in any::<bool>(),
        filter in prop::sample::select(FILTERS),
    ) {
        play(&happenings, one_instance.then_some("instances/i"), filter, 2);
    }
}

#[test]
fn a_connector_that_changes_all_the_time_is_told_in_its_turn() {
    let mut world = World::new(10);
    for number in 0..12 {
        world.change(number);
    }
    let mut watcher = world.watch(None, String::new());
    let mut client = Client::default();
    client.read(&mut watcher, None);
    for number in 0..12 {
        world.change(number);
    }
    // It changes before each look, as do others.
    for round in 0..40 {
        world.change(5);
        world.change(round % 12);
        client.read(&mut watcher, Some(1));
    }
    let (_, generation) = client.picture[&name(5)];
    assert!(generation > 24, "{generation} is what it was before");
}

/// What a watcher tells at once: names, with what became of each.
fn told(watcher: &mut Watcher<ConnectorRow>) -> Vec<String> {
    let mut told = Vec::new();
    while let Step::Tell(messages) = watcher.step() {
        for message in messages {
            match message
                .decode::<v1::WatchConnectorsResponse>()
                .expect("a message")
                .event
                .expect("an event")
            {
                Told::Upsert(connector) => told.push(format!("+{}", connector.name)),
                Told::Deleted(deleted) => {
                    told.push(format!("{} {:?}", deleted.name, deleted.reason()));
                }
                other => told.push(format!("{other:?}")),
            }
        }
    }
    told
}

#[test]
fn who_watches_with_a_filter_drops_what_it_does_not_mean_and_hears_nothing_of_others() {
    let mut world = World::new(10);
    let [first, second] = [name(0), name(2)];
    // Lags 1 and 2.
    world.change(0);
    world.change(2);
    let mut watcher = world.watch_filtered(None, "total_lag = 1", String::new());
    assert_eq!(told(&mut watcher), [format!("+{first}"), "Synced(())".to_owned()]);
    // Lags 0 and 1.
    world.change(0);
    assert_eq!(told(&mut watcher), [format!("{first} Filtered")]);
    world.change(2);
    assert_eq!(told(&mut watcher), [format!("+{second}")]);
    // It was dropped already.
    world.delete(0);
    assert!(told(&mut watcher).is_empty());
    world.delete(2);
    assert_eq!(told(&mut watcher), [format!("{second} Deleted")]);
    let Some(rows) = &watcher.rows else { panic!("it has a filter") };
    assert!(rows.is_empty(), "nothing is kept of what is gone: {rows:?}");
}

#[test]
fn a_token_of_another_filter_begins_anew() {
    let world = World::new(10);
    let mut watcher = world.watch(None, String::new());
    let mut client = Client::default();
    client.read(&mut watcher, None);
    let watched = Watched { instance: None, filter: None, view: Partitions::Left, fingerprint: 1 };
    let mut other = Watcher::new(Arc::clone(&world.board), watched, client.token.clone());
    assert_eq!(told(&mut other), ["Reset(())", "Synced(())"]);
    let mut same = world.watch(None, client.token);
    assert_eq!(told(&mut same), ["Synced(())"]);
}

#[test]
fn a_watcher_that_is_never_read_keeps_a_bounded_number_of_changes() {
    let mut world = World::new(10);
    let mut watcher = world.watch(None, String::new());
    Client::default().read(&mut watcher, None);
    for round in 0..1_000_u32 {
        world.change((round % 12) as u8);
        if round % 5 == 0 {
            world.delete((round % 7) as u8);
        }
    }
    let changes = world.board.changes(|all| all.after(all.end(), None, 1)).expect("there");
    assert!(changes.is_empty());
    // One step of the reader: what it then has in hand.
    watcher.step();
    if let Stage::Following { changes, .. } = &watcher.stage {
        assert!(changes.len() <= SMALL.few);
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_beats() {
    let world = World::new(10);
    let mut watcher = world.watch(None, String::new());
    let mut client = Client::default();
    watcher.next().await.iter().for_each(|message| client.take(message));
    assert!(client.synced);
    let beat = watcher.next().await;
    let beat: v1::WatchConnectorsResponse = beat[0].decode().expect("a message");
    assert_eq!(beat.event, Some(Told::Heartbeat(())));
    assert_eq!(beat.resume_token, client.token);
}
