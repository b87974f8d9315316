//! Carries out PrepareConnector as far as Kafka goes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::{ConsumerOffset, ResourceCreation, Source};
use kafka2oss_proto::v1::{Epoch, PlannedResource};
use tokio::time::{Instant, sleep};

use crate::admin::{Committed, Creation, KafkaAdmin, TopicDescription};
use crate::classify;
use crate::permission::Permission;
use crate::plan::{self, Findings, Kind};
use crate::repeating::Repeating;
use crate::start::{self, Start, StartAt};

/// How long a topic that was made may stay unknown to the brokers' metadata.
const VISIBLE_WITHIN: Duration = Duration::from_secs(10);
const VISIBLE_PAUSE: Duration = Duration::from_millis(50);

/// What is to be prepared.
pub struct PrepareInput<'a> {
    /// The source of the connector's spec.
    pub source: &'a Source,
    /// Group of the connector's tasks.
    pub group: &'a str,
    /// Who makes its topics.
    pub creation: ResourceCreation,
    /// The epoch; with a start once that is fixed.
    pub epoch: &'a Epoch,
    /// Where the epoch starts, unless that is fixed.
    pub start: &'a StartAt,
    /// Topics and groups that it needs.
    pub resources: &'a [PlannedResource],
    /// Uid of the connector that has committed an offset with this metadata;
    /// `None` where it is not of kafka2oss's own making.
    pub owner: fn(&[u8]) -> Option<String>,
    /// Whether an offset with this metadata is this connector's own, on the
    /// topic with this id (empty where brokers have none).
    pub is_own: &'a (dyn Fn(&[u8], &str) -> bool + Sync),
    /// Whether topics may be made.
    pub permission: &'a dyn Permission,
}

/// What is known of a connector's Kafka. What is known is kept even where
/// something is wrong.
#[derive(Debug, Default)]
pub struct PreparedKafka {
    /// The epoch with its start, as soon as it could be read.
    pub epoch: Option<Epoch>,
    /// Topics made just now, by the broker's own answer.
    pub created_topics: Vec<String>,
    /// What the user has to make.
    pub missing_resources: Vec<PlannedResource>,
    /// What must be cured before tasks can start. Empty: ready.
    pub problems: Vec<Problem>,
    /// What is not as it should be, and does not stop the connector.
    pub warnings: Vec<Problem>,
    /// The same, and the connector delivers at least once for it; not among the
    /// warnings.
    pub doubts: Vec<Problem>,
    /// Kafka's cluster id, where it has one.
    pub cluster_id: Option<String>,
    /// Uids of the connectors whose commits the group holds.
    pub group_owners: BTreeSet<String>,
    /// The source topic's `max.message.bytes`, as far as that is told.
    pub source_message_bytes: Option<u64>,
}

/// Reads the connector's start where it is not fixed, and makes or checks its
/// topics. Each request is limited to about 10 s, and repeated where it meets a
/// passing failure within the first 15 s; where the brokers cannot be reached it ends
/// with the first.
pub async fn prepare(admin: &dyn KafkaAdmin, input: &PrepareInput<'_>) -> PreparedKafka {
    let admin = &Repeating::new(admin);
    let mut prepared = PreparedKafka::default();
    match admin.cluster_id().await {
        Ok(cluster_id) => prepared.cluster_id = cluster_id,
        Err(problem) => {
            prepared.problems.push(problem);
            if input.has_fixed_start() {
                prepared.epoch = Some(input.epoch.clone());
            }
            return prepared;
        }
    }
    prepared.brokers(admin).await;
    let source = prepared.source(admin, input).await;
    prepared.source_message_bytes = source.as_ref().and_then(|source| source.max_message_bytes);
    prepared.start(admin, input, source.as_ref()).await;
    prepared.topic_ids(input, source.as_ref());
    prepared.topics(admin, input, source.as_ref()).await;
    prepared
}

impl PrepareInput<'_> {
    fn has_fixed_start(&self) -> bool {
        self.epoch.fixed_time.is_some()
    }
}

