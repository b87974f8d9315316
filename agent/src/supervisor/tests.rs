use std::sync::Arc;

use kafka2oss_proto::v1::secret::Source;

use super::*;
use crate::task::{CommitsSeen, Guidance, Mode, Resume, TaskState};
use crate::testing::{Event, FakeTasks, Hand, connector_name, inline, resume, soon, wire};

struct Bench {
    supervisor: Supervisor,
    board: Board,
    hand: Hand,
    events: mpsc::UnboundedReceiver<Event>,
}

async fn bench() -> Bench {
    let identity = crate::Options::new("a").identity().expect("legal");
    let (tasks, hand, events) = FakeTasks::new();
    let board = Board::default();
    let supervisor = Supervisor::start(Parts {
        tasks: Arc::clone(&tasks) as Arc<dyn TaskFactory>,
        cache: AssignmentCache::open(None, &identity).await.expect("none"),
        keyring: Keyring::default(),
        board: board.clone(),
        adopt_store: false,
        supervision: Supervision::default(),
    })
    .await;
    Bench { supervisor, board, hand, events }
}

impl Bench {
    async fn apply(
        &self,
        connectors: Vec<agent::v1::ConnectorAssignment>,
    ) -> Vec<agent::v1::AssignmentNack> {
        match self.apply_from("store", connectors).await {
            Outcome::Applied(nacks) => nacks,
            Outcome::Refused(nacks) => panic!("{nacks:?}"),
        }
    }

    async fn apply_from(
        &self,
        store: &str,
        connectors: Vec<agent::v1::ConnectorAssignment>,
    ) -> Outcome {
        let store = StoreIdentity { id: store.to_owned(), epoch: 1 };
        self.supervisor.apply(store, connectors).await.expect("it runs")
    }

    async fn event(&mut self) -> Event {
        soon("an event", self.events.recv()).await.expect("it runs")
    }

    fn no_event(&mut self) {
        assert!(self.events.try_recv().is_err());
    }

    fn code(nacks: &[agent::v1::AssignmentNack]) -> &str {
        let [agent::v1::AssignmentNack { problem: Some(problem), .. }] = nacks else {
            panic!("{nacks:?}");
        };
        &problem.code
    }
}

fn started(name: &str) -> Event {
    Event::Started(name.to_owned(), Guidance::of_mode(Mode::Run))
}

#[tokio::test]
async fn the_same_list_again_touches_no_task() {
    let mut bench = bench().await;
    assert_eq!(bench.apply(vec![wire("c", &[0])]).await, []);
    assert_eq!(bench.event().await, started("c/0"));

    let again =
        agent::v1::ConnectorAssignment { generation: 6, placement_version: 7, ..wire("c", &[0]) };
    assert_eq!(bench.apply(vec![again]).await, []);
    bench.no_event();
    let view = &bench.board.view().connectors[&connector_name("c")];
    assert_eq!((view.generation, view.placement_version), (6, 7));
}

#[tokio::test]
async fn a_restart_waits_for_the_end_of_the_task_before() {
    let mut bench = bench().await;
    bench.apply(vec![wire("c", &[0])]).await;
    assert_eq!(bench.event().await, started("c/0"));

    bench.hand.hold();
    let mut next = wire("c", &[0]);
    next.epoch.as_mut().expect("an epoch").number = 2;
    bench.apply(vec![next]).await;
    assert_eq!(bench.event().await, Event::Stopping("c/0".to_owned(), StopMode::KeepMembership));
    let view = bench.board.view();
    assert!(view.connectors[&connector_name("c")].tasks[&0].is_none(), "starting");

    bench.hand.let_end();
    assert_eq!(bench.event().await, Event::Stopped("c/0".to_owned()));
    assert_eq!(bench.event().await, started("c/0"));
}

#[tokio::test]
async fn what_is_not_listed_leaves_and_is_shown_until_it_has_ended() {
    let mut bench = bench().await;
    bench.apply(vec![wire("c", &[0]), wire("d", &[0])]).await;
    assert_eq!((bench.event().await, bench.event().await), (started("c/0"), started("d/0")));

    bench.hand.hold();
    bench.apply(vec![wire("d", &[0])]).await;
    assert_eq!(bench.event().await, Event::Stopping("c/0".to_owned(), StopMode::Leave));
    assert!(bench.board.view().connectors.contains_key(&connector_name("c")));

    bench.hand.let_end();
    assert_eq!(bench.event().await, Event::Stopped("c/0".to_owned()));
    soon("the board without it", async {
        while bench.board.view().connectors.contains_key(&connector_name("c")) {
            bench.board.changed().await;
        }
    })
    .await;
    bench.no_event();
}

