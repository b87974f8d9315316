//! What the fleet says of agents as they come, talk and go.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka2oss_proto::{agent, v1};

use super::list::Assigned;
use super::*;

const LEASE: Duration = Duration::from_secs(30);

fn record(boot_nonce: u64) -> AgentRecord {
    AgentRecord { boot_nonce, ..AgentRecord::default() }
}

fn fleet() -> Fleet {
    Fleet::new(LEASE, Vec::new())
}

fn assignment(uid: &str) -> Arc<Assignment> {
    Arc::new(Assignment {
        connector: format!("connectors/{uid}").into(),
        uid: uid.into(),
        whole: uid.to_owned().into(),
        tasks: Box::default(),
    })
}

/// What an agent is to run.
fn all(uids: &[&str]) -> Vec<Arc<Assignment>> {
    uids.iter().map(|uid| assignment(uid)).collect()
}

fn list(version: u64, uids: &[&str]) -> List {
    List::new(version, format!("nonce-{version}"), Arc::new(Assigned::new(all(uids), 0)))
}

/// Gives agent `a` what is worked out now.
fn assign(fleet: &Fleet, uids: &[&str]) {
    fleet.assign_all("a", all(uids), fleet.requested("a"));
}

/// Takes the leases that ran out.
fn expire(fleet: &Fleet) -> Vec<(String, AgentRecord)> {
    fleet.expire(&fleet.silent())
}

fn ack(version: u64) -> agent::v1::AssignmentAck {
    agent::v1::AssignmentAck { version, nonce: format!("nonce-{version}"), nacks: Vec::new() }
}

