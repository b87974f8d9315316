//! What is to be verified, and how a run goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use kafka2oss_chain::{ChainId, CommitMetadata};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::Instance;
use kafka2oss_kafka::{BrokerAdmin, Committed, KafkaAdmin, LogPlace, Watermarks, client_config};
use kafka2oss_sink::{NextPage, ObjectStore};
use rdkafka::ClientConfig;
use tokio::runtime::Handle;
use tokio::task::{JoinError, spawn_blocking};

use crate::body::persistently;
use crate::catalog::{Catalog, Place};
use crate::dead_letters::DeadLetters;
use crate::findings::{Collector, Finding, Kind};
use crate::outstanding::Horizon;
use crate::partition::{Job, Run, verify_partition};
use crate::progress::Progress;
use crate::report::Report;
use crate::source::{Cancelled, PartitionConsumer, Polled, reader_config};

/// What is to be verified: a topic, and where its objects stand.
#[derive(Debug, Clone)]
pub struct Verification {
    /// The Kafka instance.
    pub instance: Instance,
    /// The topic.
    pub topic: String,
    /// The bucket.
    pub store: ObjectStore,
    /// The prefixes of keys that the connector's layout has, or has had.
    pub prefixes: Vec<String>,
    /// Its layout puts, or has put, a hash in front of keys: the whole bucket is
    /// listed then.
    pub hash_prefix: bool,
    /// The rest.
    pub options: Options,
}

/// What may be said about a verification besides.
#[derive(Debug, Clone)]
pub struct Options {
    /// Kafka's id of the topic, when it is known: objects of one that was deleted are
    /// not compared with one that was made under its name since.
    pub topic_id: Option<String>,
    /// The chains that count; by default each of which there are objects. Every
    /// one is verified by itself: a replay is no duplicate.
    pub chains: Option<BTreeSet<ChainId>>,
    /// Where each chain has to start, by partition; by default where its first
    /// link does. Where several chains count, nothing has to be there of partitions
    /// without a link.
    pub starts: BTreeMap<i32, i64>,
    /// The first offset by partition of which nothing has to be there yet. By
    /// default what the group has committed for the chain, else its own end;
    /// without a group, and where one chain counts, the end of the partition. What
    /// stands behind a bound that is not named is looked for, and told as outstanding.
    pub bounds: BTreeMap<i32, i64>,
    /// The connector's consumer group.
    pub group: Option<String>,
    /// Dead letter queue and abnormal data topic.
    pub error_topics: BTreeSet<String>,
    /// The connector's ID: dead letters of others are not counted then. Those of
    /// other epochs of the same one are, since they do not say.
    pub connector: Option<String>,
    /// Larger values overflow, in bytes; `None` when the limit was changed, or is
    /// not known.
    pub max_value_bytes: Option<u64>,
    /// Records have to stand with their headers; those that are there are
    /// compared in any case.
    pub include_headers: bool,
    /// Partitions that are read at the same time; at least one is.
    pub parallelism: usize,
    /// Most examples of each kind of finding.
    pub examples: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            topic_id: None,
            chains: None,
            starts: BTreeMap::new(),
            bounds: BTreeMap::new(),
            group: None,
            error_topics: BTreeSet::new(),
            connector: None,
            max_value_bytes: None,
            include_headers: false,
            parallelism: 4,
            examples: 10,
        }
    }
}

impl Verification {
    /// Compares the topic with the objects. Both may be in use meanwhile: what
    /// has to be there is fixed first, then the objects are listed, then the rest
    /// is read.
    ///
    /// # Errors
    /// When topic or bucket cannot be read. What is wrong with the objects is no
    /// error but stands in the report.
    pub async fn run(&self) -> Result<Report, Problem> {
        self.run_with(&Progress::default()).await
    }