impl PreparedKafka {
    /// Not every user may read the brokers' settings, nor every broker answer.
    async fn brokers(&mut self, admin: &dyn KafkaAdmin) {
        match admin.broker_settings().await {
            Ok(settings) => self.note(plan::check_brokers(&settings)),
            Err(problem) => self.warnings.push(plan::unknown_brokers(&problem.message)),
        }
    }

    async fn source(
        &mut self,
        admin: &dyn KafkaAdmin,
        input: &PrepareInput<'_>,
    ) -> Option<TopicDescription> {
        let topic = &input.source.topic;
        match admin.describe_topic(topic).await {
            Ok(Some(source)) => return Some(source),
            Ok(None) => {
                let message = format!("source topic `{topic}` does not exist");
                self.problems.push(Problem::new(ErrorCode::KafkaTopicNotFound, message));
            }
            Err(problem) => self.problems.push(problem),
        }
        None
    }

    /// Without an id of the source, now or when the start was fixed, it cannot
    /// be told from one of that name before.
    fn topic_ids(&mut self, input: &PrepareInput<'_>, source: Option<&TopicDescription>) {
        let has_none = source.is_some_and(|source| source.id.is_none());
        let started_without = self.epoch.as_ref().is_some_and(|epoch| epoch.topic_id.is_empty());
        if has_none || started_without {
            self.doubts.push(plan::no_topic_id(&input.source.topic));
        }
    }

    async fn start(
        &mut self,
        admin: &dyn KafkaAdmin,
        input: &PrepareInput<'_>,
        source: Option<&TopicDescription>,
    ) {
        if input.has_fixed_start() {
            self.epoch = Some(input.epoch.clone());
            self.problems.extend(source.and_then(|source| recreated(input, source)));
        }
        let Some(source) = source else { return };
        let partitions = source.partition_numbers();
        let committed = match admin.committed(input.group, &input.source.topic, &partitions).await {
            Ok(committed) => committed,
            Err(problem) => return self.problems.push(problem),
        };
        self.group_owners =
            committed.values().filter_map(|found| (input.owner)(&found.metadata)).collect();
        if input.has_fixed_start() {
            return;
        }
        match read_start(admin, input, source, &committed).await {
            Ok((epoch, warnings)) => {
                self.epoch = Some(epoch);
                self.warnings.extend(warnings);
            }
            Err(problems) => self.problems.extend(problems),
        }
    }

    async fn topics(
        &mut self,
        admin: &dyn KafkaAdmin,
        input: &PrepareInput<'_>,
        source: Option<&TopicDescription>,
    ) {
        let topics = input.resources.iter().filter(|resource| plan::kind(resource) != Kind::Group);
        for resource in topics {
            match self.topic(admin, input, resource, source).await {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(forbidden)) => return self.problems.push(forbidden),
                Err(problem) => {
                    let cut_off = classify::is_cut_off(problem.code);
                    self.problems.push(problem);
                    if cut_off {
                        return;
                    }
                }
            }
        }
    }

    /// Makes or checks one topic; an error is a request that has failed. Breaks where no
    /// more topics may be made.
    async fn topic(
        &mut self,
        admin: &dyn KafkaAdmin,
        input: &PrepareInput<'_>,
        resource: &PlannedResource,
        source: Option<&TopicDescription>,
    ) -> Result<ControlFlow<Problem>, Problem> {
        const GO_ON: ControlFlow<Problem> = ControlFlow::Continue(());
        if let Some(found) = admin.describe_topic(&resource.name).await? {
            self.note(plan::check(resource, &found, source));
            return Ok(GO_ON);
        }
        let source = match (input.creation, source) {
            (ResourceCreation::Manually, _) => {
                self.missing(resource, None);
                return Ok(GO_ON);
            }
            // The source has a problem of its own, and an error topic's
            // settings follow from it: nothing is made for a topic that may
            // never exist.
            (ResourceCreation::Automatically, None) => return Ok(GO_ON),
            (ResourceCreation::Automatically, Some(source)) => source,
        };
        if let Err(forbidden) = input.permission.to_change(&resource.name).await {
            return Ok(ControlFlow::Break(forbidden));
        }
        match admin.create_topic(&plan::topic_plan(resource, source)).await? {
            Creation::Created => self.created_topics.push(resource.name.clone()),
            Creation::AlreadyExists => {}
            Creation::Refused(words) => {
                self.missing(resource, Some(&words));
                return Ok(GO_ON);
            }
        }
        let found = visible(admin, &resource.name).await?;
        self.note(plan::check(resource, &found, Some(source)));
        Ok(GO_ON)
    }

    fn missing(&mut self, resource: &PlannedResource, refusal: Option<&str>) {
        self.missing_resources.push(resource.clone());
        self.problems.push(plan::missing(resource, refusal));
        self.doubts.extend(plan::doubt_of_missing(resource));
    }

    fn note(&mut self, findings: Findings) {
        let Findings { problems, warnings, doubts } = findings;
        self.problems.extend(problems);
        self.warnings.extend(warnings);
        self.doubts.extend(doubts);
    }
}

