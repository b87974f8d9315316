//! The checks of a preflight that are Kafka's: asks the brokers, and leaves nothing there.
//!
//! - `rights`: which operations are allowed, by name; pure.
//! - `judge`: what the answers mean; pure.
//! - `resources`: the topics that the connector needs beside its source.

mod judge;
mod resources;
mod rights;

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::preflight::{Check, Finding};
use kafka2oss_domain::spec::{ResourceCreation, Source};
use kafka2oss_proto::v1::PlannedResource;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::admin::{Broker, KafkaAdmin, TopicDescription};
use crate::right::Right;

/// For one check: a little more than what a request to the brokers may take, so that its
/// own cause is told.
const CHECK_LIMIT: Duration = Duration::from_secs(12);

/// Brokers that are asked one by one.
const MOST_BROKERS: usize = 100;

/// What a connector needs of Kafka.
pub struct PreflightInput<'a> {
    /// `host:port` of the instance's bootstrap servers.
    pub bootstrap_servers: &'a [String],
    /// The source of the connector's spec.
    pub source: &'a Source,
    /// Group of the connector's tasks.
    pub group: &'a str,
    /// The connector's uid; empty of one that does not exist.
    pub uid: &'a str,
    /// Who makes its topics.
    pub creation: ResourceCreation,
    /// Topics and groups that it needs.
    pub resources: &'a [PlannedResource],
    /// Uid of the connector that has committed an offset with this metadata;
    /// `None` where it is not of kafka2oss's own making.
    pub owner: fn(&[u8]) -> Option<String>,
    /// What is wrong with a topic that takes batches of so many bytes.
    pub too_large: &'a (dyn Fn(u64) -> Option<Problem> + Sync),
}

/// What was found beside the checks.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PreflightedKafka {
    /// Kafka's cluster id, where it has one.
    pub cluster_id: Option<String>,
    /// Uids of the connectors whose commits the group holds.
    pub group_owners: BTreeSet<String>,
}

/// Carries out all checks of Kafka, what is independent side by side, and tells each as it
/// is finished. Nothing is changed at the brokers.
pub async fn preflight(
    admin: &dyn KafkaAdmin,
    input: &PreflightInput<'_>,
    findings: &mpsc::Sender<Finding>,
) -> PreflightedKafka {
    let run = Run { admin, input, findings };
    let mut found = PreflightedKafka::default();
    let servers = input.bootstrap_servers.join(",");
    match run.within("no bootstrap server answers", admin.cluster_id()).await {
        Ok(cluster_id) => {
            let id = cluster_id.as_deref().unwrap_or("none");
            let detail = format!("connected; the cluster's id is {id}");
            run.tell(Finding::pass(Check::KafkaConnect, servers, detail)).await;
            found.cluster_id = cluster_id;
        }
        Err(problem) => {
            run.tell_all(Finding::alone(Check::KafkaConnect, servers, problem)).await;
            return found;
        }
    }
    let ((), (), owners) = tokio::join!(run.brokers(), run.settings(), run.source());
    found.group_owners = owners;
    found
}

struct Run<'a> {
    admin: &'a dyn KafkaAdmin,
    input: &'a PreflightInput<'a>,
    findings: &'a mpsc::Sender<Finding>,
}

