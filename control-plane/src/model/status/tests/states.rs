//! Which state sums up what is seen.

use super::*;

#[test]
fn what_is_reported_of_another_epoch_counts_for_tasks_and_not_for_partitions() {
    let stopped = |epoch: i64, previous: Option<v1::ConnectorStatus>| {
        let known = running().with(|known| {
            known.partitions(&[PartitionState::Stopped]);
            known.previous = previous;
            for (_, _, report) in &mut known.reports {
                report.epoch = epoch;
                report.delivery_guarantee = DeliveryGuarantee::AtLeastOnce.into();
            }
        });
        known.status()
    };
    let ours = stopped(1, None);
    assert_eq!((ours.partitions_stopped, ours.total_lag), (1, Some(10)));
    assert_eq!(ours.delivery_guarantee(), DeliveryGuarantee::AtLeastOnce);
    let other = stopped(2, None);
    assert_eq!((other.partitions_stopped, other.total_lag), (0, None));
    assert_eq!(other.delivery_guarantee(), DeliveryGuarantee::ExactlyOnce);
    assert_eq!((other.state(), other.tasks_ready), (ConnectorState::Running, 2));

    // The same for what was shown before.
    assert_eq!(stopped(2, Some(ours.clone())).partitions.len(), 1);
    let epoch = Some(v1::Epoch { number: 7, ..Default::default() });
    let before = v1::ConnectorStatus { epoch, ..ours };
    assert!(stopped(2, Some(before)).partitions.is_empty());
}

