//! One topic, one bucket and the tasks of one connector between them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use kafka2oss_agent::report::Reporter;
use kafka2oss_agent::task::{
    self, Clients, ConfirmationDesk, Flushes, Guidance, Membership, Mode, PartitionSnapshot,
    PartitionState, Resume, Snapshot, TaskEnvironment, TaskHandle, TaskSpec, TaskState,
};
use kafka2oss_chain::{Identity, Keys, Tally};
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::names::{AgentName, ConnectorName};
use kafka2oss_domain::spec::{ConnectorSpec, Instance};
use kafka2oss_kafka::{BrokerAdmin, KafkaAdmin};
use kafka2oss_memory::MemoryBudget;
use kafka2oss_proto::spec::defaults;
use kafka2oss_proto::v1;
use kafka2oss_sink::ObjectStore;
use kafka2oss_tests::bucket::Bucket;
use kafka2oss_tests::judge::Judge;
use kafka2oss_tests::kafka::shared_kafka;
use kafka2oss_tests::kafka_access::KafkaAccess;
use kafka2oss_tests::name::unique;
use kafka2oss_tests::oss::OssServer;
use kafka2oss_tests::produce::Produced;
use tokio::runtime::Handle;
use tokio::sync::watch;

pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Memory of a test's tasks.
const BUDGET_BYTES: u64 = 256 << 20;

pub(crate) struct World {
    pub(crate) kafka: KafkaAccess,
    pub(crate) oss: OssServer,
    pub(crate) bucket: Bucket,
    pub(crate) topic: String,
    pub(crate) spec: v1::ConnectorSpec,
    pub(crate) instance: v1::Instance,
    pub(crate) epoch: u64,
    pub(crate) start_offsets: BTreeMap<i32, i64>,
    pub(crate) memory: MemoryBudget,
    /// Who waits until partitions are flushed.
    pub(crate) flushes: Flushes,
    /// Under which keys tasks put objects.
    pub(crate) keys: Keys,
    /// Where tasks take records in, if not on the test's own runtime.
    pub(crate) data_runtime: Option<Handle>,
    pub(crate) uid: String,
    connector: ConnectorName,
}

impl World {
    /// A topic with this many partitions and an empty bucket; the chain starts
    /// at the partitions' beginnings. Objects close after 300 ms without a
    /// record.
    pub(crate) async fn new(partitions: i32) -> Result<Self> {
        Self::with_topic(partitions, &[]).await
    }

    /// The same, with these settings of the topic.
    pub(crate) async fn with_topic(partitions: i32, settings: &[(&str, &str)]) -> Result<Self> {
        Self::on(shared_kafka().await?.access(), partitions, settings).await
    }

