use std::time::Duration;

use kafka2oss_proto::v1::secret::Source;
use tokio::time::Instant;

use super::*;
use crate::options::Identity;
use crate::task::{Mode, Resume};
use crate::testing::{assignment, inline, resume, wire};

fn refused(change: impl FnOnce(&mut agent::v1::ConnectorAssignment)) -> Problem {
    let mut wire = wire("c", &[0, 1]);
    change(&mut wire);
    Assignment::try_from(wire).expect_err("refused")
}

#[test]
fn a_legal_assignment_says_what_each_task_runs() {
    let assignment = assignment("c", &[1]);
    assert_eq!(assignment.guidance, Guidance::of_mode(Mode::Run));
    assert!(assignment.task(0).is_none(), "not of this agent");
    let task = assignment.task(1).expect("of this agent");
    assert_eq!((task.uid.as_str(), task.index, task.threads), ("uid-c", 1, 3));
    assert_eq!((task.epoch, task.topic_id.as_str()), (1, "id"));
    assert_eq!(task.start_offsets, [(0, 5), (1, 0)].into());
    assert_eq!(task.spec.source.topic, "t");
}

#[test]
fn objects_share_keys_only_where_the_store_is_known_to_refuse() {
    use v1::DeliveryGuarantee::{AtLeastOnce, ExactlyOnce, Unspecified};
    for (guarantee, refuses, keys) in [
        // As told before the store was told apart from the rest.
        (ExactlyOnce, false, Keys::Shared),
        (ExactlyOnce, true, Keys::Shared),
        (AtLeastOnce, true, Keys::Shared),
        (AtLeastOnce, false, Keys::Own),
        (Unspecified, false, Keys::Own),
    ] {
        let mut wire = wire("c", &[0]);
        wire.features = vec![feature::OWN_KEYS.to_owned()];
        wire.set_delivery_guarantee(guarantee);
        wire.store_refuses_existing = refuses;
        let assignment = Assignment::try_from(wire).expect("legal");
        let task = assignment.task(0).expect("of this agent");
        assert_eq!(task.keys, keys, "{guarantee:?}, {refuses}");
    }
}

#[test]
fn what_an_agent_does_not_know_is_refused_as_unsupported() {
    type Change = fn(&mut agent::v1::ConnectorAssignment);
    let changes: [(&str, Change); 17] = [
        ("telepathy", |wire| wire.features.push("telepathy".to_owned())),
        ("run_mode", |wire| wire.run_mode = 0),
        ("run_mode", |wire| wire.run_mode = 77),
        ("not of the form", |wire| wire.connector = "c".to_owned()),
        ("uid", |wire| wire.uid.clear()),
        ("spec", |wire| wire.spec = None),
        ("instance", |wire| wire.instance = None),
        ("output.format", |wire| {
            let output = wire.spec.as_mut().and_then(|spec| spec.output.as_mut());
            output.expect("an output").format = 77;
        }),
        ("task 2", |wire| wire.tasks[1].index = 2),
        ("stands twice", |wire| wire.tasks[1].index = 0),
        ("threads", |wire| wire.tasks[0].threads = 0),
        ("committed partition -1", |wire| wire.committed_partitions = vec![0, -1]),
        ("committed partition 3 stands twice", |wire| wire.committed_partitions = vec![3, 3]),
        ("resume of partition -1", |wire| wire.resumes = vec![resume(-1, 1, None)]),
        ("has no number", |wire| wire.resumes = vec![resume(0, 0, None)]),
        ("negative offset", |wire| wire.resumes = vec![resume(0, 1, Some(-1))]),
        ("resume of partition 2 stands twice", |wire| {
            wire.resumes = vec![resume(2, 1, None), resume(2, 2, None)];
        }),
    ];
    for (word, change) in changes {
        let problem = refused(change);
        assert_eq!(problem.code, ErrorCode::AgentUnsupported, "{problem}");
        assert!(problem.message.contains(word), "{word}: {problem}");
    }
}

#[test]
fn the_live_stream_says_what_was_committed_and_what_was_decided() {
    let mut wire = wire("c", &[0]);
    wire.run_mode = agent::v1::RunMode::Pause.into();
    wire.committed_partitions = vec![4, 0];
    wire.resumes = vec![resume(2, 7, Some(40)), resume(1, 8, None)];
    let guidance = Assignment::try_from(wire).expect("legal").guidance;
    assert_eq!(guidance.mode, Mode::Pause);
    assert_eq!(guidance.commits_seen, CommitsSeen::Of([0, 4].into()));
    let (retry, skip) = (Resume { number: 8, skip: None }, Resume { number: 7, skip: Some(40) });
    assert_eq!(guidance.resumes, [(1, retry), (2, skip)].into());
}

#[test]
fn an_epoch_without_a_start_is_refused() {
    for epoch in [None, Some(v1::Epoch { number: 3, ..Default::default() })] {
        assert_eq!(refused(|wire| wire.epoch = epoch).code, ErrorCode::StartNotFixed);
    }
}

