//! What one agent runs, and what it says of it. Pure: time comes in as a value.
//!
//! The fields are those that `agent/src/control/message.rs` sets.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use kafka2oss_proto::{agent, v1};
use tokio::time::Instant;

use crate::names;
use crate::wire::{Assignment, Prepare};

/// Partitions of each topic.
pub(crate) const PARTITIONS: i32 = 6;
/// Tasks of each connector.
pub(crate) const SPREAD: u32 = 2;
/// From the assignment until a task is a member of its group and has partitions.
const STARTING: Duration = Duration::from_millis(500);
/// Records a second in each partition.
const RATE: i64 = 10;

/// A connector's tasks on this agent.
#[derive(Debug, Clone, PartialEq)]
struct Running {
    assignment: Assignment,
    since: Instant,
}

/// What one agent runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Work {
    running: BTreeMap<u32, Running>,
}

impl Work {
    /// Takes a list. Returns the numbers of the connectors that are new.
    pub(crate) fn take(&mut self, list: Vec<Assignment>, now: Instant) -> Vec<u32> {
        let mut before = std::mem::take(&mut self.running);
        let mut new = Vec::new();
        for assignment in list {
            let Some(number) = names::number(assignment.connector.as_bytes()) else { continue };
            let since = match before.remove(&number) {
                // Anything but what is told while it runs is a restart.
                Some(old) if is_same(&old.assignment, &assignment) => old.since,
                Some(_) => now,
                None => {
                    new.push(number);
                    now
                }
            };
            self.running.insert(number, Running { assignment, since });
        }
        new
    }

    /// Who runs which task: connector and index.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = (u32, i32)> {
        self.running.iter().flat_map(|(number, running)| {
            running.assignment.tasks.iter().map(|task| (*number, task.index))
        })
    }

    /// When the next task will have started.
    pub(crate) fn next_start(&self, now: Instant) -> Option<Instant> {
        let starts = self.running.values().map(|running| running.since + STARTING);
        starts.filter(|start| *start > now).min()
    }

    /// What it says of it in Hello.
    pub(crate) fn held(&self) -> Vec<agent::v1::HeldAssignment> {
        let held = |running: &Running| agent::v1::HeldAssignment {
            connector: running.assignment.connector.clone(),
            uid: running.assignment.uid.clone(),
            generation: running.assignment.generation,
            placement_version: running.assignment.placement_version,
            task_indexes: running.assignment.tasks.iter().map(|task| task.index).collect(),
        };
        self.running.values().map(held).collect()
    }

    /// What it reports of it.
    pub(crate) fn report(
        &self,
        agent: &str,
        sequence: u64,
        now: Instant,
        time: SystemTime,
    ) -> agent::v1::StatusReport {
        let report = |running: &Running| running.report(agent, now, time);
        agent::v1::StatusReport {
            sequence,
            time: Some(time.into()),
            connectors: self.running.values().map(report).collect(),
            load: Some(v1::AgentLoad { cpu_cores: 0.5, cpu_count: 2, ..Default::default() }),
        }
    }
}

fn is_same(before: &Assignment, after: &Assignment) -> bool {
    before.uid == after.uid
        && before.placement_version == after.placement_version
        && before.generation == after.generation
        && before.tasks == after.tasks
}

impl Running {
    fn report(&self, agent: &str, now: Instant, time: SystemTime) -> agent::v1::ConnectorReport {
        let Self { assignment, since } = self;
        let lives = now.saturating_duration_since(*since);
        let starts = lives < STARTING;
        let rests = assignment.run_mode == agent::v1::RunMode::Pause as i32;
        let state = match (starts, rests) {
            (true, _) => v1::TaskState::Starting,
            (false, true) => v1::TaskState::Paused,
            (false, false) => v1::TaskState::Running,
        };
        let seconds = i64::try_from(lives.as_secs()).unwrap_or(i64::MAX);
        let taken = seconds.saturating_mul(RATE);
        let task = |task: &agent::v1::TaskAssignment| agent::v1::TaskReport {
            index: task.index,
            state: state.into(),
            problem: None,
            // It rises each second or so.
            pulse: if starts { 0 } else { 1 + lives.as_secs() },
            records_taken: Some(taken),
            bytes_taken: Some(taken.saturating_mul(100)),
        };
        let offset = 1_000 + taken;
        let partitions = assignment.tasks.iter().filter(|_| !starts).flat_map(|task| {
            let share = PARTITIONS / SPREAD.cast_signed();
            let first = task.index * share;
            (first..first + share).map(move |partition| (task.index, partition))
        });
        let partition = |(task_index, partition)| v1::PartitionProgress {
            partition,
            agent: agent.to_owned(),
            task_index,
            end_offset: Some(offset),
            committed_offset: Some(offset),
            position: Some(offset),
            lag: Some(0),
            last_object: format!("topic/{partition}/topic+{partition}+{offset:020}-0123abcd.json"),
            last_consumed_time: Some(time.into()),
            state: match rests {
                true => v1::PartitionState::Paused.into(),
                false => v1::PartitionState::Running.into(),
            },
            observed_time: Some(time.into()),
            ..v1::PartitionProgress::default()
        };
        let records = offset;
        agent::v1::ConnectorReport {
            connector: assignment.connector.clone(),
            uid: assignment.uid.clone(),
            generation: assignment.generation,
            placement_version: assignment.placement_version,
            tasks: assignment.tasks.iter().map(task).collect(),
            partitions: partitions.map(partition).collect(),
            totals: Some(v1::ConnectorTotals {
                records,
                bytes: records * 1_000,
                objects: records / 100,
                ..v1::ConnectorTotals::default()
            }),
            epoch: assignment.epoch.as_ref().map_or(0, |epoch| epoch.number),
            group: (!starts).then(|| agent::v1::GroupLook {
                topic_partitions: PARTITIONS,
                members_known: true,
                unowned: Vec::new(),
            }),
            ..agent::v1::ConnectorReport::default()
        }
    }
}

