//! Why a connector is in its state: conditions, each with what is seen and
//! what helps.

mod flowing;

use kafka2oss_domain::ErrorCode;
use kafka2oss_proto::agent;
use kafka2oss_proto::v1::{self, ConditionStatus, ConnectorState};

use super::figures::Figures;
use super::tasks::{Sight, TaskCounts, TaskView};
use super::{
    DesiredState, Observation, is_in_trouble, is_prepared, start_is_fixed, waits_for_preparation,
};

/// A message stays readable, however many partitions there are.
const PROBLEMS_AT_MOST: usize = 5;

/// What a condition says, but for its type and time.
struct Verdict {
    status: ConditionStatus,
    reason: String,
    message: String,
    remedy: String,
}

impl Verdict {
    /// One that needs nothing of the user; `reason` is one word in camel case.
    fn plain(status: ConditionStatus, reason: &str, message: impl Into<String>) -> Self {
        let (reason, message) = (reason.to_owned(), message.into());
        Self { status, reason, message, remedy: String::new() }
    }

    /// What does not hold because of an error of the catalogue.
    fn error(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            status: ConditionStatus::False,
            reason: code.as_str().to_owned(),
            message: message.into(),
            remedy: code.remedy().to_owned(),
        }
    }

    /// What does not hold because of `problems`, the first of which gives the
    /// reason. An agent may be newer than this control plane and know codes
    /// that it does not.
    fn problems(problems: &[agent::v1::Problem]) -> Self {
        let code = problems.first().map_or("", |first| first.code.as_str());
        let messages: Vec<_> = problems
            .iter()
            .map(|problem| match problem.code.as_str() {
                same if same == code => problem.message.clone(),
                other => format!("{other}: {}", problem.message),
            })
            .collect();
        Self {
            status: ConditionStatus::False,
            reason: code.to_owned(),
            message: messages.join("; "),
            remedy: code
                .parse()
                .map_or_else(|_| String::new(), |code: ErrorCode| code.remedy().to_owned()),
        }
    }
}

/// Every condition, in the order in which they come true.
pub(super) fn all(
    seen: &Observation<'_>,
    state: ConnectorState,
    tasks: &[TaskView],
    counts: &TaskCounts,
    figures: &Figures,
) -> Vec<v1::Condition> {
    let verdicts = [
        ("Placed", placed(seen, tasks, counts)),
        ("Prepared", prepared(seen)),
        ("Flowing", flowing::verdict(seen, state, tasks, counts, figures)),
        ("Ready", ready(seen, state, tasks, counts, &figures.partitions)),
    ];
    verdicts.into_iter().map(|(kind, verdict)| condition(seen, kind, verdict)).collect()
}