#[test]
fn only_what_a_task_is_made_of_is_fixed() {
    let fixed = |change: fn(&mut agent::v1::ConnectorAssignment)| {
        let mut wire = wire("c", &[0]);
        change(&mut wire);
        Assignment::try_from(wire).expect("legal").fixed
    };
    let before = assignment("c", &[0]).fixed;
    let same: [fn(&mut agent::v1::ConnectorAssignment); 6] = [
        |wire| (wire.generation, wire.placement_version) = (5, 9),
        |wire| wire.run_mode = agent::v1::RunMode::Pause.into(),
        |wire| wire.committed_partitions = vec![0],
        |wire| wire.resumes = vec![resume(0, 1, None)],
        |wire| inline(wire, &Source::Plain("secret".to_owned())),
        |wire| {
            let instance = wire.instance.as_mut().expect("an instance");
            instance.kafka_cluster_id = "seen by an agent".to_owned();
            instance.etag = "2".to_owned();
        },
    ];
    for change in same {
        assert_eq!(fixed(change), before);
    }
    let other: [fn(&mut agent::v1::ConnectorAssignment); 4] = [
        |wire| wire.uid = "another".to_owned(),
        |wire| wire.epoch.as_mut().expect("an epoch").number = 2,
        |wire| {
            let instance = wire.instance.as_mut().expect("an instance");
            instance.bootstrap_servers = vec!["elsewhere:9092".to_owned()];
        },
        |wire| {
            let output = wire.spec.as_mut().and_then(|spec| spec.output.as_mut());
            output.expect("an output").layout =
                Some(v1::ObjectLayout { prefix: "p/".to_owned(), ..Default::default() });
        },
    ];
    for change in other {
        assert_ne!(fixed(change), before);
    }
}

fn plain(value: &str) -> agent::v1::ConnectorAssignment {
    named("", value)
}

/// Secrets of this name.
fn named(secrets_id: &str, value: &str) -> agent::v1::ConnectorAssignment {
    let mut wire = wire("c", &[0]);
    inline(&mut wire, &Source::Plain(value.to_owned()));
    wire.secrets_id = secrets_id.to_owned();
    wire
}

fn held(wire: agent::v1::ConnectorAssignment) -> Assignments {
    let assignment = Assignment::try_from(wire).expect("legal");
    [(assignment.connector.clone(), assignment)].into()
}

/// What the keyring fills in for withheld credentials of this uid.
fn completed(keyring: &Keyring, uid: &str) -> Result<Option<v1::StoreCredentials>, Problem> {
    completed_as(keyring, uid, "")
}

/// The same for those of this name.
fn completed_as(
    keyring: &Keyring,
    uid: &str,
    secrets_id: &str,
) -> Result<Option<v1::StoreCredentials>, Problem> {
    let mut wire = wire("c", &[0]);
    inline(&mut wire, &Source::Withheld(true));
    let mut spec = wire.spec.expect("a spec");
    keyring.complete(uid, secrets_id, &mut spec)?;
    Ok(credentials::of(&spec).cloned())
}

/// Holds what came with the preparing of the connector.
fn prepare(keyring: &Keyring, wire: &agent::v1::ConnectorAssignment, at: Instant) {
    let spec = wire.spec.as_ref().expect("a spec");
    keyring.hold_prepared(&wire.uid, &wire.secrets_id, spec, at);
}

fn credentials_of(wire: &agent::v1::ConnectorAssignment) -> Option<v1::StoreCredentials> {
    credentials::of(wire.spec.as_ref().expect("a spec")).cloned()
}

#[tokio::test]
async fn withheld_secrets_are_those_that_the_agent_holds_for_the_same_uid() {
    let (keyring, now) = (Keyring::default(), Instant::now());
    keyring.hold(&held(plain("secret")), now);
    assert_eq!(completed(&keyring, "uid-c"), Ok(credentials_of(&plain("secret"))));

    let problem = completed(&keyring, "another").expect_err("not held");
    assert_eq!(problem.code, ErrorCode::CredentialsRequired);

    keyring.hold(&Assignments::new(), now);
    assert!(completed(&keyring, "uid-c").is_err(), "no longer held");
}

#[tokio::test]
async fn secrets_of_what_was_prepared_are_held_for_a_while_without_an_assignment() {
    let (keyring, start) = (Keyring::default(), Instant::now());
    let secret = plain("secret");
    let minutes = |minutes: u64| start + Duration::from_secs(60 * minutes);
    let hold_none = |at: Instant| {
        keyring.hold(&Assignments::new(), at);
        completed(&keyring, "uid-c").is_ok()
    };
    prepare(&keyring, &secret, start);
    assert!(hold_none(minutes(59)));
    prepare(&keyring, &secret, minutes(59));
    assert!(hold_none(minutes(118)), "prepared again in the meantime");
    assert!(!hold_none(minutes(120)));

    prepare(&keyring, &secret, minutes(120));
    prepare(&keyring, &wire("other", &[0]), minutes(181));
    assert!(completed(&keyring, "uid-c").is_err(), "what else is prepared drops it too");
}