#[test]
fn it_runs_when_every_task_reports_that_it_does() {
    let status = flowing().status();
    assert_eq!(status.state(), ConnectorState::Running);
    assert_eq!((status.tasks_desired, status.tasks_ready), (2, 2));
    assert_eq!(status.observed_generation, GENERATION);
    assert_eq!(status.delivery_guarantee(), DeliveryGuarantee::ExactlyOnce);
    assert_eq!(status.last_report_time, Some(Timestamp { seconds: 999, nanos: 0 }));
    let conditions: Vec<_> =
        status.conditions.iter().map(|c| (c.r#type.as_str(), c.status())).collect();
    let holds = ConditionStatus::True;
    assert_eq!(
        conditions,
        [("Placed", holds), ("Prepared", holds), ("Flowing", holds), ("Ready", holds)]
    );
    let tasks: Vec<_> =
        status.tasks.iter().map(|task| (task.agent.as_str(), task.state())).collect();
    assert_eq!(tasks, [("agents/a", TaskState::Running), ("agents/b", TaskState::Running)]);
}

#[test]
fn each_state_of_a_connector_that_is_to_run() {
    use ConnectorState as State;
    use TaskState::{Failed, Running, Starting};

    type Change = fn(&mut Known);
    let cases: &[(&str, Change, State)] = &[
        ("no start yet", |k| k.start_fixed = false, State::Deploying),
        ("one task starts", |k| k.task(1).state = Starting.into(), State::Deploying),
        ("one task has no report", |k| drop(k.reports.pop()), State::Deploying),
        ("one task has no agent", |k| k.placed.truncate(1), State::Degraded),
        ("no task has an agent", |k| k.placed.clear(), State::Deploying),
        ("one task fails", |k| k.task(1).state = Failed.into(), State::Degraded),
        (
            "one task has a problem",
            |k| {
                k.task(1).problem = Some(problem(ErrorCode::StoreUnreachable));
            },
            State::Degraded,
        ),
        (
            "one task lacks credentials",
            |k| {
                k.task(1).problem = Some(problem(ErrorCode::CredentialsRequired));
            },
            State::CredentialsRequired,
        ),
        (
            "a partition is stopped",
            |k| {
                k.partitions(&[PartitionState::Running, PartitionState::Stopped]);
            },
            State::Degraded,
        ),
        (
            "a partition waits for the store",
            |k| {
                k.partitions(&[PartitionState::Retrying]);
                k.reports[0].2.partitions[0].error_code = code(ErrorCode::StoreBucketNotFound);
            },
            State::Degraded,
        ),
        ("all partitions run", |k| k.partitions(&[PartitionState::Running; 6]), State::Running),
        ("one agent is silent", |k| k.reports[1].1 = 30, State::Degraded),
        ("one agent is silent for less than its lease", |k| k.reports[1].1 = 29, State::Running),
        (
            "all agents are silent",
            |k| {
                k.reports[0].1 = 30;
                k.reports[1].1 = 31;
            },
            State::Unknown,
        ),
        (
            "nothing heard since a restart",
            |k| {
                k.reports.clear();
                for (_, _, liveness) in &mut k.placed {
                    *liveness = Liveness::Disconnected;
                }
            },
            State::Unknown,
        ),
        ("connected, no report yet", |k| k.reports.clear(), State::Deploying),
        (
            "reports of another uid",
            |k| {
                for (_, _, report) in &mut k.reports {
                    report.uid = "other".to_owned();
                }
            },
            State::Deploying,
        ),
        (
            "reports of an older placement",
            |k| {
                for (_, _, report) in &mut k.reports {
                    report.placement_version = VERSION - 1;
                }
            },
            State::Deploying,
        ),
        (
            "a report of an agent that the task was moved from",
            |k| {
                k.placed[1].1 = "c";
            },
            State::Deploying,
        ),
        (
            "lost credentials that every agent still holds",
            |k| {
                k.credentials_lost = true;
            },
            State::Running,
        ),
        (
            "lost credentials and nothing runs",
            |k| {
                k.credentials_lost = true;
                k.reports.clear();
            },
            State::CredentialsRequired,
        ),
        (
            "paused tasks of a connector that resumes",
            |k| {
                for position in 0..2 {
                    k.task(position).state = TaskState::Paused.into();
                    k.reports[position].2.generation = GENERATION - 1;
                }
            },
            State::Deploying,
        ),
        (
            "an older generation that runs",
            |k| {
                k.reports[0].2.generation = GENERATION - 1;
            },
            State::Running,
        ),
    ];
    for (name, change, expected) in cases {
        assert_eq!(running().with(change).state(), *expected, "{name}");
    }
    assert_eq!(running().tasks([Failed, Starting]).state(), State::Failed);
    assert_eq!(running().tasks([Starting, Starting]).state(), State::Deploying);
    assert_eq!(running().tasks([Running, Failed]).state(), State::Degraded);
}

#[test]
fn one_that_ran_before_is_degraded_while_a_task_starts_again() {
    let ran = running().status();
    let again = running().tasks([TaskState::Running, TaskState::Starting]);
    assert_eq!(again.state(), ConnectorState::Deploying);
    assert_eq!(again.with(|k| k.previous = Some(ran)).state(), ConnectorState::Degraded);
}

#[test]
fn it_is_paused_once_every_task_has_said_so_at_this_generation() {
    use TaskState::{Paused, Running};

    let paused = running().with(|k| k.desired = DesiredState::Paused).tasks([Paused, Paused]);
    assert_eq!(paused.state(), ConnectorState::Paused);
    assert_eq!(paused.status().tasks_ready, 2);
    let one_runs = paused.clone().tasks([Paused, Running]);
    assert_eq!(one_runs.state(), ConnectorState::Pausing);
    let early = paused.clone().with(|k| k.reports[0].2.generation = GENERATION - 1);
    assert_eq!(early.state(), ConnectorState::Pausing);
    assert_eq!(early.status().observed_generation, GENERATION - 1);
    let moved = paused.clone().with(|k| k.reports[0].2.placement_version = VERSION - 1);
    assert_eq!(moved.state(), ConnectorState::Pausing);
    let unplaced = paused.clone().with(|k| k.placed.truncate(1));
    assert_eq!(unplaced.state(), ConnectorState::Pausing);
    let silent = paused.clone().with(|k| k.reports.iter_mut().for_each(|report| report.1 = 60));
    assert_eq!(silent.state(), ConnectorState::Unknown);
    let never_started = paused.with(|k| {
        k.ready = false;
        k.reports.clear();
    });
    assert_eq!(never_started.state(), ConnectorState::Paused);
}

#[test]
fn created_and_deleted_connectors_are_what_the_user_made_of_them() {
    let created = running().with(|k| {
        k.desired = DesiredState::Created;
        k.placed.clear();
        k.reports.clear();
        k.attempted = false;
        k.start_fixed = false;
    });
    let status = created.status();
    assert_eq!(status.state(), ConnectorState::Created);
    assert_eq!(status.observed_generation, GENERATION);
    assert_eq!((status.epoch, status.total_lag), (None, None));
    assert_eq!(created.condition("Ready"), (ConditionStatus::False, "NotDeployed".to_owned()));

    let deleted = running().with(|k| {
        k.desired = DesiredState::Deleted;
        k.deletion_problems = vec![problem(ErrorCode::AgentNoneInPool)];
    });
    assert_eq!(deleted.state(), ConnectorState::Deleting);
    assert_eq!(
        deleted.condition("Ready"),
        (ConditionStatus::False, code(ErrorCode::AgentNoneInPool))
    );
}

#[test]
fn a_refused_assignment_is_shown_and_the_last_good_one_counts() {
    let nack = |generation| agent::v1::AssignmentNack {
        placement_version: VERSION,
        generation,
        problem: Some(problem(ErrorCode::AgentUnsupported)),
        ..Default::default()
    };
    let refused = running().with(|k| {
        k.reports[1].2.placement_version = VERSION - 1;
        k.nacks = vec![("b", nack(GENERATION))];
    });
    assert_eq!(refused.state(), ConnectorState::Degraded);
    assert_eq!(refused.status().tasks[1].state(), TaskState::Running);
    assert_eq!(refused.status().tasks[1].error_code, code(ErrorCode::AgentUnsupported));
    assert_eq!(refused.condition("Ready").1, code(ErrorCode::AgentUnsupported));

    let nothing_held = refused.with(|k| drop(k.reports.pop()));
    assert_eq!(nothing_held.status().tasks[1].state(), TaskState::Failed);
    // A refusal of an earlier generation is over.
    let old = running().with(|k| k.nacks = vec![("b", nack(GENERATION - 1))]);
    assert_eq!(old.state(), ConnectorState::Running);
}