fn recreated(input: &PrepareInput<'_>, source: &TopicDescription) -> Option<Problem> {
    let (before, now) = (input.epoch.topic_id.as_str(), source.id.as_deref()?);
    (!before.is_empty() && before != now).then(|| {
        let topic = &input.source.topic;
        Problem::new(
            ErrorCode::KafkaTopicRecreated,
            format!("topic `{topic}` has id {now}, and the connector started on {before}"),
        )
    })
}

async fn read_start(
    admin: &dyn KafkaAdmin,
    input: &PrepareInput<'_>,
    source: &TopicDescription,
    committed: &BTreeMap<i32, Committed>,
) -> Result<(Epoch, Vec<Problem>), Vec<Problem>> {
    let topic_id = source.id.clone().unwrap_or_default();
    let start = find_start(admin, input, source, &topic_id, committed).await?;
    // The topic id was read before the offsets: a topic that was made anew in
    // between would give offsets of another topic than the id says.
    let topic = &input.source.topic;
    match admin.describe_topic(topic).await.map_err(|problem| vec![problem])? {
        Some(again) if again.id == source.id && again.partitions == source.partitions => {}
        _ => {
            let message = format!("topic `{topic}` changed while its offsets were read");
            return Err(vec![Problem::new(ErrorCode::KafkaRequestFailed, message)]);
        }
    }
    let epoch = Epoch {
        number: input.epoch.number,
        topic_id,
        start_offsets: start.offsets,
        origin: start.origin.into(),
        fixed_time: Some(SystemTime::now().into()),
    };
    Ok((epoch, start.warnings))
}

async fn find_start(
    admin: &dyn KafkaAdmin,
    input: &PrepareInput<'_>,
    source: &TopicDescription,
    topic_id: &str,
    committed: &BTreeMap<i32, Committed>,
) -> Result<Start, Vec<Problem>> {
    let Source { topic, consumer_offset, .. } = input.source;
    let partitions = source.partition_numbers();
    let marks =
        async || admin.watermarks(topic, &partitions).await.map_err(|problem| vec![problem]);
    match input.start {
        StartAt::Configured => {
            let is_ours = |metadata: &[u8]| (input.owner)(metadata).is_some();
            Ok(start::configured(*consumer_offset, &marks().await?, committed, is_ours))
        }
        StartAt::Earliest => Ok(start::everywhere(ConsumerOffset::Earliest, &marks().await?)),
        StartAt::Latest => Ok(start::everywhere(ConsumerOffset::Latest, &marks().await?)),
        StartAt::Timestamp(time) => {
            let found = admin.offsets_for_times(topic, &partitions, *time).await;
            found.map(start::at_time).map_err(|problem| vec![problem])
        }
        StartAt::Explicit(named) => {
            let is_own = |metadata: &[u8]| (input.is_own)(metadata, topic_id);
            start::explicit(named, *consumer_offset, &marks().await?, committed, is_own)
        }
    }
}

/// Waits until a topic that was just made is in the brokers' metadata.
async fn visible(admin: &dyn KafkaAdmin, topic: &str) -> Result<TopicDescription, Problem> {
    let deadline = Instant::now() + VISIBLE_WITHIN;
    loop {
        if let Some(found) = admin.describe_topic(topic).await? {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            let message = format!("topic `{topic}` was created and is not visible yet");
            return Err(Problem::new(ErrorCode::KafkaRequestFailed, message));
        }
        sleep(VISIBLE_PAUSE).await;
    }
}