    /// The same, on a broker of one's own.
    pub(crate) async fn on(
        kafka: KafkaAccess,
        partitions: i32,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .try_init();
        let oss = OssServer::start().await?;
        let id = unique("sink");
        let topic = unique("records");
        kafka.admin()?.create_topic(&topic, partitions, settings).await?;
        oss.create_bucket("records").await?;
        let bucket = oss.access().bucket("records");
        let plain =
            |text: &str| v1::Secret { source: Some(v1::secret::Source::Plain(text.to_owned())) };
        let instance = v1::Instance {
            region_id: "cn-hangzhou".into(),
            bootstrap_servers: vec![kafka.bootstrap()],
            security_protocol: v1::SecurityProtocol::Plaintext.into(),
            ..Default::default()
        };
        let mut spec = v1::ConnectorSpec {
            source: Some(v1::KafkaSource { topic: topic.clone(), ..Default::default() }),
            destination: Some(v1::ObjectStoreDestination {
                bucket: "records".into(),
                endpoint: oss.endpoint(),
                credentials: Some(v1::StoreCredentials {
                    kind: Some(v1::store_credentials::Kind::AccessKey(v1::AccessKey {
                        id: Some(plain(oss.access_key())),
                        secret: Some(plain(oss.secret_key())),
                        session_token: None,
                    })),
                }),
                ..Default::default()
            }),
            output: Some(v1::ConnectorOutput {
                rotation: Some(v1::RotationPolicy {
                    idle: Some(prost_types::Duration { seconds: 0, nanos: 300_000_000 }),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            ..Default::default()
        };
        let context = defaults::Context {
            connector_id: &id,
            region_id: &instance.region_id,
            vpc_id: "",
            vswitch_id: "",
        };
        defaults::fill(&mut spec, context);
        let offsets = spec.resources.as_ref().unwrap().offset_topic.as_ref().unwrap();
        let compacted = [("cleanup.policy", "compact")];
        kafka.admin()?.create_topic(&offsets.name, 2, &compacted).await?;
        Ok(Self {
            memory: MemoryBudget::new(BUDGET_BYTES),
            flushes: Flushes::default(),
            keys: Keys::Shared,
            data_runtime: None,
            connector: format!("instances/i/connectors/{id}").parse()?,
            uid: unique("uid").to_uppercase(),
            start_offsets: (0..partitions).map(|partition| (partition, 0)).collect(),
            epoch: 1,
            kafka,
            oss,
            bucket,
            topic,
            spec,
            instance,
        })
    }

    /// Changes what objects look like.
    pub(crate) fn output(&mut self) -> &mut v1::ConnectorOutput {
        self.spec.output.as_mut().unwrap()
    }

    /// Changes the rotation rules.
    pub(crate) fn rotation(&mut self) -> &mut v1::RotationPolicy {
        self.output().rotation.as_mut().unwrap()
    }

    /// Objects close by nothing but their size, or because the task has to.
    pub(crate) fn no_rotation(&mut self) {
        let hour = prost_types::Duration { seconds: 3_600, nanos: 0 };
        (self.rotation().idle, self.rotation().max_age) = (Some(hour), Some(hour));
    }

    /// Changes what becomes of what cannot be delivered.
    pub(crate) fn runtime(&mut self) -> &mut v1::ConnectorRuntime {
        self.spec.runtime.as_mut().unwrap()
    }

    /// The offset topic.
    pub(crate) fn offset_topic(&self) -> String {
        self.spec.resources.as_ref().unwrap().offset_topic.as_ref().unwrap().name.clone()
    }

    /// Whose chain the tasks carry on.
    pub(crate) async fn identity(&self) -> Result<Identity> {
        let topic_id = self.topic_id().await?;
        Ok(Identity { uid: self.uid.clone(), topic_id, epoch: self.epoch })
    }

    async fn topic_id(&self) -> Result<String> {
        let instance = Instance::try_from(self.instance.clone())?;
        let described = BrokerAdmin::connect(&instance).await?.describe_topic(&self.topic).await?;
        described.and_then(|topic| topic.id).context("the topic has an id")
    }

    /// The group of the tasks.
    pub(crate) fn group(&self) -> String {
        self.spec.resources.as_ref().unwrap().task_consumer_group.clone()
    }

    /// The dead letter queue topic, which is created.
    pub(crate) async fn error_topic(&self) -> Result<String> {
        self.error_topic_with(&[]).await
    }

    /// The same, with these settings.
    pub(crate) async fn error_topic_with(&self, settings: &[(&str, &str)]) -> Result<String> {
        let resources = self.spec.resources.as_ref().unwrap();
        let name = resources.dead_letter_queue_topic.as_ref().unwrap().name.clone();
        self.kafka.admin()?.create_topic(&name, 1, settings).await?;
        Ok(name)
    }

    /// Starts task `index`.
    pub(crate) async fn start(&self, index: u32) -> Result<Task> {
        self.start_in(index, Mode::Run).await
    }

    pub(crate) async fn start_in(&self, index: u32, mode: Mode) -> Result<Task> {
        self.start_with(index, Guidance::of_mode(mode)).await
    }

    pub(crate) async fn start_with(&self, index: u32, guidance: Guidance) -> Result<Task> {
        let spec = ConnectorSpec::try_from(self.spec.clone())?;
        let instance = Instance::try_from(self.instance.clone())?;
        let (_keep, store) = watch::channel(ObjectStore::new(&spec.destination));
        let agent = AgentName::from_id("agent")?;
        let (confirmations, desk) = task::confirmations();
        let reporter = Reporter::new(agent.clone());
        let environment = TaskEnvironment {
            reporter: reporter.clone(),
            agent,
            store,
            membership: Membership::Static,
            confirmations,
            clients: Clients::default(),
            flushes: self.flushes.clone(),
            memory: self.memory.connector(&self.connector.to_string()),
            data_runtime: self.data_runtime.clone().unwrap_or_else(Handle::current),
        };
        let task = TaskSpec {
            connector: self.connector.clone(),
            uid: self.uid.clone(),
            index,
            threads: 3,
            spec: Arc::new(spec),
            instance: Arc::new(instance),
            epoch: self.epoch,
            topic_id: self.topic_id().await?,
            start_offsets: self.start_offsets.clone(),
            keys: self.keys,
        };
        Ok(Task { handle: task::spawn(task, environment, guidance), desk, reporter })
    }

    /// Fails unless each of these records stands in the objects, and returns how many
    /// more than once.
    pub(crate) async fn judge_at_least_once(&self, produced: &[Produced]) -> Result<usize> {
        let judgement = Judge::default().judge_bucket(produced, &self.bucket, "").await?;
        judgement.at_least_once()?;
        Ok(judgement.duplicated.len())
    }

    /// Fails unless each of these records stands in the objects once.
    pub(crate) async fn judge(&self, produced: &[Produced]) -> Result<()> {
        Judge::default().judge_bucket(produced, &self.bucket, "").await?.exactly_once()
    }
}

pub(crate) struct Task {
    pub(crate) handle: TaskHandle,
    /// Where it asks whether it still is its agent's.
    pub(crate) desk: ConfirmationDesk,
    /// Where its connector's log goes.
    pub(crate) reporter: Reporter,
}

impl Task {
    /// Waits until what is seen of the task satisfies `condition`.
    pub(crate) async fn sees(
        &self,
        what: &str,
        condition: impl Fn(&Snapshot) -> bool,
    ) -> Result<Snapshot> {
        let mut snapshots = self.handle.snapshot();
        let seen = tokio::time::timeout(LIMIT, snapshots.wait_for(condition)).await;
        match seen {
            Ok(seen) => Ok(seen?.clone()),
            Err(_) => anyhow::bail!("not within {LIMIT:?}: {what}; {:?}", self.now()),
        }
    }

    pub(crate) fn now(&self) -> Snapshot {
        self.handle.snapshot().borrow().clone()
    }

    pub(crate) async fn owns(&self, partitions: usize) -> Result<Snapshot> {
        self.sees(&format!("the task owns {partitions} partitions"), |seen| {
            seen.state == TaskState::Running && seen.partitions.len() == partitions
        })
        .await
    }

    /// Waits until the records are delivered and committed.
    pub(crate) async fn delivered(&self, produced: &[Produced]) -> Result<Snapshot> {
        let ends = ends(produced);
        self.sees(&format!("committed up to {ends:?}"), |seen| {
            ends.iter().all(|(partition, end)| committed(seen, *partition) >= Some(*end))
        })
        .await
    }

    /// Waits until partition 0 waits for a decision, and returns why.
    pub(crate) async fn stopped(&self) -> Result<Problem> {
        let seen = self.partition("it stops", 0, |seen| seen.state == PartitionState::Stopped);
        seen.await?.partitions[&0].problem.clone().context("a partition that stopped says why")
    }

    pub(crate) async fn partition(
        &self,
        what: &str,
        partition: i32,
        condition: impl Fn(&PartitionSnapshot) -> bool,
    ) -> Result<Snapshot> {
        self.sees(what, |seen| seen.partitions.get(&partition).is_some_and(&condition)).await
    }
}

/// What all partitions have come to, their chains' whole life long.
pub(crate) fn tally(seen: &Snapshot) -> Tally {
    seen.partitions.values().fold(Tally::default(), |sum, one| sum.plus(one.tally))
}

fn committed(seen: &Snapshot, partition: i32) -> Option<i64> {
    seen.partitions.get(&partition)?.committed_offset
}

/// Takes records, and leaves the one at `skip` out of a partition that has stopped.
pub(crate) fn resume(partition: i32, number: u64, skip: Option<i64>) -> Guidance {
    let resumes = BTreeMap::from([(partition, Resume { number, skip })]);
    Guidance { resumes, ..Guidance::of_mode(Mode::Run) }
}

/// The offset after the last record of each partition.
pub(crate) fn ends(produced: &[Produced]) -> BTreeMap<i32, i64> {
    let mut ends = BTreeMap::new();
    for record in produced {
        let end = ends.entry(record.partition).or_insert(0);
        *end = record.offset.saturating_add(1).max(*end);
    }
    ends
}
