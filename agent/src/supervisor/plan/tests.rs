use kafka2oss_proto::agent;
use kafka2oss_proto::v1::secret::Source;
use proptest::prelude::*;

use super::*;
use crate::assignment::Assignment;
use crate::task::{CommitsSeen, Mode, Resume};
use crate::testing::{assignment, connector_name, inline, resume, wire};

fn key(id: &str, index: u32) -> TaskKey {
    TaskKey { connector: connector_name(id), index }
}

fn assignments(all: impl IntoIterator<Item = Assignment>) -> Assignments {
    all.into_iter().map(|assignment| (assignment.connector.clone(), assignment)).collect()
}

fn changed(change: impl FnOnce(&mut agent::v1::ConnectorAssignment)) -> Assignments {
    let mut wire = wire("c", &[0]);
    change(&mut wire);
    assignments([Assignment::try_from(wire).expect("legal")])
}

/// Tasks as they are when these have been applied.
fn running(assignments: &Assignments) -> BTreeMap<TaskKey, Current> {
    let mut current = BTreeMap::new();
    for assignment in assignments.values() {
        for (&index, &threads) in &assignment.tasks {
            let running = Running {
                fixed: Arc::clone(&assignment.fixed),
                threads,
                guidance: assignment.guidance.clone(),
                credentials: assignment.credentials.clone(),
            };
            let key = TaskKey { connector: assignment.connector.clone(), index };
            current.insert(key, Current::Running(running));
        }
    }
    current
}

#[test]
fn each_change_leads_to_its_action_and_no_other() {
    let before = assignments([assignment("c", &[0])]);
    let restart = |mode| vec![Action::Restart(key("c", 0), mode)];
    let run = Guidance::of_mode(Mode::Run);
    let cases: [(&str, Assignments, Vec<Action>); 13] = [
        ("nothing", before.clone(), vec![]),
        (
            "generation and placement",
            changed(|wire| (wire.generation, wire.placement_version) = (8, 9)),
            vec![],
        ),
        (
            "paused",
            changed(|wire| wire.run_mode = agent::v1::RunMode::Pause.into()),
            vec![Action::Guide(key("c", 0), Guidance::of_mode(Mode::Pause))],
        ),
        (
            "a commit that was seen",
            changed(|wire| wire.committed_partitions = vec![1]),
            vec![Action::Guide(
                key("c", 0),
                Guidance { commits_seen: CommitsSeen::Of([1].into()), ..run.clone() },
            )],
        ),
        (
            "a decision about a partition",
            changed(|wire| wire.resumes = vec![resume(1, 4, Some(9))]),
            vec![Action::Guide(
                key("c", 0),
                Guidance {
                    resumes: [(1, Resume { number: 4, skip: Some(9) })].into(),
                    ..run.clone()
                },
            )],
        ),
        (
            "credentials",
            changed(|wire| inline(wire, &Source::Plain("new".to_owned()))),
            vec![Action::ReplaceStore(connector_name("c"))],
        ),
        ("threads", changed(|wire| wire.tasks[0].threads = 4), restart(StopMode::KeepMembership)),
        (
            "epoch",
            changed(|wire| wire.epoch.as_mut().expect("an epoch").number = 2),
            restart(StopMode::KeepMembership),
        ),
        (
            "deleted and created again",
            changed(|wire| wire.uid = "another".to_owned()),
            restart(StopMode::Leave),
        ),
        ("gone", Assignments::new(), vec![Action::Stop(key("c", 0))]),
        (
            "one more task",
            assignments([assignment("c", &[0, 1])]),
            vec![Action::Start(key("c", 1))],
        ),
        (
            "another task",
            assignments([assignment("c", &[1])]),
            vec![Action::Stop(key("c", 0)), Action::Start(key("c", 1))],
        ),
        (
            "one more connector",
            assignments([assignment("c", &[0]), assignment("d", &[1])]),
            vec![Action::Start(key("d", 1))],
        ),
    ];
    for (what, wanted, actions) in cases {
        assert_eq!(plan(&running(&before), &wanted), actions, "{what}");
    }
}

