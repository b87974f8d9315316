//! Tries out what a connector needs, Kafka and the store side by side, and tells each
//! check as it is finished. What has not come to an end in time has failed.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::preflight::{Check, Finding, Part};
use kafka2oss_domain::spec::{ConnectorSpec, Instance};
use kafka2oss_kafka::{PreflightInput, PreflightedKafka};
use kafka2oss_proto::agent::v1::command_progress::Progress;
use kafka2oss_proto::agent::v1::{ValidateConnector, ValidateConnectorResult};
use kafka2oss_proto::v1;
use kafka2oss_sink::ObjectStore;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::prepare::may_be_too_large;
use super::probes::Scope;
use super::{Attempt, Means, Runner, instance, unsupported};
use crate::task::{FetchLimit, committed_by};

/// For all checks together.
const ALL_WITHIN: Duration = Duration::from_secs(30);
/// Checks that wait to be told.
const WAITING: usize = 64;

pub(super) async fn run(
    runner: &Runner,
    request: ValidateConnector,
    attempt: &Attempt,
) -> Result<ValidateConnectorResult, Problem> {
    let deadline = Instant::now() + ALL_WITHIN;
    let ValidateConnector { connector, uid, spec, instance: wire, resources, secrets_id } = request;
    let mut spec = spec.ok_or_else(|| unsupported("the spec is missing"))?;
    let lost = runner.means.keyring.complete(&uid, &secrets_id, &mut spec).err();
    if lost.is_some() {
        // Kafka can be checked without them.
        forget_credentials(&mut spec);
    }
    let spec = ConnectorSpec::try_from(spec).map_err(unsupported)?;
    let instance = instance(wire)?;

    let (findings, mut found) = mpsc::channel(WAITING);
    check_store(runner, connector, &spec, lost, findings.clone());
    let asked = Asked { uid: &uid, spec: &spec, instance: &instance, resources: &resources };
    let kafka = check_kafka(&runner.means, asked, findings);
    let mut told = Told::default();
    let tell_all = async {
        while let Some(finding) = found.recv().await {
            told.0.insert(finding.check);
            attempt.tell(Progress::PreflightCheck(finding.into())).await;
        }
    };
    let both = async { tokio::join!(kafka, tell_all).0 };
    let outcome = timeout_at(deadline, both).await;
    while let Ok(finding) = found.try_recv() {
        told.0.insert(finding.check);
        attempt.tell(Progress::PreflightCheck(finding.into())).await;
    }
    if outcome.is_err() {
        for finding in told.missing(&instance, &spec) {
            attempt.tell(Progress::PreflightCheck(finding.into())).await;
        }
    }
    let PreflightedKafka { cluster_id, group_owners } = outcome.unwrap_or_default();
    Ok(ValidateConnectorResult {
        kafka_cluster_id: cluster_id.unwrap_or_default(),
        group_owner_uids: group_owners.into_iter().collect(),
    })
}

/// Puts references that nobody reads in the place of credentials that are not there.
fn forget_credentials(spec: &mut v1::ConnectorSpec) {
    let nowhere = || {
        let source = v1::secret::Source::Environment("KAFKA2OSS_WITHHELD".to_owned());
        Some(v1::Secret { source: Some(source) })
    };
    let key = v1::AccessKey { id: nowhere(), secret: nowhere(), session_token: None };
    if let Some(destination) = &mut spec.destination {
        let kind = Some(v1::store_credentials::Kind::AccessKey(key));
        destination.credentials = Some(v1::StoreCredentials { kind });
    }
}

/// Starts the store's checks. They go on to their end whatever becomes of the command, so
/// that what was put is deleted.
fn check_store(
    runner: &Runner,
    connector: String,
    spec: &ConnectorSpec,
    lost: Option<Problem>,
    findings: mpsc::Sender<Finding>,
) {
    let Runner { means, probes } = runner;
    let (probes, store) = (probes.clone(), ObjectStore::new(&spec.destination));
    let bucket = spec.destination.bucket.clone();
    let scope = Scope {
        epoch: 0,
        endpoint: spec.destination.endpoint.clone(),
        bucket: bucket.clone(),
        prefix: spec.output.layout.prefix.clone(),
    };
    // The runtime that makes a connection serves it for as long as it lasts.
    means.data_runtime.spawn(async move {
        let Some(problem) = lost else {
            // No uid of a connector has a slash.
            return probes.preflight(&connector, scope, &store, &findings).await;
        };
        for finding in Finding::alone(Check::StoreCredentials, bucket, problem) {
            // Fails once the command has ended.
            let _ = findings.send(finding).await;
        }
    });
}

/// What is asked about Kafka.
struct Asked<'a> {
    uid: &'a str,
    spec: &'a ConnectorSpec,
    instance: &'a Instance,
    resources: &'a [v1::PlannedResource],
}

async fn check_kafka(
    means: &Means,
    asked: Asked<'_>,
    findings: mpsc::Sender<Finding>,
) -> PreflightedKafka {
    let Asked { uid, spec, instance, resources } = asked;
    let limit = FetchLimit::new(spec.output.overflow.max_record_bytes, means.budget_bytes);
    let input = PreflightInput {
        bootstrap_servers: &instance.bootstrap_servers,
        source: &spec.source,
        group: &spec.resources.task_consumer_group,
        uid,
        creation: spec.resources.creation,
        resources,
        owner: committed_by,
        too_large: &|bytes| may_be_too_large(limit, bytes),
    };
    match means.admins.connect(instance).await {
        Ok(admin) => kafka2oss_kafka::preflight(&*admin, &input, &findings).await,
        Err(problem) => {
            let servers = instance.bootstrap_servers.join(",");
            for finding in Finding::alone(Check::KafkaConnect, servers, problem) {
                // Fails once the command has ended.
                let _ = findings.send(finding).await;
            }
            PreflightedKafka::default()
        }
    }
}

/// The checks that were told.
#[derive(Debug, Default)]
struct Told(BTreeSet<Check>);

impl Told {
    /// Those that were not in time, each as failed: who was silent is named.
    fn missing(&self, instance: &Instance, spec: &ConnectorSpec) -> Vec<Finding> {
        let limit = ALL_WITHIN.as_secs();
        let late = |check: &Check| {
            let (code, peer) = match check.part() {
                Part::Service => return None,
                Part::Kafka => (ErrorCode::KafkaUnreachable, instance.bootstrap_servers.join(",")),
                Part::Store => (ErrorCode::StoreUnreachable, spec.destination.endpoint.clone()),
            };
            let message = format!("not finished within {limit} s: `{peer}` did not answer in time");
            Some(Finding::fail(*check, peer, Problem::new(code, message)))
        };
        let missing = Check::ALL.iter().filter(|check| !self.0.contains(check));
        missing.filter_map(late).collect()
    }
}