/// The time stays while the status does.
fn condition(seen: &Observation<'_>, kind: &str, verdict: Verdict) -> v1::Condition {
    let Verdict { status, reason, message, remedy } = verdict;
    let before = seen
        .previous
        .and_then(|previous| previous.conditions.iter().find(|before| before.r#type == kind))
        .filter(|before| before.status() == status)
        .and_then(|before| before.last_transition_time);
    v1::Condition {
        r#type: kind.to_owned(),
        status: status.into(),
        reason,
        message,
        remedy,
        last_transition_time: before.or(Some(seen.now.time)),
    }
}

fn not_deployed() -> Verdict {
    Verdict {
        remedy: "Deploy the connector.".to_owned(),
        ..Verdict::plain(ConditionStatus::False, "NotDeployed", "it has not been deployed")
    }
}

fn placed(seen: &Observation<'_>, tasks: &[TaskView], counts: &TaskCounts) -> Verdict {
    match seen.desired {
        DesiredState::Created => return not_deployed(),
        DesiredState::Deleted => {
            return Verdict::plain(ConditionStatus::False, "Deleting", "its tasks are taken away");
        }
        DesiredState::Running | DesiredState::Paused => {}
    }
    let mut agents: Vec<_> =
        tasks.iter().map(|task| task.agent.as_str()).filter(|agent| !agent.is_empty()).collect();
    agents.sort_unstable();
    agents.dedup();
    if counts.unplaced > 0 && waits_for_preparation(seen) {
        let message = "its tasks are placed once it is prepared";
        return Verdict::plain(ConditionStatus::Unknown, "Preparing", message);
    }
    if counts.unplaced > 0 {
        let (unplaced, desired, pool) = (counts.unplaced, seen.spread, seen.pool);
        let cause = if seen.pool_has_agent {
            format!("those in pool {pool} have no room")
        } else {
            format!("none is connected in pool {pool}")
        };
        return Verdict::error(
            ErrorCode::AgentNoneInPool,
            format!("{unplaced} of {desired} tasks have no agent: {cause}"),
        );
    }
    let (desired, list) = (seen.spread, agents.join(", "));
    Verdict::plain(ConditionStatus::True, "Placed", format!("{desired} tasks are placed on {list}"))
}

fn prepared(seen: &Observation<'_>) -> Verdict {
    match seen.desired {
        DesiredState::Created if seen.credentials_lost => return credentials_required(),
        DesiredState::Created => return not_deployed(),
        DesiredState::Deleted => return deleting(seen),
        DesiredState::Running | DesiredState::Paused => {}
    }
    if is_prepared(seen) {
        let warnings = seen.preparation.map_or(&[][..], |preparation| preparation.warnings);
        let warnings: Vec<_> = warnings
            .iter()
            .map(|warning| format!("{}: {}", warning.code, warning.message))
            .collect();
        let message = if warnings.is_empty() {
            "start, topics and store are ready".to_owned()
        } else {
            format!("ready, with warnings: {}", warnings.join("; "))
        };
        return Verdict::plain(ConditionStatus::True, "Prepared", message);
    }
    if seen.credentials_lost {
        return credentials_required();
    }
    if let Some(preparation) = seen.preparation {
        if !preparation.problems.is_empty() {
            return Verdict::problems(preparation.problems);
        }
        if !preparation.ready && !preparation.missing_resources.is_empty() {
            let names: Vec<_> =
                preparation.missing_resources.iter().map(|missing| &*missing.name).collect();
            return Verdict::error(
                ErrorCode::KafkaResourceMissing,
                format!("to be made by hand: {}", names.join(", ")),
            );
        }
    }
    let message = if !seen.pool_has_agent {
        "waits for an agent, which reads the start, makes topics and probes the store"
    } else if start_is_fixed(seen) {
        "an agent makes topics and probes the store"
    } else {
        "an agent reads the start, makes topics and probes the store"
    };
    Verdict::plain(ConditionStatus::Unknown, "Preparing", message)
}

fn credentials_required() -> Verdict {
    let code = ErrorCode::CredentialsRequired;
    Verdict::error(code, "the control plane no longer holds the inline credentials")
}

fn deleting(seen: &Observation<'_>) -> Verdict {
    if seen.deletion_problems.is_empty() {
        let message = "its tasks stop, then what the service has made for it is removed";
        return Verdict::plain(ConditionStatus::False, "Deleting", message);
    }
    Verdict::problems(seen.deletion_problems)
}

fn ready(
    seen: &Observation<'_>,
    state: ConnectorState,
    tasks: &[TaskView],
    counts: &TaskCounts,
    partitions: &[v1::PartitionProgress],
) -> Verdict {
    let (running, desired) = (counts.running, seen.spread);
    match state {
        ConnectorState::Created => return not_deployed(),
        ConnectorState::Deleting => return deleting(seen),
        ConnectorState::Running => {
            let message = format!("{running} of {desired} tasks run");
            return Verdict::plain(ConditionStatus::True, "Running", message);
        }
        ConnectorState::Paused => {
            return paused(tasks, partitions);
        }
        ConnectorState::Unknown => {
            let silent: Vec<_> = tasks
                .iter()
                .filter(|task| matches!(task.sight, Sight::Silent(_)))
                .map(|task| task.agent.as_str())
                .collect();
            return Verdict {
                remedy: "Check that the agents run and reach the control plane; their tasks are \
                         moved when the lease runs out."
                    .to_owned(),
                ..Verdict::plain(
                    ConditionStatus::Unknown,
                    "NoReport",
                    format!("no report within the lease from {}", silent.join(", ")),
                )
            };
        }
        ConnectorState::Pausing
        | ConnectorState::Deploying
        | ConnectorState::Degraded
        | ConnectorState::Failed
        | ConnectorState::CredentialsRequired
        | ConnectorState::Unspecified => {}
    }
    let unprepared = !is_prepared(seen) && counts.running == 0;
    if unprepared && seen.desired == DesiredState::Running {
        let cause = prepared(seen);
        if cause.status == ConditionStatus::Unknown && counts.unplaced > 0 && !seen.pool_has_agent {
            return placed(seen, tasks, counts);
        }
        return Verdict { status: ConditionStatus::False, ..cause };
    }
    let problems = problems_of(tasks, partitions);
    if !problems.is_empty() {
        return Verdict::problems(&problems);
    }
    if counts.unplaced > 0 {
        return placed(seen, tasks, counts);
    }
    if seen.credentials_lost && counts.running == 0 && seen.desired == DesiredState::Running {
        return credentials_required();
    }
    let (reason, done) = match seen.desired {
        DesiredState::Paused => {
            ("Pausing", format!("{} of {desired} tasks are paused", counts.paused))
        }
        _ => ("Starting", format!("{running} of {desired} tasks run")),
    };
    Verdict::plain(ConditionStatus::False, reason, done)
}

/// What has come to rest though something is down says what: it is met again on Resume.
fn paused(tasks: &[TaskView], partitions: &[v1::PartitionProgress]) -> Verdict {
    let of_tasks = problems_of(tasks, &[]);
    let of_partitions = partitions.iter().filter(|seen| !seen.error_code.is_empty());
    let mut problems: Vec<_> = of_tasks.into_iter().chain(of_partitions.map(problem_of)).collect();
    problems.truncate(PROBLEMS_AT_MOST);
    let wrong = (!problems.is_empty()).then(|| Verdict::problems(&problems));
    let message = wrong.as_ref().map_or_else(
        || "paused, as asked".to_owned(),
        |wrong| format!("paused, as asked; {}: {}", wrong.reason, wrong.message),
    );
    let remedy = wrong.map(|wrong| wrong.remedy).unwrap_or_default();
    Verdict { remedy, ..Verdict::plain(ConditionStatus::False, "Paused", message) }
}

/// What tasks and partitions in trouble report, the lack of credentials first
/// since only the user can cure it.
fn problems_of(
    tasks: &[TaskView],
    partitions: &[v1::PartitionProgress],
) -> Vec<agent::v1::Problem> {
    let of_tasks = tasks.iter().filter_map(|task| {
        let problem = task.problem.as_ref()?;
        let message = format!("task {}: {}", task.index, problem.message);
        Some(agent::v1::Problem { code: problem.code.clone(), message })
    });
    let of_partitions =
        partitions.iter().filter(|partition| is_in_trouble(partition)).map(problem_of);
    let mut problems: Vec<_> = of_tasks.chain(of_partitions).collect();
    problems.sort_by_key(|problem| problem.code != ErrorCode::CredentialsRequired.as_str());
    problems.truncate(PROBLEMS_AT_MOST);
    problems
}

fn problem_of(partition: &v1::PartitionProgress) -> agent::v1::Problem {
    agent::v1::Problem {
        code: partition.error_code.clone(),
        message: format!("partition {}: {}", partition.partition, partition.error_message),
    }
}