fn report(uids: &[&str]) -> agent::v1::StatusReport {
    let connector = |uid: &&str| agent::v1::ConnectorReport {
        connector: format!("connectors/{uid}"),
        uid: (*uid).to_owned(),
        ..agent::v1::ConnectorReport::default()
    };
    agent::v1::StatusReport {
        connectors: uids.iter().map(connector).collect(),
        ..agent::v1::StatusReport::default()
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_holds_tasks_until_it_reports_after_the_acknowledged_list_without_them() {
    let fleet = fleet();
    let placed = ["a".to_owned()];
    let session = fleet.connect("a", record(1), Vec::new(), true).session;
    assert!(fleet.holders("u", &placed).is_empty(), "it was never given any");
    assign(&fleet, &["u"]);
    assert_eq!(fleet.holders("u", &placed), placed, "it may be on its way");
    fleet.sending("a", session, &list(1, &["u"]));
    assert_eq!(fleet.holders("u", &placed), placed);
    fleet.acknowledge("a", session, ack(1));
    fleet.report("a", session, report(&["u"]));
    assign(&fleet, &[]);
    fleet.sending("a", session, &list(2, &[]));
    fleet.report("a", session, report(&[]));
    assert_eq!(fleet.holders("u", &placed), placed, "that report may be older than the list");
    fleet.acknowledge("a", session, ack(2));
    assert_eq!(fleet.holders("u", &placed), placed);
    fleet.report("a", session, report(&["u"]));
    assert_eq!(fleet.holders("u", &placed), placed, "it still stops");
    fleet.report("a", session, report(&[]));
    assert!(fleet.holders("u", &placed).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_away_holds_its_tasks_for_its_lease() {
    let fleet = fleet();
    let placed = ["a".to_owned()];
    let session = fleet.connect("a", record(1), vec!["u".to_owned()], true).session;
    assert_eq!(fleet.holders("u", &placed), placed, "it says so in Hello");
    assert!(fleet.holders("u", &[]).is_empty(), "it never had any");
    fleet.disconnect("a", session);
    assert_eq!(fleet.holders("u", &placed), placed);
    tokio::time::advance(LEASE).await;
    assert_eq!(expire(&fleet).len(), 1);
    assert!(fleet.holders("u", &placed).is_empty());
    assert!(expire(&fleet).is_empty(), "once");
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_agent_is_silent_for_its_lease_ends() {
    let fleet = fleet();
    let stream = fleet.connect("a", record(1), Vec::new(), true);
    tokio::time::advance(LEASE / 2).await;
    fleet.heard("a", stream.session);
    tokio::time::advance(LEASE / 2).await;
    assert!(expire(&fleet).is_empty());
    tokio::time::advance(LEASE / 2).await;
    assert_eq!(expire(&fleet)[0].0, "a");
    assert_eq!(*stream.ending.borrow(), Some(Ending::Expired));
    assert!(fleet.admits("a", 0), "its id is free");
}

#[tokio::test(start_paused = true)]
async fn the_newer_process_has_the_id_and_a_stream_of_the_same_one_replaces_the_earlier() {
    let fleet = fleet();
    let first = fleet.connect("a", record(5), Vec::new(), true);
    assert!(fleet.admits("a", 5) && fleet.admits("a", 6) && !fleet.admits("a", 4));
    let second = fleet.connect("a", record(5), Vec::new(), true);
    assert_eq!(*first.ending.borrow(), Some(Ending::Replaced));
    let _third = fleet.connect("a", record(6), Vec::new(), true);
    assert_eq!(*second.ending.borrow(), Some(Ending::Superseded));
    fleet.disconnect("a", first.session);
    let state = fleet.view("a").map(|agent| agent.state);
    assert_eq!(state, Some(v1::AgentState::Connected), "an old stream's end changes nothing");
}

#[tokio::test(start_paused = true)]
async fn a_process_with_a_lower_nonce_is_kept_out_only_while_the_newer_one_is_heard_of() {
    let fleet = fleet();
    let newer = fleet.connect("a", record(u64::MAX), Vec::new(), true);
    assert!(!fleet.admits("a", 5));
    fleet.disconnect("a", newer.session);
    assert!(!fleet.admits("a", 5), "it may come back");
    tokio::time::advance(LEASE).await;
    assert!(fleet.admits("a", 5), "also before its tasks are taken away");

    let known = Fleet::new(LEASE, vec![("a".to_owned(), record(u64::MAX))]);
    assert!(known.admits("a", 5), "this control plane has never heard of the newer one");
    let _stream = known.connect("a", record(5), Vec::new(), true);
    assert!(known.admits("a", 6) && !known.admits("a", 4));
}

#[tokio::test(start_paused = true)]
async fn of_many_without_a_stream_the_ones_not_heard_of_for_longest_can_be_forgotten() {
    let known = ["known", "b", "a"].map(|id| (id.to_owned(), record(1)));
    let fleet = Fleet::new(LEASE, known.into());
    for id in ["b", "a", "there"] {
        let session = fleet.connect(id, record(1), Vec::new(), true).session;
        fleet.heard(id, session);
        if id != "there" {
            fleet.disconnect(id, session);
        }
    }
    assert!(fleet.absent(3).is_empty(), "they are few");
    let absent = fleet.absent(2);
    assert_eq!((absent.len(), absent[0].as_str()), (3, "known"));
    let ids = ["a", "known", "there"].map(str::to_owned);
    assert_eq!(fleet.forget_absent(&ids), ["a", "known"], "one came back");
    assert!(fleet.view("a").is_none() && fleet.view("b").is_some());
    tokio::time::advance(LEASE).await;
    assert_eq!(fleet.silent(), ["b", "there"]);
}

#[tokio::test(start_paused = true)]
async fn the_latest_assignments_win_and_the_same_ones_are_not_sent_again() {
    let fleet = fleet();
    let mut stream = fleet.connect("a", record(1), Vec::new(), true);
    assign(&fleet, &["u"]);
    assign(&fleet, &["u", "v"]);
    let latest = stream.assignments.borrow_and_update().clone().expect("assigned");
    assert_eq!(latest.len(), 2);
    assign(&fleet, &["u", "v"]);
    assert_eq!(stream.assignments.has_changed().ok(), Some(false));
    assign(&fleet, &[]);
    assert_eq!(stream.assignments.has_changed().ok(), Some(true));
}

#[tokio::test(start_paused = true)]
async fn assignments_that_were_asked_for_are_sent_again_once_they_were_worked_out_after_that() {
    let fleet = fleet();
    let mut stream = fleet.connect("a", record(1), Vec::new(), true);
    assign(&fleet, &["u"]);
    stream.assignments.mark_unchanged();
    let before = fleet.requested("a");
    fleet.request("a", stream.session, 7);
    fleet.assign_all("a", all(&["u"]), before);
    assert_eq!(stream.assignments.has_changed().ok(), Some(false), "it may be older");
    assign(&fleet, &["u"]);
    let answer = stream.assignments.borrow_and_update().clone().expect("assigned");
    assert_eq!((answer.len(), answer.answered_request), (1, 7));
    assign(&fleet, &["u"]);
    assert_eq!(stream.assignments.has_changed().ok(), Some(false), "once");

    let stream = fleet.connect("a", record(1), Vec::new(), true);
    assign(&fleet, &["u"]);
    let first = stream.assignments.borrow().clone().expect("assigned");
    assert_eq!(first.answered_request, 0, "another stream has asked for nothing");
}

#[tokio::test(start_paused = true)]
async fn a_command_is_answered_by_its_result_or_by_the_end_of_the_stream() {
    let fleet = fleet();
    let command = |id: &str| Command { id: id.to_owned(), ..Command::default() };
    assert!(fleet.command("a", command("1")).is_none(), "no such agent");
    let stream = fleet.connect("a", record(1), Vec::new(), true);
    let first = fleet.command("a", command("1")).expect("queued");
    let same = fleet.command("a", command("1")).expect("queued");
    let second = fleet.command("a", command("2")).expect("queued");
    let result = agent::v1::CommandResult { id: "1".to_owned(), result: None };
    fleet.answer("a", stream.session, &result);
    assert_eq!((first.await, same.await), (Ok(result.clone()), Ok(result)));
    fleet.disconnect("a", stream.session);
    assert!(second.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn commands_that_wait_have_a_bound() {
    let fleet = fleet();
    let _stream = fleet.connect("a", record(1), Vec::new(), true);
    let mut waiting = Vec::new();
    for number in 0..COMMANDS {
        let command = Command { id: number.to_string(), ..Command::default() };
        waiting.push(fleet.command("a", command).expect("room"));
    }
    assert!(fleet.command("a", Command::default()).is_none());
}

#[tokio::test(start_paused = true)]
async fn one_assignment_changes_alone_and_only_after_all_were_handed_out() {
    let fleet = fleet();
    let mut stream = fleet.connect("a", record(1), Vec::new(), true);
    let one = |uid: &str| Some(assignment(uid));
    fleet.assign_one("a", "connectors/u", one("u"));
    assert!(stream.assignments.borrow().is_none(), "what else it has to run is not known");
    assign(&fleet, &["u"]);
    stream.assignments.mark_unchanged();
    fleet.assign_one("a", "connectors/u", one("u"));
    assert_eq!(stream.assignments.has_changed().ok(), Some(false), "it is the same");
    fleet.assign_one("a", "connectors/v", one("v"));
    fleet.assign_one("a", "connectors/u", None);
    let latest = stream.assignments.borrow_and_update().clone().expect("assigned");
    assert_eq!(latest.iter().map(|one| &*one.connector).collect::<Vec<_>>(), ["connectors/v"]);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_comes_back_before_its_end_is_noted_keeps_its_lease() {
    let fleet = fleet();
    fleet.connect("a", record(1), Vec::new(), true);
    tokio::time::advance(LEASE).await;
    let silent = fleet.silent();
    assert_eq!(silent, ["a"]);
    fleet.connect("a", record(1), Vec::new(), true);
    assert!(fleet.expire(&silent).is_empty());
    let state = fleet.view("a").map(|agent| agent.state);
    assert_eq!(state, Some(v1::AgentState::Connected));
}

#[tokio::test(start_paused = true)]
async fn a_report_that_is_not_newer_than_the_last_is_not_taken() {
    let fleet = fleet();
    let session = fleet.connect("a", record(1), Vec::new(), true).session;
    let numbered = |sequence, uids: &[&str]| agent::v1::StatusReport { sequence, ..report(uids) };
    assert_eq!(fleet.report("a", session, numbered(2, &["u"])), ["connectors/u"]);
    assert!(fleet.report("a", session, numbered(2, &["v"])).is_empty());
    assert!(fleet.report("a", session, numbered(1, &["v"])).is_empty());
    assert_eq!(fleet.seen("connectors/u", "u").len(), 1);
    let touched = fleet.report("a", session, numbered(9, &["v"]));
    assert_eq!(touched, ["connectors/v", "connectors/u"]);
    assert!(fleet.seen("connectors/u", "u").is_empty());
    assert_eq!(fleet.seen("connectors/v", "v").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn commands_go_round_the_idle_agents_of_a_pool_up_to_a_window() {
    let fleet = fleet();
    let pool = record(1).pool();
    assert!(fleet.least_busy(&pool, 2).is_none());
    let streams: Vec<_> =
        ["a", "b", "c"].map(|id| fleet.connect(id, record(1), Vec::new(), true)).into();
    let mut waiting = Vec::new();
    let mut given = BTreeMap::<String, usize>::new();
    for number in 0..6 {
        let id = fleet.least_busy(&pool, 2).expect("room");
        let command = Command { id: format!("{number}"), ..Command::default() };
        waiting.push(fleet.command(&id, command).expect("queued"));
        *given.entry(id).or_default() += 1;
    }
    assert!(given.values().all(|count| *count == 2), "{given:?}");
    assert!(fleet.least_busy(&pool, 2).is_none());
    fleet.disconnect("a", streams[0].session);
    assert_eq!(fleet.connected(&pool), 2);
    waiting.clear();
    assert!(fleet.least_busy(&pool, 2).is_some_and(|id| id != "a"));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_answered_counts_from_the_first_of_it_and_what_is_withdrawn_from_then() {
    const STEP: Duration = Duration::from_secs(10);

    let fleet = fleet();
    let session = fleet.connect("a", record(1), vec!["held".to_owned()], true).session;
    assert_eq!(fleet.unanswered("a"), Some(Duration::ZERO));
    assign(&fleet, &["u"]);
    tokio::time::advance(STEP).await;
    assign(&fleet, &["u", "v"]);
    tokio::time::advance(STEP).await;
    assert_eq!(fleet.unanswered("a"), Some(2 * STEP));
    assert_eq!(fleet.withdrawn("a", "held"), Some(2 * STEP), "it said so in Hello");
    assert_eq!(fleet.withdrawn("a", "u"), None);

    fleet.sending("a", session, &list(1, &["u", "v"]));
    fleet.acknowledge("a", session, ack(1));
    assert_eq!(fleet.unanswered("a"), Some(Duration::ZERO));
    fleet.assign_one("a", "connectors/u", None);
    tokio::time::advance(STEP).await;
    assert_eq!((fleet.unanswered("a"), fleet.withdrawn("a", "u")), (Some(STEP), Some(STEP)));
    assign(&fleet, &["u", "v"]);
    assert_eq!(fleet.withdrawn("a", "u"), None, "it is to run it again");
    fleet.disconnect("a", session);
    assert_eq!(fleet.unanswered("a"), None, "there is no stream");
}

#[tokio::test(start_paused = true)]
async fn the_first_agent_of_a_pool_and_the_last_are_told_however_many_come_at_once() {
    let fleet = fleet();
    let pool = record(1).pool();
    let told = || fleet.take_changed_pools().into_iter().collect::<Vec<_>>();
    let a = fleet.connect("a", record(1), Vec::new(), true);
    let b = fleet.connect("b", record(1), Vec::new(), true);
    assert_eq!(told(), std::slice::from_ref(&pool), "before anybody asked, both were there");
    let _c = fleet.connect("c", record(1), Vec::new(), true);
    assert!(told().is_empty());
    fleet.disconnect("a", a.session);
    fleet.disconnect("b", b.session);
    assert!(told().is_empty());
    let elsewhere = AgentRecord { vpc_id: "vpc-2".to_owned(), ..record(1) };
    let moved = elsewhere.pool();
    let _c = fleet.connect("c", elsewhere, Vec::new(), true);
    assert_eq!(told(), [pool, moved], "it left the one, and came to the other");
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_heard_while_the_process_did_not_run_ends_no_lease() {
    let fleet = fleet();
    let _stream = fleet.connect("a", record(1), Vec::new(), true);
    for _ in 0..3 {
        tokio::time::advance(LEASE / 4).await;
        fleet.notice_pause();
    }
    tokio::time::advance(LEASE).await;
    fleet.notice_pause();
    assert!(expire(&fleet).is_empty());
    for _ in 0..4 {
        tokio::time::advance(LEASE / 4).await;
        fleet.notice_pause();
    }
    assert_eq!(expire(&fleet).len(), 1, "it ran all the time, and heard nothing");
}

#[tokio::test(start_paused = true)]
async fn a_list_on_its_way_keeps_the_agent_among_those_that_may_run_it() {
    let fleet = fleet();
    let placed = ["a".to_owned()];
    let session = fleet.connect("a", record(1), Vec::new(), true).session;
    assign(&fleet, &[]);
    fleet.sending("a", session, &list(1, &[]));
    fleet.acknowledge("a", session, ack(1));
    fleet.report("a", session, report(&[]));
    fleet.assign_one("a", "connectors/u", Some(assignment("u")));
    assert_eq!(fleet.holders("u", &placed), placed, "the list before did not have it");
}

#[tokio::test(start_paused = true)]
async fn what_an_agent_stopped_long_ago_is_not_remembered_of_its_stream() {
    let fleet = fleet();
    let session = fleet.connect("a", record(1), Vec::new(), true).session;
    for version in 1..=100 {
        let uid = format!("u-{version}");
        assign(&fleet, &[&uid]);
        fleet.sending("a", session, &list(version, &[&uid]));
        fleet.acknowledge("a", session, ack(version));
        fleet.report("a", session, report(&[&uid]));
    }
    let remembered = fleet.with("a", |agent| {
        agent.session.as_ref().map(|session| session.offered.len() + session.withdrawn.len())
    });
    assert_eq!(remembered.flatten(), Some(1));
}

/// Sends an agent a removal of what the connector `u` had.
fn removal(fleet: &Fleet, agent: &str, stream: &Stream, id: &str) {
    let command = Command { id: id.to_owned(), ..Command::default() };
    let result = fleet.command(agent, command);
    assert!(result.is_some() && fleet.goes_out(agent, stream.session, id, "u"));
}

#[tokio::test(start_paused = true)]
async fn who_was_sent_a_removal_may_carry_it_out_until_it_answers_or_a_while_after_its_stream() {
    let fleet = fleet();
    let connect = |id: &str| fleet.connect(id, record(1), Vec::new(), true);
    let (a, b) = (connect("a"), connect("b"));
    assert_eq!(fleet.removing("u"), None);
    removal(&fleet, "a", &a, "1");
    removal(&fleet, "b", &b, "2");
    assert_eq!(fleet.removing("u").as_deref(), Some("a"));
    let result = agent::v1::CommandResult { id: "1".to_owned(), result: None };
    fleet.answer("a", a.session, &result);
    assert_eq!(fleet.removing("u").as_deref(), Some("b"));
    // One that has answered is not waited for, whatever becomes of its stream.
    fleet.disconnect("a", a.session);

    tokio::time::advance(LEASE).await;
    assert_eq!(fleet.removing("u").as_deref(), Some("b"), "its stream stands");
    // Another stream of the same process is another one.
    connect("b");
    assert_eq!(fleet.removing("u").as_deref(), Some("b"));
    tokio::time::advance(Duration::from_secs(19)).await;
    assert_eq!(fleet.removing("u").as_deref(), Some("b"));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(fleet.removing("u"), None);
}

#[tokio::test(start_paused = true)]
async fn agents_that_drain_are_asked_last() {
    let fleet = fleet();
    let pool = record(1).pool();
    let _streams = ["a", "b"].map(|id| fleet.connect(id, record(1), Vec::new(), true));
    fleet.set_drain_time("a", Some(clock::now()));
    assert!(fleet.takers(&pool).is_empty(), "none has a capacity");
    let first = |asked: &[&str]| fleet.first_connected(&pool, asked.iter().copied());
    assert_eq!(first(&["a"]).as_deref(), Some("b"));
    assert_eq!(first(&["x", "b", "a"]).as_deref(), Some("b"));
    let mut waiting = Vec::new();
    for expected in ["b", "b", "a"] {
        let id = fleet.least_busy(&pool, 2).expect("room");
        assert_eq!(id, expected);
        let command = Command { id: waiting.len().to_string(), ..Command::default() };
        waiting.push(fleet.command(&id, command).expect("queued"));
    }
    fleet.set_drain_time("b", Some(clock::now()));
    assert_eq!(first(&["a"]).as_deref(), Some("a"), "all of them drain");
    assert_eq!(first(&["x"]).as_deref(), Some("a"));
}

#[tokio::test(start_paused = true)]
async fn an_agent_may_run_something_until_it_has_shown_that_it_does_not() {
    let fleet = fleet();
    let stream = fleet.connect("a", record(1), vec!["u".to_owned()], true);
    assert!(fleet.may_run_any("a"), "it says so");
    assign(&fleet, &["v"]);
    fleet.sending("a", stream.session, &list(1, &["v"]));
    fleet.report("a", stream.session, report(&[]));
    assert!(fleet.may_run_any("a"), "it may start what it was told");
    assign(&fleet, &[]);
    fleet.sending("a", stream.session, &list(2, &[]));
    fleet.acknowledge("a", stream.session, ack(2));
    assert!(fleet.may_run_any("a"), "it has not reported since");
    fleet.report("a", stream.session, report(&[]));
    assert!(!fleet.may_run_any("a"));
    fleet.disconnect("a", stream.session);
    assert!(fleet.may_run_any("a"), "another process of it may");
}
