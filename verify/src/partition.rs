//! One partition of one chain, from its objects and its topic into a walk.

use kafka2oss_chain::ChainId;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_kafka::{BrokerAdmin, Watermarks};
use kafka2oss_sink::ObjectStore;
use rdkafka::ClientConfig;
use tokio::runtime::Handle;

use crate::body::Body;
use crate::catalog::{Catalog, Entry};
use crate::compare::Expectation;
use crate::dead_letters::DeadLetters;
use crate::findings::{Collector, Finding, Kind};
use crate::object::{Chores, read_object, read_to_end};
use crate::outstanding::Horizon;
use crate::progress::Progress;
use crate::report::PartitionReport;
use crate::source::{Cancelled, PartitionReader};
use crate::values::Values;
use crate::walk::{Walk, WalkSettings, Walked};

/// What all partitions of a run share.
pub(crate) struct Run {
    pub(crate) runtime: Handle,
    pub(crate) store: ObjectStore,
    pub(crate) admin: BrokerAdmin,
    /// For the readers.
    pub(crate) config: ClientConfig,
    pub(crate) cancelled: Cancelled,
    pub(crate) topic: String,
    pub(crate) compacted: bool,
    pub(crate) catalog: Catalog,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) max_value_bytes: Option<u64>,
    pub(crate) include_headers: bool,
    pub(crate) examples: usize,
    pub(crate) progress: Progress,
}

/// One partition of one chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    /// `None` when nothing is known of any chain.
    pub(crate) chain: Option<ChainId>,
    pub(crate) partition: i32,
    pub(crate) start: Option<i64>,
    pub(crate) bound: Option<i64>,
    pub(crate) committed: Option<i64>,
    /// What is looked for behind the chain's end; `None`: nothing is.
    pub(crate) horizon: Option<Horizon>,
    /// `None` when the topic does not have the partition.
    pub(crate) watermarks: Option<Watermarks>,
}

impl Job {
    /// The links that it has.
    pub(crate) fn links<'a>(&self, catalog: &'a Catalog) -> &'a [Entry] {
        let objects = self.chain.and_then(|chain| catalog.objects(chain, self.partition));
        objects.map_or(&[], |objects| &objects.links)
    }
}

/// Verifies one partition of one chain. Blocks.
///
/// # Errors
/// When the topic or an object cannot be read, which says nothing about either.
pub(crate) fn verify_partition(
    run: &Run,
    job: &Job,
) -> Result<(PartitionReport, Collector), Problem> {
    let Job { chain, partition, start, bound, committed, horizon, ref watermarks } = *job;
    let expectation = Expectation {
        topic: run.topic.clone(),
        partition,
        max_value_bytes: run.max_value_bytes,
        include_headers: run.include_headers,
    };
    // Of a partition that is not there, nothing can be compared.
    let (log_start, end) = watermarks.map_or((i64::MAX, 0), |marks| (marks.beginning, marks.end));
    let settings = WalkSettings {
        chain,
        start,
        bound,
        committed,
        horizon,
        log_start,
        compacted: run.compacted,
        expectation: &expectation,
        dead_letters: &run.dead_letters,
        examples: run.examples,
    };
    let links = job.links(&run.catalog);
    let mut walk = Walk::new(settings, links.first().map(|link| link.offset));
    let mut values = Values::new(&run.runtime, &run.store, &run.catalog, chain, partition);
    let mut source = PartitionReader {
        runtime: &run.runtime,
        admin: &run.admin,
        config: &run.config,
        cancelled: &run.cancelled,
        topic: &run.topic,
        partition,
        end,
        consumer: None,
    };
    for (link, chain) in links.iter().zip(chain.into_iter().cycle()) {
        run.cancelled.check()?;
        run.progress.begun();
        let key = run.catalog.key(chain, partition, *link);
        let Some(encoding) = run.catalog.encoding(*link) else { continue };
        // One that was deleted since it was listed is a hole.
        let Some(body) = Body::open(&run.runtime, &run.store, &key)? else { continue };
        match body.metadata() {
            Err(error) => walk.foreign(&key, error.to_string()),
            Ok(metadata) => {
                let is_own = run.catalog.is_own(*link);
                if walk.begin(&key, link.offset, is_own, metadata.clone()) {
                    let chores: &mut Chores<'_> = &mut |walk| values.check_all(walk);
                    read_object(&mut walk, encoding, body, &mut source, chores)?;
                }
            }
        }
        values.check_all(&mut walk)?;
    }
    read_to_end(&mut walk, &mut source, &mut |walk| values.check_all(walk))?;
    walk.finish();
    values.check_all(&mut walk)?;
    for object in run.dead_letters.objects(partition) {
        values.refer(object);
    }
    Ok(with_garbage(walk.into_walked(), &values, job))
}

/// Adds the objects of values that nothing refers to. What stands where no link
/// was read may well be referred to, and may be all that is left of the value.
fn with_garbage(walked: Walked, values: &Values<'_>, job: &Job) -> (PartitionReport, Collector) {
    let Walked { mut report, mut findings, unread } = walked;
    for (offset, key) in values.unreferred() {
        if report.end.is_none_or(|end| offset >= end) {
            report.unclaimed_values += 1;
        } else if !unread.iter().any(|(first, next)| (*first..*next).contains(&offset)) {
            let finding = Finding::of_object(&key, "no record refers to it").at(offset);
            findings.add(Kind::Garbage, finding.of_partition(job.chain, job.partition));
        }
    }
    (report, findings)
}