#[test]
fn a_task_that_ends_is_left_to_end() {
    let current = [(key("c", 0), Current::Stopping)].into();
    assert_eq!(plan(&current, &assignments([assignment("c", &[0])])), []);
    assert_eq!(plan(&current, &Assignments::new()), []);
}

#[test]
fn credentials_of_a_connector_are_replaced_once_for_all_its_tasks() {
    let before = assignments([assignment("c", &[0, 1])]);
    let mut new = wire("c", &[0, 1]);
    inline(&mut new, &Source::Plain("new".to_owned()));
    let wanted = assignments([Assignment::try_from(new).expect("legal")]);
    assert_eq!(plan(&running(&before), &wanted), [Action::ReplaceStore(connector_name("c"))]);
}

/// What the plan has made of the tasks, once those that stop have ended.
fn carry_out(
    mut current: BTreeMap<TaskKey, Current>,
    wanted: &Assignments,
) -> BTreeMap<TaskKey, Current> {
    let target = running(wanted);
    for action in plan(&current, wanted) {
        match action {
            Action::Start(key) | Action::Restart(key, _) => {
                current.insert(key.clone(), target[&key].clone());
            }
            Action::Stop(key) => {
                current.remove(&key);
            }
            Action::Guide(key, guidance) => {
                if let Some(Current::Running(running)) = current.get_mut(&key) {
                    running.guidance = guidance;
                }
            }
            Action::ReplaceStore(connector) => {
                for (key, task) in &mut current {
                    if let Current::Running(running) = task
                        && key.connector == connector
                    {
                        running.credentials.clone_from(&wanted[&connector].credentials);
                    }
                }
            }
        }
    }
    current
}

fn some_assignments() -> impl Strategy<Value = Assignments> {
    let guidance = (prop::bool::ANY, prop::bool::ANY, 1..3_u64);
    let one = (0..3_usize, guidance, prop::bool::ANY, 1..3_i64, 1..4_u8);
    prop::collection::vec(one, 0..4).prop_map(|all| {
        assignments(all.into_iter().map(
            |(connector, (paused, committed, number), plain, epoch, tasks)| {
                let indexes: Vec<u32> = (0..2).filter(|index| tasks & (1 << index) != 0).collect();
                let mut wire = wire(["a", "b", "c"][connector], &indexes);
                if paused {
                    wire.run_mode = agent::v1::RunMode::Pause.into();
                }
                if committed {
                    wire.committed_partitions.push(0);
                }
                wire.resumes.push(resume(0, number, None));
                if plain {
                    inline(&mut wire, &Source::Plain("secret".to_owned()));
                }
                wire.epoch.as_mut().expect("an epoch").number = epoch;
                Assignment::try_from(wire).expect("legal")
            },
        ))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_plan_carried_out_leaves_nothing_to_do(
        before in some_assignments(),
        wanted in some_assignments(),
    ) {
        let after = carry_out(running(&before), &wanted);
        let keys = |tasks: &BTreeMap<TaskKey, Current>| tasks.keys().cloned().collect::<Vec<_>>();
        prop_assert_eq!(keys(&after), keys(&running(&wanted)));
        prop_assert_eq!(plan(&after, &wanted), vec![]);
    }

    #[test]
    fn a_task_that_is_not_touched_was_as_wanted(
        before in some_assignments(),
        wanted in some_assignments(),
    ) {
        let touched: BTreeSet<TaskKey> = plan(&running(&before), &wanted)
            .into_iter()
            .filter_map(|action| match action {
                Action::Start(key) | Action::Stop(key) | Action::Restart(key, _) => Some(key),
                Action::Guide(..) | Action::ReplaceStore(_) => None,
            })
            .collect();
        for key in running(&before).keys().filter(|key| !touched.contains(key)) {
            prop_assert_eq!(&before[&key.connector].fixed, &wanted[&key.connector].fixed);
        }
    }
}
