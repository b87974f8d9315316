use kafka2oss_proto::v1::secret::Source;

use super::*;
use crate::options::Identity;
use crate::testing::{assignment, inline, wire};

fn refused(change: impl FnOnce(&mut v1::ConnectorAssignment)) -> Problem {
    let mut wire = wire("c", &[0, 1]);
    change(&mut wire);
    Assignment::try_from(wire).expect_err("refused")
}

#[test]
fn a_legal_assignment_says_what_each_task_runs() {
    let assignment = assignment("c", &[1]);
    assert_eq!(assignment.mode, Mode::Run);
    assert!(assignment.task(0).is_none(), "not of this agent");
    let task = assignment.task(1).expect("of this agent");
    assert_eq!((task.uid.as_str(), task.index, task.threads), ("uid-c", 1, 3));
    assert_eq!((task.epoch, task.topic_id.as_str()), (1, "id"));
    assert_eq!(task.start_offsets, [(0, 5), (1, 0)].into());
    assert_eq!(task.spec.source.topic, "t");
}

#[test]
fn what_an_agent_does_not_know_is_refused_as_unsupported() {
    type Change = fn(&mut v1::ConnectorAssignment);
    let changes: [(&str, Change); 11] = [
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
    ];
    for (word, change) in changes {
        let problem = refused(change);
        assert_eq!(problem.code, ErrorCode::AgentUnsupported, "{problem}");
        assert!(problem.message.contains(word), "{word}: {problem}");
    }
}

#[test]
fn an_epoch_without_a_start_is_refused() {
    for epoch in [None, Some(v1::Epoch { number: 3, ..Default::default() })] {
        assert_eq!(refused(|wire| wire.epoch = epoch).code, ErrorCode::StartNotFixed);
    }
}

#[test]
fn only_what_a_task_is_made_of_is_fixed() {
    let fixed = |change: fn(&mut v1::ConnectorAssignment)| {
        let mut wire = wire("c", &[0]);
        change(&mut wire);
        Assignment::try_from(wire).expect("legal").fixed
    };
    let before = assignment("c", &[0]).fixed;
    let same: [fn(&mut v1::ConnectorAssignment); 4] = [
        |wire| (wire.generation, wire.placement_version) = (5, 9),
        |wire| wire.run_mode = v1::RunMode::Pause.into(),
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
    let other: [fn(&mut v1::ConnectorAssignment); 4] = [
        |wire| wire.uid = "another".to_owned(),
        |wire| wire.epoch.as_mut().expect("an epoch").number = 2,
        |wire| {
            let instance = wire.instance.as_mut().expect("an instance");
            instance.bootstrap_servers = vec!["elsewhere:9092".to_owned()];
        },
        |wire| {
            let output = wire.spec.as_mut().and_then(|spec| spec.output.as_mut());
            output.expect("an output").layout = Some(v1::ObjectLayout { prefix: "p/".to_owned() });
        },
    ];
    for change in other {
        assert_ne!(fixed(change), before);
    }
}

#[test]
fn withheld_secrets_are_those_that_the_agent_holds_for_the_same_uid() {
    let keyring = Keyring::default();
    let mut held = wire("c", &[0]);
    inline(&mut held, &Source::Plain("secret".to_owned()));
    let held = Assignment::try_from(held).expect("legal");
    keyring.hold(&[(held.connector.clone(), held.clone())].into());

    let withheld = || {
        let mut wire = wire("c", &[0]);
        inline(&mut wire, &Source::Withheld(true));
        wire.spec.expect("a spec")
    };
    let mut spec = withheld();
    keyring.complete("uid-c", &mut spec).expect("held");
    assert_eq!(credentials::of(&spec), held.credentials.as_ref());

    let problem = keyring.complete("another", &mut withheld()).expect_err("not held");
    assert_eq!(problem.code, ErrorCode::CredentialsRequired);

    keyring.hold(&Assignments::new());
    assert!(keyring.complete("uid-c", &mut withheld()).is_err(), "no longer held");
}

#[test]
fn a_reference_is_not_what_was_withheld() {
    let keyring = Keyring::default();
    let held = assignment("c", &[0]);
    keyring.hold(&[(held.connector.clone(), held)].into());
    let mut wire = wire("c", &[0]);
    inline(&mut wire, &Source::Withheld(true));
    assert!(keyring.complete("uid-c", &mut wire.spec.expect("a spec")).is_err());
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
async fn a_damaged_cache_is_as_good_as_none() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("assignments.pb"), b"\xff\xff\xff").expect("written");
    assert!(cache(directory.path(), "a").await.load().await.assignments.is_empty());
}