impl Run<'_> {
    async fn tell(&self, finding: Finding) {
        // Fails once nobody wants to know any more.
        let _ = self.findings.send(finding).await;
    }

    async fn tell_all(&self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            self.tell(finding).await;
        }
    }

    /// A request's answer, or that there is none in its time, with what is known of why.
    async fn within<T>(
        &self,
        what: &str,
        request: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let answer = timeout(CHECK_LIMIT, request).await;
        let answer = answer.unwrap_or_else(|_| Err(self.silence(what)));
        answer.map_err(|problem| self.naming_the_peer(problem))
    }

    /// A request that only timed out says nothing of whom it went to.
    fn naming_the_peer(&self, problem: Problem) -> Problem {
        let servers = self.input.bootstrap_servers;
        let is_named = servers.iter().any(|server| problem.message.contains(server.as_str()));
        if is_named || problem.code != ErrorCode::KafkaUnreachable {
            return problem;
        }
        let message = format!("{} (bootstrap servers `{}`)", problem.message, servers.join(","));
        Problem::new(problem.code, message)
    }

    fn silence(&self, what: &str) -> Problem {
        let (servers, limit) = (self.input.bootstrap_servers.join(","), CHECK_LIMIT.as_secs());
        let silent = format!("{what}: no answer from `{servers}` within {limit} s");
        match self.admin.connection_problem() {
            Some(Problem { code, message }) => Problem::new(code, format!("{silent}: {message}")),
            None => Problem::new(ErrorCode::KafkaUnreachable, silent),
        }
    }

    async fn brokers(&self) {
        let brokers = match self.within("cannot list the brokers", self.admin.brokers()).await {
            Ok(brokers) => brokers,
            Err(problem) => return self.tell(Finding::fail(Check::KafkaBroker, "", problem)).await,
        };
        if brokers.is_empty() {
            let why = "this Kafka does not name its brokers";
            return self.tell(Finding::skipped(Check::KafkaBroker, "", why)).await;
        }
        let asked = brokers.iter().take(MOST_BROKERS).map(|broker| self.broker(broker));
        join_all(asked).await;
        if let Some(left) = brokers.len().checked_sub(MOST_BROKERS).filter(|left| *left > 0) {
            let why = format!("{left} brokers more were not asked");
            self.tell(Finding::skipped(Check::KafkaBroker, "", why)).await;
        }
    }

    async fn broker(&self, broker: &Broker) {
        let what = format!("broker {} at `{}`", broker.id, broker.address);
        let answer = self.within(&what, self.admin.reach(broker)).await;
        self.tell(judge::broker(broker, answer)).await;
    }

    /// Not every user may read the brokers' settings.
    async fn settings(&self) {
        let what = "cannot read the brokers' settings";
        let settings = self.within(what, self.admin.broker_settings()).await;
        self.tell_all(judge::settings(&settings)).await;
    }

    /// The source topic and all that follows from it. Says whose commits the group holds.
    async fn source(&self) -> BTreeSet<String> {
        let topic = &self.input.source.topic;
        let what = format!("cannot describe topic `{topic}`");
        let described = self.within(&what, self.admin.describe_topic(topic)).await;
        self.tell(judge::topic(topic, &described)).await;
        let source = described.ok().flatten();
        let ((), owners, ()) = tokio::join!(
            self.of_source(source.as_ref()),
            self.group(source.as_ref()),
            self.resources(source.as_ref()),
        );
        owners
    }

    async fn of_source(&self, source: Option<&TopicDescription>) {
        let topic = &self.input.source.topic;
        let Some(source) = source else {
            for check in [
                Check::KafkaTopicId,
                Check::KafkaTopicRead,
                Check::KafkaTopicDescribeConfigs,
                Check::KafkaTopicWrite,
                Check::KafkaMessageSize,
                Check::KafkaTransactions,
            ] {
                self.tell(Finding::skipped(check, topic, "kafka.topic failed")).await;
            }
            return;
        };
        self.tell(judge::topic_id(topic, source)).await;
        self.tell(judge::message_size(topic, source, self.input.too_large)).await;
        tokio::join!(self.rights_of_source(), self.transactions(source));
    }

    async fn rights_of_source(&self) {
        let topic = &self.input.source.topic;
        let what = format!("cannot tell what is allowed on topic `{topic}`");
        let allowed = self.within(&what, self.admin.allowed_on_topic(topic)).await;
        self.tell_all(rights::of_source(topic, &allowed)).await;
    }

    async fn transactions(&self, source: &TopicDescription) {
        let topic = &self.input.source.topic;
        let partitions = source.partition_numbers();
        let what = format!("cannot read where topic `{topic}` ends");
        // Stable ends first: what is written in between is behind no transaction then.
        let ends = async {
            let Some(stable) = self.admin.stable_ends(topic, &partitions).await? else {
                return Ok(None);
            };
            let ends = self.admin.watermarks(topic, &partitions).await?;
            let again = self.admin.stable_ends(topic, &partitions).await?;
            Ok(Some(judge::Ends { stable, ends, again: again.unwrap_or_default() }))
        };
        let ends = self.within(&what, ends).await;
        self.tell(judge::transactions(topic, ends)).await;
    }

    async fn group(&self, source: Option<&TopicDescription>) -> BTreeSet<String> {
        let (group, topic) = (self.input.group, &self.input.source.topic);
        // Without the topic one partition is enough to see whether it is allowed to ask.
        let partitions = source.map_or_else(|| vec![0], TopicDescription::partition_numbers);
        let what = format!("cannot read the committed offsets of group `{group}`");
        let committed = self.within(&what, self.admin.committed(group, topic, &partitions)).await;
        let owner = self.input.owner;
        let owners: BTreeSet<String> = match &committed {
            Ok(committed) => committed.values().filter_map(|one| owner(&one.metadata)).collect(),
            Err(_) => BTreeSet::new(),
        };
        self.tell(judge::group_offsets(self.input, &committed, &owners)).await;
        if let Err(problem) = committed {
            // The coordinator would be looked for in vain.
            let needs = Right::on_group("READ", group);
            self.tell(rights::refused_group(group, problem, &needs)).await;
            let why = "the group cannot be read";
            self.tell(Finding::skipped(Check::KafkaGroupMembers, group, why)).await;
            return owners;
        }
        let what = format!("cannot describe group `{group}`");
        let described = self.within(&what, self.admin.describe_group(group, topic)).await;
        self.tell_all(judge::group(group, self.input.uid, described)).await;
        owners
    }
}
