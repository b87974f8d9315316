//! What an agent may say at most (pure): more than any topic has, and little
//! enough that one connector's status always fits into a message; and no count below zero.

use kafka2oss_proto::{agent, v1};

use crate::model::positions::{MAX_PARTITIONS, is_partition};
use crate::model::totals;
use crate::text::shorten;

/// Tasks of a connector in one report.
const MAX_TASKS: usize = 256;
/// Test messages of a partition.
const MAX_TEST_MESSAGES: usize = 16;
/// Partitions that are told of at a time in a flush, and objects of each.
const MAX_FLUSHED: usize = 500;
/// Length of one text in bytes, and of all that a report of a connector has.
const MAX_TEXT: usize = 2_000;
const MAX_TEXTS: usize = 4 << 20;

/// Keeps what a report says of one connector within bounds.
pub(super) fn limit(report: &mut agent::v1::ConnectorReport) {
    let mut texts = Texts { left: MAX_TEXTS };
    texts.limit(&mut report.delivery_guarantee_reason);
    report.tasks.truncate(MAX_TASKS);
    for task in &mut report.tasks {
        if let Some(problem) = &mut task.problem {
            texts.limit_problem(problem);
        }
    }
    if let Some(totals) = &mut report.totals {
        totals::limit(totals);
    }
    report.partitions.retain(|one| is_partition(one.partition));
    report.partitions.sort_by_key(|one| one.partition);
    report.partitions.dedup_by_key(|one| one.partition);
    for partition in &mut report.partitions {
        let v1::PartitionProgress { agent, last_object, error_code, error_message, .. } = partition;
        for text in [agent, last_object, error_code, error_message] {
            texts.limit(text);
        }
        partition.lag = partition.lag.map(|lag| lag.max(0));
        if let Some(totals) = &mut partition.totals {
            totals::limit(totals);
        }
        partition.test_messages.truncate(MAX_TEST_MESSAGES);
        for message in &mut partition.test_messages {
            texts.limit(&mut message.object_key);
        }
    }
    if let Some(group) = &mut report.group {
        group.topic_partitions = group.topic_partitions.clamp(0, MAX_PARTITIONS);
        group.unowned.retain(|one| is_partition(one.partition));
        group.unowned.sort_by_key(|one| one.partition);
        group.unowned.dedup_by_key(|one| one.partition);
        for one in &mut group.unowned {
            texts.limit(&mut one.client_host);
            if let Some(client_id) = &mut one.client_id {
                texts.limit(client_id);
            }
        }
    }
}

/// Has no number below zero in what an agent says of its host, and none that is none.
pub(super) fn limit_load(load: &mut v1::AgentLoad) {
    let v1::AgentLoad {
        memory_budget_bytes,
        memory_used_bytes,
        resident_bytes,
        cpu_cores,
        cpu_count,
    } = load;
    for bytes in [memory_budget_bytes, memory_used_bytes, resident_bytes] {
        *bytes = (*bytes).max(0);
    }
    *cpu_count = (*cpu_count).max(0);
    // JSON has neither.
    *cpu_cores = if cpu_cores.is_finite() { cpu_cores.max(0.0) } else { 0.0 };
}

/// Keeps why an assignment was refused within bounds.
pub(super) fn limit_nack(nack: &mut agent::v1::AssignmentNack) {
    if let Some(problem) = &mut nack.problem {
        Texts { left: MAX_TEXTS }.limit_problem(problem);
    }
}

/// Keeps what is told of a command within bounds.
pub(super) fn limit_progress(progress: &mut agent::v1::CommandProgress) {
    use agent::v1::command_progress::Progress;
    match &mut progress.progress {
        Some(Progress::PreflightCheck(check)) => {
            let v1::PreflightCheck { name, subject, status: _, code, detail, remedy } = check;
            for text in [name, subject, code, detail, remedy] {
                shorten(text, MAX_TEXT);
            }
        }
        Some(Progress::Flush(report)) => limit_flush(report),
        None => {}
    }
}

