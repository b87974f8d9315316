//! Has an agent of the connector's pool check Kafka and the store.

use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::preflight::{Check, Finding};
use kafka2oss_domain::{ErrorCode, feature};
use kafka2oss_proto::agent::v1::command::Command;
use kafka2oss_proto::agent::v1::command_progress::Progress;
use kafka2oss_proto::agent::v1::command_result::Result as Outcome;
use kafka2oss_proto::spec::redact;
use kafka2oss_proto::{agent, v1};

use super::told::Told;
use super::{Given, Subject};
use crate::api::context::Api;
use crate::chance;
use crate::fleet::asking::{self, Next, Unanswered, Unfound};
use crate::reconcile::{cluster, prepare, spec_for};

/// Asks an agent, tells what it finds, and what follows from it.
pub(super) async fn check(api: &Api, subject: &Subject, told: &mut Told<'_>) {
    let result = match choose(api, subject) {
        Ok(agent) => {
            told.by(&agent);
            ask(api, subject, &agent, told).await
        }
        Err(problem) => Err(Missing::NotAsked(problem)),
    };
    let missing = told.missing();
    for check in missing {
        told.tell(unfinished(check, result.as_ref().err()).into()).await;
    }
    for finding in beside(api, subject, result.ok().as_ref()) {
        told.tell(finding.into()).await;
    }
}

/// Why an agent has told nothing of a check.
enum Missing {
    /// Nobody was asked.
    NotAsked(Problem),
    /// The agent did not finish.
    Unfinished(Problem),
}

fn choose(api: &Api, subject: &Subject) -> Result<String, Problem> {
    let pool = subject.pool();
    asking::choose(&api.known.fleet, pool, feature::PREFLIGHT).map_err(|unfound| match unfound {
        Unfound::NoAgent => {
            let message = format!("no agent is connected in pool {pool}");
            Problem::new(ErrorCode::AgentNoneInPool, message)
        }
        Unfound::Busy(problem) => problem,
        Unfound::Unable(_) => {
            let message =
                format!("no agent of pool {pool} has the feature `{}`", feature::PREFLIGHT);
            Problem::new(ErrorCode::AgentUnsupported, message)
        }
    })
}

async fn ask(
    api: &Api,
    subject: &Subject,
    agent: &str,
    told: &mut Told<'_>,
) -> Result<agent::v1::ValidateConnectorResult, Missing> {
    let fleet = &api.known.fleet;
    let id = format!("validate-{}", chance::ulid());
    let command = command(api, subject, agent);
    let mut followed = asking::follow(fleet, agent, id, command, api.preflight_timeout);
    let answer = loop {
        match followed.next().await {
            Next::Step(step) => tell(told, step).await,
            Next::End(answer) => break answer,
        }
    };
    match answer {
        Ok(Outcome::ValidateConnector(result)) => Ok(result),
        Ok(_) => Err(Missing::Unfinished(read(&asking::unexpected(agent)))),
        Err(Unanswered::NotSent(problem)) => Err(Missing::NotAsked(read(&problem))),
        Err(Unanswered::Silent(problem) | Unanswered::Refused(problem)) => {
            Err(Missing::Unfinished(read(&problem)))
        }
    }
}

async fn tell(told: &mut Told<'_>, step: agent::v1::CommandProgress) {
    if let Some(Progress::PreflightCheck(check)) = step.progress {
        told.tell_of_agent(check).await;
    }
}

/// An agent's own word, as far as it is one of the catalogue.
fn read(problem: &agent::v1::Problem) -> Problem {
    let code = problem.code.parse().unwrap_or(ErrorCode::Internal);
    Problem::new(code, crate::text::shortened(&problem.message, 2_000))
}

fn command(api: &Api, subject: &Subject, agent: &str) -> Command {
    let (spec, secrets_id) = match &subject.given {
        Given::Request(spec) => {
            let mut spec = v1::ConnectorSpec::clone(spec);
            if !api.known.fleet.takes_plain_secrets(agent) {
                redact(&mut spec);
            }
            (spec, String::new())
        }
        Given::Stored(record) => (spec_for(&api.known, record, agent), record.secrets_id.clone()),
    };
    Command::ValidateConnector(agent::v1::ValidateConnector {
        connector: subject.name.to_string(),
        uid: subject.uid.clone(),
        spec: Some(spec),
        instance: Some(subject.instance.clone()),
        resources: subject.resources.clone(),
        secrets_id,
    })
}

/// A check of which the agent has told nothing.
fn unfinished(check: Check, missing: Option<&Missing>) -> Finding {
    match missing {
        None => Finding::skipped(check, "", "the agent has told nothing of it"),
        Some(Missing::NotAsked(problem)) => {
            let skipped = Finding::skipped(check, "", &problem.message);
            Finding { code: Some(problem.code), ..skipped }
        }
        Some(Missing::Unfinished(problem)) => Finding::fail(check, "", problem.clone()),
    }
}

/// What the control plane makes of what the agent has found beside its checks.
fn beside(
    api: &Api,
    subject: &Subject,
    result: Option<&agent::v1::ValidateConnectorResult>,
) -> Vec<Finding> {
    let (known, instance, group) = (&api.known, subject.name.instance(), subject.group());
    let Some(result) = result else {
        let why = "no agent has told of it";
        return vec![
            Finding::skipped(Check::InstanceCluster, instance.to_string(), why),
            Finding::skipped(Check::GroupUnshared, group, why),
        ];
    };
    let agent::v1::ValidateConnectorResult { kafka_cluster_id, group_owner_uids } = result;
    let check = Check::InstanceCluster;
    let of_instance = if kafka_cluster_id.is_empty() {
        Finding::skipped(check, instance.to_string(), "the cluster's id is not known")
    } else {
        match cluster::shared(known, instance, kafka_cluster_id) {
            Some(problem) => Finding::fail(check, instance.to_string(), problem),
            None => Finding::pass(check, instance.to_string(), "no other one is this cluster"),
        }
    };
    let check = Check::GroupUnshared;
    let of_group = match prepare::group_in_use(known, &subject.uid, group, group_owner_uids) {
        Some(problem) => Finding::fail(check, group, problem),
        None => Finding::pass(check, group, "it holds no offsets of another connector"),
    };
    vec![of_instance, of_group]
}
