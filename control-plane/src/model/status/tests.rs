//! Cases of what is shown of a connector.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use kafka2oss_proto::spec::Pool;
use kafka2oss_proto::v1::{ConditionStatus, ResourceRole, TaskState};
use proptest::prelude::*;

use super::*;

const LEASE: Duration = Duration::from_secs(30);
const VERSION: u64 = 3;
const GENERATION: u64 = 2;

/// What is known, owned; each test changes one thing of it.
#[derive(Debug, Clone)]
struct Known {
    desired: DesiredState,
    spread: u32,
    pool_has_agent: bool,
    credentials_lost: bool,
    start_fixed: bool,
    attempted: bool,
    ready: bool,
    problems: Vec<v1::Problem>,
    missing: Vec<v1::PlannedResource>,
    guarantee: DeliveryGuarantee,
    placed: Vec<(u32, &'static str, Liveness)>,
    reports: Vec<(&'static str, u64, v1::ConnectorReport)>,
    nacks: Vec<(&'static str, v1::AssignmentNack)>,
    deletion_problems: Vec<v1::Problem>,
    previous: Option<v1::ConnectorStatus>,
    now: i64,
}

/// Two tasks on two agents, both RUNNING.
fn running() -> Known {
    Known {
        desired: DesiredState::Running,
        spread: 2,
        pool_has_agent: true,
        credentials_lost: false,
        start_fixed: true,
        attempted: true,
        ready: true,
        problems: Vec::new(),
        missing: Vec::new(),
        guarantee: DeliveryGuarantee::ExactlyOnce,
        placed: vec![(0, "a", Liveness::Connected), (1, "b", Liveness::Connected)],
        reports: vec![
            ("a", 1, report(0, TaskState::Running)),
            ("b", 1, report(1, TaskState::Running)),
        ],
        nacks: Vec::new(),
        deletion_problems: Vec::new(),
        previous: None,
        now: 1_000,
    }
}

fn report(index: u32, state: TaskState) -> v1::ConnectorReport {
    let task = v1::TaskReport { index, state: state.into(), problem: None };
    v1::ConnectorReport {
        uid: "uid".to_owned(),
        generation: GENERATION,
        placement_version: VERSION,
        tasks: vec![task],
        ..Default::default()
    }
}

fn problem(code: ErrorCode) -> v1::Problem {
    v1::Problem { code: code.as_str().to_owned(), message: format!("seen: {code}") }
}

impl Known {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn tasks(self, states: [TaskState; 2]) -> Self {
        self.with(|known| {
            for ((_, _, report), state) in known.reports.iter_mut().zip(states) {
                report.tasks[0].state = state.into();
            }
        })
    }

    fn task(&mut self, position: usize) -> &mut v1::TaskReport {
        &mut self.reports[position].2.tasks[0]
    }

    fn partitions(&mut self, states: &[PartitionState]) {
        let partitions = states.iter().zip(0..).map(|(state, partition)| v1::PartitionProgress {
            partition,
            lag: Some(10),
            state: (*state).into(),
            ..Default::default()
        });
        self.reports[0].2.partitions = partitions.collect();
    }

    fn status(&self) -> v1::ConnectorStatus {
        let at = |seconds| Timestamp { seconds, nanos: 0 };
        let epoch = v1::Epoch {
            number: 1,
            fixed_time: self.start_fixed.then(|| at(1)),
            ..Default::default()
        };
        let placed: Vec<_> = self
            .placed
            .iter()
            .map(|(index, agent, liveness)| PlacedTask {
                index: *index,
                agent,
                liveness: *liveness,
            })
            .collect();
        let reports: Vec<_> = self
            .reports
            .iter()
            .map(|(agent, age, report)| AgentReport {
                agent,
                received: at(self.now - i64::try_from(*age).unwrap()),
                age: Duration::from_secs(*age),
                report,
            })
            .collect();
        let nacks: Vec<_> =
            self.nacks.iter().map(|(agent, nack)| AgentNack { agent, nack }).collect();
        let preparation = Preparation {
            ready: self.ready,
            problems: &self.problems,
            warnings: &[],
            missing_resources: &self.missing,
            delivery_guarantee: self.guarantee,
            delivery_guarantee_reason: "versioning is on",
        };
        summarize(&Observation {
            uid: "uid",
            desired: self.desired,
            generation: GENERATION,
            spread: self.spread,
            pool: &Pool::default(),
            pool_has_agent: self.pool_has_agent,
            credentials_lost: self.credentials_lost,
            epoch: Some(&epoch),
            preparation: self.attempted.then_some(preparation),
            deletion_problems: &self.deletion_problems,
            placement_version: VERSION,
            placed: &placed,
            reports: &reports,
            nacks: &nacks,
            lease: LEASE,
            previous: self.previous.as_ref(),
            now: at(self.now),
        })
    }

    fn state(&self) -> ConnectorState {
        self.status().state()
    }

    /// Status and reason of a condition.
    fn condition(&self, kind: &str) -> (ConditionStatus, String) {
        let conditions = self.status().conditions;
        let condition = conditions.iter().find(|condition| condition.r#type == kind).unwrap();
        (condition.status(), condition.reason.clone())
    }
}

fn code(code: ErrorCode) -> String {
    code.as_str().to_owned()
}

#[test]
fn it_runs_when_every_task_reports_that_it_does() {
    let status = running().status();
    assert_eq!(status.state(), ConnectorState::Running);
    assert_eq!((status.tasks_desired, status.tasks_ready), (2, 2));
    assert_eq!(status.observed_generation, GENERATION);
    assert_eq!(status.delivery_guarantee(), DeliveryGuarantee::ExactlyOnce);
    assert_eq!(status.last_report_time, Some(Timestamp { seconds: 999, nanos: 0 }));
    let conditions: Vec<_> =
        status.conditions.iter().map(|c| (c.r#type.as_str(), c.status())).collect();
    let holds = ConditionStatus::True;
    assert_eq!(conditions, [("Placed", holds), ("Prepared", holds), ("Ready", holds)]);
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
fn what_preparation_comes_to_is_shown_with_its_code_and_what_helps() {
    use ConnectorState as State;

    let unprepared = || {
        running().with(|k| {
            k.ready = false;
            k.reports.clear();
        })
    };
    assert_eq!(unprepared().with(|k| k.attempted = false).state(), State::Deploying);
    assert_eq!(
        unprepared().with(|k| k.attempted = false).condition("Prepared"),
        (ConditionStatus::Unknown, "Preparing".to_owned())
    );
    for (cause, state) in [
        (ErrorCode::KafkaResourceMissing, State::Deploying),
        (ErrorCode::StoreBucketNotFound, State::Failed),
        (ErrorCode::KafkaUnreachable, State::Failed),
        (ErrorCode::CredentialsRequired, State::CredentialsRequired),
    ] {
        let known = unprepared().with(|k| k.problems = vec![problem(cause)]);
        assert_eq!(known.state(), state, "{cause}");
        for kind in ["Prepared", "Ready"] {
            assert_eq!(known.condition(kind), (ConditionStatus::False, code(cause)), "{cause}");
        }
        assert_eq!(known.status().conditions[1].remedy, cause.remedy());
    }
    let lost = unprepared().with(|k| k.credentials_lost = true);
    assert_eq!(lost.state(), State::CredentialsRequired);
    assert_eq!(lost.condition("Prepared").1, code(ErrorCode::CredentialsRequired));
}

#[test]
fn missing_resources_are_shown_until_they_exist() {
    let missing = v1::PlannedResource {
        roles: vec![ResourceRole::OffsetTopic.into()],
        name: "connect-offset-c".to_owned(),
        ..Default::default()
    };
    let known = running().with(|k| {
        k.ready = false;
        k.reports.clear();
        k.missing = vec![missing];
    });
    assert_eq!(known.status().missing_resources.len(), 1);
    assert_eq!(known.condition("Prepared").1, code(ErrorCode::KafkaResourceMissing));
    assert!(known.status().conditions[1].message.contains("connect-offset-c"));
    assert!(known.with(|k| k.ready = true).status().missing_resources.is_empty());
}

#[test]
fn a_code_of_a_newer_agent_is_shown_as_it_is() {
    let unknown = v1::Problem { code: "NEW_CODE".to_owned(), message: "new".to_owned() };
    let known = running().with(|k| {
        k.ready = false;
        k.reports.clear();
        k.problems = vec![unknown];
    });
    assert_eq!(known.condition("Prepared"), (ConditionStatus::False, "NEW_CODE".to_owned()));
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
fn a_task_without_an_agent_says_so() {
    let known = running().with(|k| {
        k.placed.clear();
        k.reports.clear();
    });
    assert_eq!(
        known.condition("Placed"),
        (ConditionStatus::False, code(ErrorCode::AgentNoneInPool))
    );
    assert_eq!(known.condition("Ready").1, code(ErrorCode::AgentNoneInPool));
    let task = &known.status().tasks[0];
    assert_eq!((task.agent.as_str(), task.state()), ("", TaskState::Unplaced));
    assert_eq!(task.error_code, code(ErrorCode::AgentNoneInPool));
}

#[test]
fn tasks_that_wait_for_preparation_miss_no_agent_while_there_is_one() {
    let waiting = running().with(|k| {
        k.attempted = false;
        k.placed.clear();
        k.reports.clear();
    });
    assert_eq!(waiting.state(), ConnectorState::Deploying);
    assert_eq!(waiting.condition("Placed"), (ConditionStatus::Unknown, "Preparing".to_owned()));
    assert_eq!(waiting.condition("Ready"), (ConditionStatus::False, "Preparing".to_owned()));
    assert_eq!(waiting.status().tasks[0].error_code, "");

    let alone = waiting.with(|k| k.pool_has_agent = false);
    assert_eq!(alone.state(), ConnectorState::Deploying);
    for kind in ["Placed", "Ready"] {
        let none = (ConditionStatus::False, code(ErrorCode::AgentNoneInPool));
        assert_eq!(alone.condition(kind), none, "{kind}");
    }
    assert_eq!(alone.status().tasks[0].error_code, code(ErrorCode::AgentNoneInPool));
}

#[test]
fn a_refused_assignment_is_shown_and_the_last_good_one_counts() {
    let nack = |generation| v1::AssignmentNack {
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

#[test]
fn the_time_of_a_condition_changes_with_its_status_only() {
    let time = |known: &Known, kind: usize| {
        known.status().conditions[kind].last_transition_time.unwrap().seconds
    };
    let first = running();
    assert_eq!(time(&first, 2), 1_000);
    let later = first.clone().with(|k| {
        k.previous = Some(first.status());
        k.now = 2_000;
    });
    assert_eq!(time(&later, 2), 1_000);
    let failing = later.with(|k| k.task(0).state = TaskState::Failed.into());
    assert_eq!((time(&failing, 0), time(&failing, 2)), (1_000, 2_000));
}

#[test]
fn numbers_are_summed_over_agents_and_kept_while_there_is_no_report() {
    let totals = |records| v1::ConnectorTotals { records, objects: 1, ..Default::default() };
    let known = running().with(|k| {
        k.partitions(&[PartitionState::Running, PartitionState::Stopped]);
        k.reports[0].2.totals = Some(totals(5));
        k.reports[1].2.totals = Some(totals(7));
    });
    let status = known.status();
    assert_eq!((status.partitions_assigned, status.partitions_stopped), (2, 1));
    assert_eq!(status.total_lag, Some(20));
    let sum = status.totals.unwrap();
    assert_eq!((sum.records, sum.objects), (12, 2));

    let moved = known.with(|k| {
        k.previous = Some(status.clone());
        k.reports.clear();
    });
    assert_eq!(moved.status().total_lag, Some(20));
    assert_eq!(moved.status().last_report_time, status.last_report_time);
    assert_eq!(running().status().total_lag, None, "no partition has a known lag");
}

#[test]
fn a_reply_that_breaks_the_guarantee_lowers_it_at_once() {
    let lowered = running().with(|k| {
        k.reports[1].2.delivery_guarantee = DeliveryGuarantee::AtLeastOnce.into();
        k.reports[1].2.delivery_guarantee_reason = "a version id came back".to_owned();
    });
    let status = lowered.status();
    assert_eq!(status.delivery_guarantee(), DeliveryGuarantee::AtLeastOnce);
    assert_eq!(status.delivery_guarantee_reason, "a version id came back");

    let probed = running().with(|k| k.guarantee = DeliveryGuarantee::AtLeastOnce);
    assert_eq!(probed.status().delivery_guarantee_reason, "versioning is on");
    assert_eq!(running().status().delivery_guarantee_reason, "");
}

fn any_known() -> impl Strategy<Value = Known> {
    let desired = prop::sample::select(DesiredState::ALL.to_vec());
    let task = (any::<bool>(), 0..6, 0..3_u64, 1..4_u64, 0..40_u64, any::<bool>());
    (desired, any::<[bool; 5]>(), prop::collection::vec(task, 2)).prop_map(
        |(desired, [lost, fixed, attempted, ready, agent], tasks)| {
            let mut known = running().with(|k| {
                k.desired = desired;
                (k.credentials_lost, k.pool_has_agent) = (lost, agent);
                (k.start_fixed, k.attempted, k.ready) = (fixed, attempted, ready);
            });
            let mut keep = Vec::new();
            for (position, (placed, state, generation, version, age, connected)) in
                tasks.into_iter().enumerate()
            {
                known.reports[position].1 = age;
                known.reports[position].2.generation = generation;
                known.reports[position].2.placement_version = version;
                known.task(position).state = state;
                if !connected {
                    known.placed[position].2 = Liveness::Disconnected;
                }
                keep.push(placed);
            }
            let mut keep = keep.into_iter();
            known.placed.retain(|_| keep.next().unwrap());
            known
        },
    )
}

proptest! {
    #[test]
    fn no_state_says_more_than_is_known(known in any_known()) {
        let status = known.status();
        let at_version = |task: TaskState, generation: Option<u64>| {
            known.placed.len() == 2 && known.reports.iter().all(|(_, age, report)| {
                *age < 30
                    && report.placement_version == VERSION
                    && generation.is_none_or(|generation| report.generation == generation)
                    && report.tasks[0].state() == task
            })
        };
        match status.state() {
            ConnectorState::Running => {
                prop_assert!(known.start_fixed && at_version(TaskState::Running, None));
            }
            ConnectorState::Paused => {
                let acknowledged = at_version(TaskState::Paused, Some(GENERATION));
                let never_started = !(known.start_fixed && known.attempted && known.ready);
                prop_assert!(acknowledged || never_started);
            }
            ConnectorState::Unspecified => prop_assert!(false, "a state is always known"),
            _ => {}
        }
        prop_assert_eq!(status.conditions.len(), 3);
        for condition in &status.conditions {
            prop_assert!(!condition.reason.is_empty() && !condition.message.is_empty());
        }
        let ready = status.conditions[2].status() == ConditionStatus::True;
        prop_assert_eq!(ready, status.state() == ConnectorState::Running);
    }

    #[test]
    fn summing_up_again_changes_nothing(known in any_known()) {
        let once = known.status();
        let again = known.with(|k| k.previous = Some(once.clone())).status();
        prop_assert_eq!(again, once);
    }
}