fn limit_flush(report: &mut agent::v1::FlushReport) {
    report.partitions.truncate(MAX_FLUSHED);
    report.partitions.retain(|one| is_partition(one.partition));
    let mut texts = Texts { left: MAX_TEXTS };
    for one in &mut report.partitions {
        one.objects.truncate(MAX_FLUSHED);
        one.objects.retain(|object| {
            let is_range = |extent: &v1::Extent| {
                0 <= extent.first_offset && extent.first_offset < extent.next_offset
            };
            object.extent.as_ref().is_some_and(is_range)
        });
        for object in &mut one.objects {
            texts.limit(&mut object.object_key);
            object.records = object.records.map(|records| records.max(0));
        }
    }
}

struct Texts {
    left: usize,
}

impl Texts {
    fn limit(&mut self, text: &mut String) {
        shorten(text, MAX_TEXT.min(self.left));
        self.left -= text.len();
    }

    fn limit_problem(&mut self, problem: &mut agent::v1::Problem) {
        self.limit(&mut problem.code);
        self.limit(&mut problem.message);
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn a_load_has_no_number_that_is_none() {
        for cpu_cores in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0] {
            let mut load = v1::AgentLoad { cpu_cores, cpu_count: -1, ..Default::default() };
            load.resident_bytes = i64::MIN;
            limit_load(&mut load);
            assert_eq!(load, v1::AgentLoad::default());
        }
    }

    #[test]
    fn whatever_is_told_of_a_flush_it_is_short_and_of_objects_that_can_be() {
        use agent::v1::command_progress::Progress;
        let object = |first_offset, next_offset| v1::FlushedObject {
            object_key: "k".repeat(5_000),
            extent: Some(v1::Extent { first_offset, next_offset }),
            records: Some(-1),
        };
        let objects = [object(5, 5), object(-1, 5), v1::FlushedObject::default()];
        let objects: Vec<_> =
            objects.into_iter().chain((0..600).map(|at| object(at, 601))).collect();
        let partition = |partition| agent::v1::FlushReportPartition {
            partition,
            objects: objects.clone(),
            ..agent::v1::FlushReportPartition::default()
        };
        let report = agent::v1::FlushReport { partitions: (-1..600).map(partition).collect() };
        let mut progress = agent::v1::CommandProgress {
            id: String::new(),
            progress: Some(Progress::Flush(report)),
        };
        limit_progress(&mut progress);
        assert!(progress.encoded_len() < 16 << 20, "{}", progress.encoded_len());
        let Some(Progress::Flush(report)) = progress.progress else { panic!("another") };
        assert_eq!(report.partitions.len(), MAX_FLUSHED - 1);
        let first = &report.partitions[0].objects[0];
        assert_eq!((first.object_key.len(), first.records), (MAX_TEXT, Some(0)));
        assert_eq!(first.extent, Some(v1::Extent { first_offset: 0, next_offset: 601 }));
    }

    fn partition(number: i32) -> v1::PartitionProgress {
        v1::PartitionProgress {
            partition: number,
            error_message: "x".repeat(5_000),
            last_object: "k".repeat(5_000),
            lag: Some(i64::MIN),
            ..v1::PartitionProgress::default()
        }
    }

    #[test]
    fn whatever_a_report_says_it_is_short_and_of_partitions_that_can_be() {
        let numbers = [-1, 0, 0, 7, MAX_PARTITIONS - 1, MAX_PARTITIONS, i32::MAX];
        let mut report = agent::v1::ConnectorReport {
            totals: Some(v1::ConnectorTotals {
                records: -7,
                bytes: 7,
                ..v1::ConnectorTotals::default()
            }),
            partitions: numbers.into_iter().chain(100..5_000).map(partition).collect(),
            group: Some(agent::v1::GroupLook {
                topic_partitions: i32::MAX,
                ..agent::v1::GroupLook::default()
            }),
            ..agent::v1::ConnectorReport::default()
        };
        limit(&mut report);
        let first: Vec<_> = report.partitions.iter().take(3).map(|one| one.partition).collect();
        assert_eq!(first, [0, 7, 100]);
        assert_eq!(report.partitions.last().map(|one| one.partition), Some(MAX_PARTITIONS - 1));
        assert_eq!(report.partitions[0].error_message.len(), MAX_TEXT);
        assert_eq!(report.partitions[0].lag, Some(0));
        assert_eq!(report.totals.map(|totals| (totals.records, totals.bytes)), Some((0, 7)));
        assert_eq!(report.group.as_ref().map(|group| group.topic_partitions), Some(20_000));
        assert!(report.encoded_len() < 5 << 20, "{}", report.encoded_len());
    }
}