#[tokio::test]
async fn a_refused_assignment_leaves_the_last_good_one_running() {
    let mut bench = bench().await;
    bench.apply(vec![wire("c", &[0])]).await;
    assert_eq!(bench.event().await, started("c/0"));

    let mut refused = wire("c", &[0]);
    refused.features.push("telepathy".to_owned());
    refused.generation = 2;
    let nacks = bench.apply(vec![refused, wire("d", &[0])]).await;
    assert_eq!(Bench::code(&nacks), "AGENT_UNSUPPORTED");
    assert_eq!((nacks[0].generation, nacks[0].placement_version), (2, 1));
    assert_eq!(bench.event().await, started("d/0"), "the rest is taken");
    bench.no_event();
    assert_eq!(bench.board.view().connectors[&connector_name("c")].generation, 1);
}

#[tokio::test]
async fn tasks_that_a_refused_assignment_no_longer_lists_stop_all_the_same() {
    let mut bench = bench().await;
    bench.apply(vec![wire("c", &[0, 1])]).await;
    assert_eq!((bench.event().await, bench.event().await), (started("c/0"), started("c/1")));

    let refused = agent::v1::ConnectorAssignment { run_mode: 0, ..wire("c", &[1]) };
    assert_eq!(bench.apply(vec![refused]).await.len(), 1);
    assert_eq!(bench.event().await, Event::Stopping("c/0".to_owned(), StopMode::Leave));
    assert_eq!(bench.event().await, Event::Stopped("c/0".to_owned()));
    bench.no_event();
}

#[tokio::test]
async fn a_refused_assignment_that_is_to_pause_pauses_the_one_before_and_starts_it_no_more() {
    let mut bench = bench().await;
    bench.apply(vec![wire("c", &[0])]).await;
    assert_eq!(bench.event().await, started("c/0"));

    let refused = |generation: i64, run_mode: agent::v1::RunMode| {
        let mut wire = wire("c", &[0]);
        inline(&mut wire, &Source::Withheld(true));
        agent::v1::ConnectorAssignment { generation, run_mode: run_mode.into(), ..wire }
    };
    let nacks = bench.apply(vec![refused(2, agent::v1::RunMode::Pause)]).await;
    assert_eq!(Bench::code(&nacks), "CREDENTIALS_REQUIRED");
    let pause = Guidance::of_mode(Mode::Pause);
    assert_eq!(bench.event().await, Event::Guided("c/0".to_owned(), pause));
    assert_eq!(bench.board.view().connectors[&connector_name("c")].generation, 1);

    // It may be another start that is to run.
    assert_eq!(bench.apply(vec![refused(3, agent::v1::RunMode::Run)]).await.len(), 1);
    bench.no_event();
}

#[tokio::test]
async fn what_changes_under_a_running_task_is_told_to_it() {
    let mut bench = bench().await;
    bench.apply(vec![wire("c", &[0])]).await;
    assert_eq!(bench.event().await, started("c/0"));

    let mut next = wire("c", &[0]);
    next.committed_partitions = vec![1];
    next.resumes = vec![resume(0, 2, Some(7))];
    bench.apply(vec![next.clone()]).await;
    let guidance = Guidance {
        mode: Mode::Run,
        commits_seen: CommitsSeen::Of([1].into()),
        resumes: [(0, Resume { number: 2, skip: Some(7) })].into(),
    };
    assert_eq!(bench.event().await, Event::Guided("c/0".to_owned(), guidance));
    bench.apply(vec![next]).await;
    bench.no_event();
}

#[tokio::test]
async fn a_refused_assignment_of_another_uid_does_not_keep_the_one_before() {
    let mut bench = bench().await;
    bench.apply(vec![wire("c", &[0])]).await;
    assert_eq!(bench.event().await, started("c/0"));
    let refused =
        agent::v1::ConnectorAssignment { uid: "new".to_owned(), run_mode: 0, ..wire("c", &[0]) };
    bench.apply(vec![refused]).await;
    assert_eq!(bench.event().await, Event::Stopping("c/0".to_owned(), StopMode::Leave));
}

#[tokio::test]
async fn withheld_credentials_are_refused_until_they_were_held_once() {
    let mut bench = bench().await;
    let mut withheld = wire("c", &[0]);
    inline(&mut withheld, &Source::Withheld(true));
    let nacks = bench.apply(vec![withheld.clone()]).await;
    assert_eq!(Bench::code(&nacks), "CREDENTIALS_REQUIRED");
    bench.no_event();

    let mut plain = wire("c", &[0]);
    inline(&mut plain, &Source::Plain("secret".to_owned()));
    assert_eq!(bench.apply(vec![plain]).await, []);
    assert_eq!(bench.event().await, started("c/0"));
    // As after a restart of the control plane.
    assert_eq!(bench.apply(vec![withheld]).await, []);
    bench.no_event();
}