/// What a preparation finds: everything is as it should be, and made just now.
pub(crate) fn prepared(prepare: Prepare, time: SystemTime) -> agent::v1::PrepareConnectorResult {
    let Prepare { connector, epoch, resources } = prepare;
    let mut epoch = epoch.unwrap_or_default();
    if epoch.fixed_time.is_none() {
        epoch.topic_id = format!("id-of-{connector}");
        epoch.start_offsets = (0..PARTITIONS).map(|partition| (partition, 0)).collect();
        epoch.set_origin(v1::StartOrigin::Latest);
        epoch.fixed_time = Some(time.into());
    }
    let topics = resources.into_iter().filter(|resource| resource.partitions > 0);
    // Each instance is a cluster of its own.
    let instance = connector.rsplit_once("/connectors/").map_or("", |(instance, _)| instance);
    agent::v1::PrepareConnectorResult {
        epoch: Some(epoch),
        created_topics: topics.map(|topic| topic.name).collect(),
        delivery_guarantee: v1::DeliveryGuarantee::ExactlyOnce.into(),
        kafka_cluster_id: format!("cluster-of-{instance}"),
        store_refuses_existing: true,
        ..agent::v1::PrepareConnectorResult::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::wire::EpochNumber;

    fn assignment(number: u32, placement_version: u64, indexes: &[i32]) -> Assignment {
        let task = |index: &i32| agent::v1::TaskAssignment { index: *index, threads: 3 };
        Assignment {
            connector: names::connector(number),
            uid: format!("uid-{number}"),
            generation: 2,
            placement_version,
            epoch: Some(EpochNumber { number: 1 }),
            run_mode: agent::v1::RunMode::Run.into(),
            tasks: indexes.iter().map(task).collect(),
        }
    }

    #[test]
    fn tasks_start_once_and_again_only_for_what_is_another_assignment() {
        let (mut work, start) = (Work::default(), Instant::now());
        let list = || vec![assignment(7, 1, &[0]), assignment(8, 1, &[1])];
        assert_eq!(work.take(list(), start), [7, 8]);
        let later = start + Duration::from_secs(10);
        assert_eq!(work.take(list(), later), [0_u32; 0]);
        assert_eq!(work.next_start(later), None);
        assert_eq!(work.tasks().collect::<Vec<_>>(), [(7, 0), (8, 1)]);

        assert_eq!(work.take(vec![assignment(7, 2, &[0])], later), [0_u32; 0]);
        assert_eq!(work.next_start(later), Some(later + STARTING));
        assert_eq!(work.tasks().collect::<Vec<_>>(), [(7, 0)]);
        assert_eq!(work.held()[0].placement_version, 2);
    }

    #[test]
    fn a_task_that_has_started_reports_its_part_of_the_partitions_and_a_pulse_that_rises() {
        let (mut work, start) = (Work::default(), Instant::now());
        work.take(vec![assignment(7, 1, &[0]), assignment(8, 1, &[1])], start);
        let at = |after: Duration| {
            work.report("agents/a", 1, start + after, SystemTime::UNIX_EPOCH).connectors
        };
        let starting = at(Duration::ZERO);
        assert_eq!(starting[0].tasks[0].state(), v1::TaskState::Starting);
        assert!(starting[0].partitions.is_empty() && starting[0].group.is_none());

        let running = at(STARTING);
        let partitions: Vec<_> = running.iter().flat_map(|one| &one.partitions).collect();
        let numbers: BTreeSet<_> = partitions.iter().map(|one| one.partition).collect();
        assert_eq!((numbers.len(), partitions.len()), (6, 6));
        assert!(partitions.iter().all(|one| one.lag == Some(0)));
        let later = at(Duration::from_secs(9));
        assert!(later[0].tasks[0].pulse > running[0].tasks[0].pulse);
        assert!(later[0].partitions[0].position > running[0].partitions[0].position);
    }

    #[test]
    fn a_start_is_read_once_an_epoch() {
        let prepare = Prepare {
            connector: names::connector(7),
            epoch: Some(v1::Epoch { number: 3, ..Default::default() }),
            resources: vec![
                v1::PlannedResource { name: "t".to_owned(), partitions: 1, ..Default::default() },
                v1::PlannedResource { name: "group".to_owned(), ..Default::default() },
            ],
        };
        let result = prepared(prepare.clone(), SystemTime::UNIX_EPOCH);
        assert_eq!(result.created_topics, ["t"]);
        let epoch = result.epoch.expect("an epoch");
        assert_eq!((epoch.number, epoch.start_offsets.len()), (3, 6));
        let again = Prepare { epoch: Some(epoch.clone()), ..prepare };
        assert_eq!(prepared(again, SystemTime::now()).epoch, Some(epoch));
    }
}