    /// The same, and shows how far it is.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn run_with(&self, progress: &Progress) -> Result<Report, Problem> {
        let Self { instance, topic, store, options, .. } = self;
        let cancelled = Cancelled::default();
        let _guard = cancelled.on_drop();
        let admin = BrokerAdmin::connect(instance).await?;
        let Some(found) = admin.describe_topic(topic).await? else {
            let message = format!("topic `{topic}` does not exist");
            return Err(Problem::new(ErrorCode::KafkaTopicNotFound, message));
        };
        if let (Some(known), Some(id)) = (&options.topic_id, &found.id)
            && known != id
        {
            let message = format!(
                "topic `{topic}` was deleted and created again: it has the id {id}, the objects \
                 are of {known}"
            );
            return Err(Problem::new(ErrorCode::KafkaTopicRecreated, message));
        }
        let numbers = found.partition_numbers();
        let committed = match &options.group {
            Some(group) => admin.committed(group, topic, &numbers).await?,
            None => BTreeMap::new(),
        };
        let ends = admin.watermarks(topic, &numbers).await?;

        let mut findings = Collector::new(options.examples);
        let (catalog, objects) = self.list(&mut findings, progress).await?;

        // Later than the listing: whatever an object can hold is below.
        let watermarks = admin.watermarks(topic, &numbers).await?;
        let stable_ends = admin.offsets(topic, &numbers, LogPlace::StableEnd).await?;
        let log = Log { ends, stable_ends, watermarks };
        let config = reader_config(client_config(instance).await?);
        let (dead_letters, error_records) =
            self.read_error_topics(&admin, &config, &cancelled).await?;
        let jobs = self.jobs(&catalog, &committed, &log);
        progress.begin(jobs.iter().map(|job| job.links(&catalog).len() as u64).sum());
        let run = Arc::new(Run {
            runtime: Handle::current(),
            store: store.clone(),
            admin,
            config,
            cancelled: cancelled.clone(),
            topic: topic.clone(),
            compacted: found.cleanup_policy.is_some_and(|policy| policy.contains("compact")),
            catalog,
            dead_letters,
            max_value_bytes: options.max_value_bytes,
            include_headers: options.include_headers,
            examples: options.examples,
            progress: progress.clone(),
        });
        let mut partitions = Vec::with_capacity(jobs.len());
        let mut walks = stream::iter(jobs)
            .map(|job| {
                let run = run.clone();
                blocking(move || verify_partition(&run, &job))
            })
            .buffered(options.parallelism.max(1));
        while let Some((report, of_partition)) = walks.try_next().await? {
            partitions.push(report);
            findings.append(of_partition);
        }
        let (topic, findings) = (topic.clone(), findings.into_found());
        Ok(Report { topic, objects, error_records, partitions, findings })
    }

    /// Which objects there are, and how many count.
    async fn list(
        &self,
        findings: &mut Collector,
        progress: &Progress,
    ) -> Result<(Catalog, u64), Problem> {
        let chains = self.options.chains.clone();
        let mut catalog = Catalog::new(&self.topic, &self.prefixes, self.hash_prefix, chains);
        let mut objects = 0;
        for prefix in catalog.listings() {
            let mut next: Option<NextPage> = None;
            loop {
                let page = persistently(|| self.store.list(&prefix, next.as_ref())).await?;
                for object in page.objects {
                    match catalog.add(&object.key, object.size) {
                        Place::Taken => {
                            objects += 1;
                            progress.listed();
                        }
                        Place::PassedOver => {}
                        Place::Foreign(detail) => {
                            findings.add(Kind::Foreign, Finding::of_object(&object.key, detail));
                        }
                    }
                }
                next = page.next;
                if next.is_none() {
                    break;
                }
            }
        }
        catalog.sort();
        Ok((catalog, objects))
    }

    /// The dead letters of the topic, and how many records these are.
    async fn read_error_topics(
        &self,
        admin: &BrokerAdmin,
        config: &ClientConfig,
        cancelled: &Cancelled,
    ) -> Result<(DeadLetters, u64), Problem> {
        let (mut letters, mut count) = (DeadLetters::default(), 0);
        for error_topic in &self.options.error_topics {
            let Some(found) = admin.describe_topic(error_topic).await? else {
                let message = format!("error topic `{error_topic}` does not exist");
                return Err(Problem::new(ErrorCode::KafkaTopicNotFound, message));
            };
            let marks = admin.watermarks(error_topic, &found.partition_numbers()).await?;
            for (partition, Watermarks { beginning, end }) in marks {
                if beginning >= end {
                    continue;
                }
                let (config, cancelled) = (config.clone(), cancelled.clone());
                let (error_topic, topic) = (error_topic.clone(), self.topic.clone());
                let connector = self.options.connector.clone();
                (letters, count) = blocking(move || {
                    let mut consumer =
                        PartitionConsumer::open(&config, &error_topic, partition, beginning)?;
                    loop {
                        match consumer.next(&cancelled)? {
                            Polled::Record(record) => {
                                let is_last = record.offset >= end - 1;
                                let is_one = letters.add(&topic, connector.as_deref(), &record);
                                count += u64::from(is_one);
                                if is_last {
                                    return Ok((letters, count));
                                }
                            }
                            Polled::AtEnd => return Ok((letters, count)),
                            Polled::OutOfRange(problem) => return Err(problem),
                        }
                    }
                })
                .await?;
            }
        }
        Ok((letters, count))
    }

    /// The partitions of chains to be walked.
    fn jobs(&self, catalog: &Catalog, committed: &BTreeMap<i32, Committed>, log: &Log) -> Vec<Job> {
        let Options { starts, bounds, group, .. } = &self.options;
        let positions: BTreeMap<(ChainId, i32), i64> = committed
            .iter()
            .filter_map(|(partition, Committed { offset, metadata })| {
                let chain = CommitMetadata::decode(metadata)?.identity.chain_id();
                Some(((chain, *partition), *offset))
            })
            .collect();
        let chains = self.options.chains.clone().unwrap_or_else(|| {
            let of_group = positions.keys().map(|(chain, _)| *chain);
            catalog.chains().into_iter().chain(of_group).collect()
        });
        let is_only = chains.len() <= 1;
        let only = chains.first().copied();
        let mut partitions: BTreeSet<(Option<ChainId>, i32)> = chains
            .iter()
            .flat_map(|&chain| catalog.partitions(chain).map(move |of| (Some(chain), of)))
            .collect();
        let of_group = positions.keys().map(|(chain, of)| (Some(*chain), *of));
        partitions
            .extend(of_group.filter(|(chain, _)| chain.is_some_and(|of| chains.contains(&of))));
        if is_only {
            partitions.extend(starts.keys().map(|of| (only, *of)));
        }
        // Of each partition of the topic it is to be known what is outstanding.
        let known: BTreeSet<_> = partitions.iter().map(|(_, of)| *of).collect();
        let unknown = log.ends.keys().filter(|of| !known.contains(of));
        partitions.extend(unknown.map(|of| (only.filter(|_| is_only), *of)));
        partitions
            .into_iter()
            .map(|(chain, partition)| {
                let committed = chain.and_then(|chain| positions.get(&(chain, partition))).copied();
                let named = bounds.get(&partition).copied();
                let end = log.ends.get(&partition).map(|marks| marks.end);
                let has_to_be_all = group.is_none() && is_only;
                Job {
                    chain,
                    partition,
                    start: starts.get(&partition).copied(),
                    bound: named.or(committed).or(end.filter(|_| has_to_be_all)),
                    committed,
                    horizon: log.horizon(partition, named),
                    watermarks: log.watermarks.get(&partition).copied(),
                }
            })
            .collect()
    }
}

/// Where the partitions of the topic began and ended.
struct Log {
    /// When the verification began.
    ends: BTreeMap<i32, Watermarks>,
    /// Later.
    stable_ends: BTreeMap<i32, i64>,
    /// Later than the listing.
    watermarks: BTreeMap<i32, Watermarks>,
}

impl Log {
    /// What is looked for behind the end of a partition's chain: what the topic held
    /// when the verification began, and nothing behind a bound that was named.
    fn horizon(&self, partition: i32, named: Option<i64>) -> Option<Horizon> {
        let end = self.ends.get(&partition)?.end;
        let stable_end = *self.stable_ends.get(&partition)?;
        Some(Horizon { end: named.map_or(end, |bound| bound.min(end)), stable_end })
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let ended = |error: JoinError| {
        Problem::new(ErrorCode::KafkaRequestFailed, format!("the reader's thread ended: {error}"))
    };
    spawn_blocking(work).await.map_err(ended)?
}