#[tokio::test]
async fn withheld_credentials_that_were_given_later_than_those_it_holds_are_refused() {
    let mut bench = bench().await;
    let assignment = |generation: i64, secrets_id: &str, source: Source| {
        let mut wire = wire("c", &[0]);
        inline(&mut wire, &source);
        let secrets_id = secrets_id.to_owned();
        agent::v1::ConnectorAssignment { generation, secrets_id, ..wire }
    };
    let plain = |value: &str| Source::Plain(value.to_owned());
    assert_eq!(bench.apply(vec![assignment(1, "first", plain("one"))]).await, []);
    assert_eq!(bench.event().await, started("c/0"));
    let store = bench.hand.store("c/0");

    // As after a restart of the control plane, which has lost the second ones.
    let lost = assignment(2, "second", Source::Withheld(true));
    let nacks = bench.apply(vec![lost]).await;
    assert_eq!((Bench::code(&nacks), nacks[0].generation), ("CREDENTIALS_REQUIRED", 2));
    let view = &bench.board.view().connectors[&connector_name("c")];
    assert_eq!(view.generation, 1, "the last good one goes on");
    assert!(!store.has_changed().expect("the sender lives"));
    // The ones that it holds still stand for themselves.
    assert_eq!(bench.apply(vec![assignment(1, "first", Source::Withheld(true))]).await, []);

    assert_eq!(bench.apply(vec![assignment(3, "third", plain("three"))]).await, []);
    assert!(store.has_changed().expect("the sender lives"));
    assert_eq!(bench.apply(vec![assignment(4, "third", Source::Withheld(true))]).await, []);
    bench.no_event();
}

#[tokio::test]
async fn new_credentials_reach_the_running_task_as_another_store() {
    let mut bench = bench().await;
    bench.apply(vec![wire("c", &[0])]).await;
    assert_eq!(bench.event().await, started("c/0"));
    let mut store = bench.hand.store("c/0");
    store.mark_unchanged();

    let mut new = wire("c", &[0]);
    inline(&mut new, &Source::Plain("secret".to_owned()));
    bench.apply(vec![new.clone()]).await;
    assert!(store.has_changed().expect("the sender lives"));
    store.mark_unchanged();
    bench.apply(vec![new]).await;
    assert!(!store.has_changed().expect("the sender lives"), "the same ones again");
    bench.no_event();
}

#[tokio::test]
async fn tasks_of_another_store_are_kept_and_its_assignments_refused() {
    let mut bench = bench().await;
    bench.apply_from("first", vec![wire("c", &[0])]).await;
    assert_eq!(bench.event().await, started("c/0"));

    let refused = bench.apply_from("second", vec![wire("d", &[0])]).await;
    let Outcome::Refused(nacks) = refused else { panic!("{refused:?}") };
    assert!(nacks[0].problem.as_ref().is_some_and(|p| p.message.contains("--adopt-store")));
    let refused = bench.apply_from("second", vec![]).await;
    assert_eq!(refused, Outcome::Refused(Vec::new()), "an empty store stops nothing");
    bench.no_event();
    assert_eq!(bench.board.view().store_id, "first");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_died_is_started_again_after_a_while() {
    let mut bench = bench().await;
    bench.apply(vec![wire("c", &[0])]).await;
    assert_eq!(bench.event().await, started("c/0"));
    bench.hand.show("c/0", |snapshot| snapshot.state = TaskState::Running);
    bench.board.changed().await;
    bench.hand.kill("c/0");
    // Until it starts again it shows that it does not run, and why.
    let shown = |board: &Board| {
        let view = board.view();
        let seen = view.connectors[&connector_name("c")].tasks[&0].clone()?;
        let seen = seen.borrow();
        Some((seen.state, seen.problem.as_ref().map(|problem| problem.code)))
    };
    let died = Some((TaskState::Failed, Some(ErrorCode::TaskDied)));
    let waiting = async {
        while shown(&bench.board) != died {
            bench.board.changed().await;
        }
    };
    soon("it is shown", waiting).await;
    assert_eq!(bench.event().await, Event::Stopping("c/0".to_owned(), StopMode::KeepMembership));
    assert_eq!(bench.event().await, Event::Stopped("c/0".to_owned()));
    assert_eq!(bench.event().await, started("c/0"));
}

#[tokio::test]
async fn stopping_waits_for_every_task_and_takes_nothing_more() {
    let mut bench = bench().await;
    bench.apply(vec![wire("c", &[0, 1])]).await;
    assert_eq!((bench.event().await, bench.event().await), (started("c/0"), started("c/1")));

    bench.supervisor.stop_all(StopMode::Leave).await;
    let ended = std::iter::from_fn(|| bench.events.try_recv().ok())
        .filter(|event| matches!(event, Event::Stopped(_)))
        .count();
    assert_eq!(ended, 2);
    let store = StoreIdentity::default();
    assert_eq!(bench.supervisor.apply(store, vec![wire("d", &[0])]).await, None);
    bench.no_event();
    assert!(bench.board.view().connectors.is_empty());
}