#[tokio::test]
async fn the_latest_secrets_of_a_uid_are_held() {
    let (keyring, now) = (Keyring::default(), Instant::now());
    prepare(&keyring, &plain("first"), now);
    keyring.hold(&held(plain("second")), now);
    assert_eq!(completed(&keyring, "uid-c"), Ok(credentials_of(&plain("second"))));
    prepare(&keyring, &plain("third"), now);
    assert_eq!(completed(&keyring, "uid-c"), Ok(credentials_of(&plain("third"))));
}

#[tokio::test]
async fn withheld_secrets_are_those_of_their_name_and_no_others() {
    let (keyring, now) = (Keyring::default(), Instant::now());
    let is = |secrets_id: &str, value: &str| {
        assert_eq!(
            completed_as(&keyring, "uid-c", secrets_id),
            Ok(credentials_of(&named(secrets_id, value))),
            "{secrets_id}"
        );
    };
    let is_lost = |secrets_id: &str| {
        let problem = completed_as(&keyring, "uid-c", secrets_id).expect_err("not held");
        assert_eq!(problem.code, ErrorCode::CredentialsRequired);
    };
    keyring.hold(&held(plain("unnamed")), now);
    is_lost("1");
    keyring.hold(&held(named("1", "one")), now);
    is("1", "one");
    is_lost("2");
    // As a control plane asks that names none.
    is("", "one");

    // Its tasks go on with the ones, and it is prepared with the others.
    prepare(&keyring, &named("2", "two"), now);
    keyring.hold(&held(named("1", "one")), now);
    is("1", "one");
    is("2", "two");
    prepare(&keyring, &named("3", "three"), now);
    is_lost("2");
    keyring.hold(&held(named("3", "three")), now);
    is_lost("1");
    is("3", "three");
}

#[tokio::test]
async fn a_reference_is_not_what_was_withheld() {
    let keyring = Keyring::default();
    keyring.hold(&held(wire("c", &[0])), Instant::now());
    assert!(completed(&keyring, "uid-c").is_err());
}

fn identity(agent: &str) -> Identity {
    crate::Options::new(agent).identity().expect("legal")
}

async fn cache(directory: &std::path::Path, agent: &str) -> AssignmentCache {
    AssignmentCache::open(Some(directory), &identity(agent)).await.expect("a directory")
}

#[tokio::test]
async fn the_cache_brings_assignments_back_and_no_plain_secret_gets_to_disk() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = StoreIdentity { id: "s".to_owned(), epoch: 2 };
    let mut plain = wire("plain", &[0]);
    inline(&mut plain, &Source::Plain("hunter2hunter2".to_owned()));
    let plain = Assignment::try_from(plain).expect("legal");
    let assignments: Assignments = [plain, assignment("by-reference", &[0, 1])]
        .map(|assignment| (assignment.connector.clone(), assignment))
        .into();
    cache(directory.path(), "a").await.save(&store, &assignments).await;

    for file in std::fs::read_dir(directory.path()).expect("it is there") {
        let bytes = std::fs::read(file.expect("an entry").path()).expect("a file");
        assert!(!bytes.windows(7).any(|window| window == b"hunter2"));
    }
    let cached = cache(directory.path(), "a").await.load().await;
    assert_eq!(cached.store, store);
    let names: Vec<_> = cached.assignments.keys().map(ConnectorName::id).collect();
    assert_eq!(names, ["by-reference"], "the other one waits for its credentials");

    let foreign = cache(directory.path(), "b").await.load().await;
    assert!(foreign.assignments.is_empty(), "another agent's");
}

#[tokio::test]
async fn a_cached_assignment_does_not_know_what_was_committed_since() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut wire = wire("c", &[0]);
    wire.committed_partitions = vec![1];
    wire.resumes = vec![resume(0, 3, Some(9))];
    cache(directory.path(), "a").await.save(&StoreIdentity::default(), &held(wire)).await;

    let cached = cache(directory.path(), "a").await.load().await;
    let [assignment] = cached.assignments.values().collect::<Vec<_>>()[..] else {
        panic!("{cached:?}");
    };
    let resumes = [(0, Resume { number: 3, skip: Some(9) })].into();
    let expected = Guidance { mode: Mode::Run, commits_seen: CommitsSeen::Unknown, resumes };
    assert_eq!(assignment.guidance, expected);
}

#[tokio::test]
async fn tasks_that_are_no_longer_listed_are_not_cached() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut assignments = held(wire("c", &[0, 1]));
    for assignment in assignments.values_mut() {
        assignment.retain_tasks(&wire("c", &[1]).tasks);
        assert!(assignment.task(0).is_none() && assignment.task(1).is_some());
    }
    cache(directory.path(), "a").await.save(&StoreIdentity::default(), &assignments).await;
    let cached = cache(directory.path(), "a").await.load().await;
    assert!(cached.assignments.values().all(|assignment| assignment.tasks.keys().eq([&1])));
    assert_eq!(cached.assignments.len(), 1);
}

#[tokio::test]
async fn a_damaged_cache_is_as_good_as_none() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("assignments.pb"), b"\xff\xff\xff").expect("written");
    assert!(cache(directory.path(), "a").await.load().await.assignments.is_empty());
}
