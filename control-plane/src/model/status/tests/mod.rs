//! Cases of what is shown of a connector.
#![allow(clippy::unwrap_used)]

mod flowing;
mod properties;
mod reasons;
mod states;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use kafka2oss_domain::spec::Pool;
use kafka2oss_proto::v1::{ConditionStatus, TaskState};

use super::*;
use crate::model::flowing::Moment;

/// What counts as second 0.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

const LEASE: Duration = Duration::from_secs(30);
const VERSION: u64 = 3;
const GENERATION: i64 = 2;

/// What is known, owned; each test changes one thing of it.
#[derive(Debug, Clone)]
struct Known {
    desired: DesiredState,
    spread: i32,
    pool_has_agent: bool,
    credentials_lost: bool,
    start_fixed: bool,
    attempted: bool,
    ready: bool,
    problems: Vec<agent::v1::Problem>,
    missing: Vec<v1::PlannedResource>,
    guarantee: DeliveryGuarantee,
    placed: Vec<(i32, &'static str, Liveness)>,
    reports: Vec<(&'static str, u64, agent::v1::ConnectorReport)>,
    nacks: Vec<(&'static str, agent::v1::AssignmentNack)>,
    /// Seconds that assignments have waited for an answer.
    unanswered: u64,
    deletion_problems: Vec<agent::v1::Problem>,
    previous: Option<v1::ConnectorStatus>,
    memory: Memory,
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
        unanswered: 0,
        deletion_problems: Vec::new(),
        previous: None,
        memory: Memory::default(),
        now: 1_000,
    }
}

/// The same, with six partitions in all, three a task.
fn flowing() -> Known {
    running().with(|known| {
        for (at, (_, _, report)) in known.reports.iter_mut().enumerate() {
            let first = 3 * i32::try_from(at).unwrap();
            report.partitions = (first..first + 3)
                .map(|partition| v1::PartitionProgress {
                    partition,
                    task_index: i32::try_from(at).unwrap(),
                    position: Some(7),
                    lag: Some(0),
                    state: PartitionState::Running.into(),
                    ..Default::default()
                })
                .collect();
            report.group = Some(agent::v1::GroupLook {
                topic_partitions: 6,
                members_known: true,
                unowned: Vec::new(),
            });
        }
    })
}

fn report(index: i32, state: TaskState) -> agent::v1::ConnectorReport {
    let task = agent::v1::TaskReport { index, state: state.into(), pulse: 1, ..Default::default() };
    agent::v1::ConnectorReport {
        uid: "uid".to_owned(),
        generation: GENERATION,
        placement_version: VERSION,
        tasks: vec![task],
        ..Default::default()
    }
}

fn problem(code: ErrorCode) -> agent::v1::Problem {
    agent::v1::Problem { code: code.as_str().to_owned(), message: format!("seen: {code}") }
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

    fn task(&mut self, position: usize) -> &mut agent::v1::TaskReport {
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
        self.summary().0
    }

    /// So many seconds later, with what was remembered until then.
    fn later(self, seconds: i64) -> Self {
        let (previous, memory) = self.summary();
        self.with(|known| {
            (known.previous, known.memory) = (Some(previous), memory);
            known.now += seconds;
        })
    }

    fn summary(&self) -> (v1::ConnectorStatus, Memory) {
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
                unanswered: Duration::from_secs(self.unanswered),
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
            memory: &self.memory,
            now: Moment {
                at: *START + Duration::from_secs(u64::try_from(self.now).unwrap()),
                time: at(self.now),
            },
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
