//! What a simulated agent runs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kafka2oss_proto::agent;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::answers::{LEAST_END, report_of};
use super::ledger::Runs;
use super::world::World;

/// A connector's tasks on an agent, as it runs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) uid: String,
    pub(super) placement_version: u64,
    pub(super) indexes: Vec<i32>,
}

/// What one process of an agent runs.
pub(super) struct Tasks {
    agent: String,
    /// Names the process, where there are several of one id.
    process: String,
    /// It should not be there: whatever it runs is fenced.
    is_fenced: bool,
    world: Arc<World>,
    seen: watch::Sender<BTreeMap<String, Held>>,
    /// How often the agent was gone when it opened its stream.
    gone: u64,
    /// By connector; on its disk.
    assigned: BTreeMap<String, Taken>,
    /// What it runs no longer, until its tasks have stopped.
    stopping: Vec<(Instant, Taken)>,
    /// The highest generation and placement version of each uid that it was told.
    highest: HashMap<String, (i64, u64)>,
    /// Records written, by connector.
    positions: HashMap<String, i64>,
}

/// An assignment that an agent has taken.
#[derive(Debug, Clone)]
struct Taken {
    one: Arc<agent::v1::ConnectorAssignment>,
    /// How often the agent was gone when it opened the stream by which it has it.
    given: u64,
}

impl Tasks {
    /// None yet.
    pub(super) fn new(world: &Arc<World>, agent: &str, process: &str) -> Self {
        Self {
            agent: agent.to_owned(),
            process: process.to_owned(),
            is_fenced: agent != process,
            world: Arc::clone(world),
            seen: watch::Sender::new(BTreeMap::new()),
            gone: 0,
            assigned: BTreeMap::new(),
            stopping: Vec::new(),
            highest: HashMap::new(),
            positions: HashMap::new(),
        }
    }

    /// Follows what it runs.
    pub(super) fn follow(&self) -> watch::Receiver<BTreeMap<String, Held>> {
        self.seen.subscribe()
    }

    /// The agent is about to open a stream.
    pub(super) fn open_stream(&mut self) {
        self.gone = self.world.ledger.times_gone(&self.agent);
    }

    /// The process has ended; what is on its disk is there for the next one, unless it gave
    /// it back.
    pub(super) fn end(&mut self, gave_back: bool) {
        self.stopping.clear();
        if gave_back {
            self.assigned.clear();
        }
    }

    /// What it runs, as Hello says it.
    pub(super) fn held(&self) -> Vec<agent::v1::HeldAssignment> {
        let held = |one: &Arc<agent::v1::ConnectorAssignment>| agent::v1::HeldAssignment {
            connector: one.connector.clone(),
            uid: one.uid.clone(),
            generation: one.generation,
            placement_version: one.placement_version,
            task_indexes: one.tasks.iter().map(|task| task.index).collect(),
        };
        self.view().map(held).collect()
    }

    /// Takes a list; some of it may be refused.
    pub(super) async fn take(
        &mut self,
        list: agent::v1::AssignmentList,
    ) -> agent::v1::AssignmentAck {
        self.check(&list);
        sleep(self.world.within(0, 300)).await;
        let mut nacks = Vec::new();
        let mut assigned = BTreeMap::new();
        for one in list.connectors {
            let (connector, given) = (one.connector.clone(), self.gone);
            if !self.world.refuses() {
                assigned.insert(connector, Taken { one: Arc::new(one), given });
                continue;
            }
            let message = "not today".to_owned();
            nacks.push(agent::v1::AssignmentNack {
                connector: connector.clone(),
                placement_version: one.placement_version,
                generation: one.generation,
                problem: Some(agent::v1::Problem { code: "AGENT_UNSUPPORTED".to_owned(), message }),
            });
            // The last good one goes on, but for tasks that are another agent's by now.
            let last_good = self.assigned.get(&connector).filter(|last| last.one.uid == one.uid);
            if let Some(last_good) = last_good {
                let mut last_good = agent::v1::ConnectorAssignment::clone(&last_good.one);
                last_good.tasks.retain(|task| one.tasks.iter().any(|now| now.index == task.index));
                assigned.insert(connector, Taken { one: Arc::new(last_good), given });
            }
        }
        let before = std::mem::replace(&mut self.assigned, assigned);
        for (connector, before) in before {
            if self.assigned.get(&connector).is_none_or(|now| now.one.uid != before.one.uid) {
                let stopped = Instant::now() + self.world.within(0, 4_000);
                self.stopping.push((stopped, before));
            }
        }
        self.show();
        agent::v1::AssignmentAck { version: list.version, nonce: list.nonce, nacks }
    }

    /// A list has nothing but what is durable, goes back behind no earlier one, and takes
    /// nothing that is the agent's.
    fn check(&mut self, list: &agent::v1::AssignmentList) {
        for one in &list.connectors {
            self.world.disk.durable(|durable| durable.check_assignment(&self.process, one));
            let told = (one.generation, one.placement_version);
            let highest = self.highest.entry(one.uid.clone()).or_default();
            assert!(
                told.0 >= highest.0 && told.1 >= highest.1,
                "{} is told {told:?} of {} after {highest:?}",
                self.process,
                one.connector
            );
            *highest = told;
            for task in &one.tasks {
                let (uid, version) = (&one.uid, one.placement_version);
                self.world.ledger.give(&self.agent, uid, version, task.index);
            }
        }
        let told = |name: &String| list.connectors.iter().any(|one| one.connector == *name);
        for (name, Taken { one, .. }) in self.assigned.iter().filter(|(name, _)| !told(name)) {
            let has_it = self.world.disk.durable(|durable| durable.is_given(&self.agent, one));
            assert!(!has_it, "{} is told nothing of {name}, which it has", self.process);
        }
    }

    /// What it runs, as it says it: of each name what is assigned, or else what stops.
    fn view(&self) -> impl Iterator<Item = &Arc<agent::v1::ConnectorAssignment>> {
        let stopping = self.stopping.iter().map(|(_, taken)| &taken.one);
        let stopping = stopping.filter(|one| !self.assigned.contains_key(&one.connector));
        self.assigned.values().map(|taken| &taken.one).chain(stopping)
    }

    /// Its report.
    pub(super) fn report(&mut self, sequence: u64) -> agent::v1::StatusReport {
        let now = Instant::now();
        self.stopping.retain(|(stopped, _)| *stopped > now);
        self.show();
        let runs: Vec<_> = self.view().cloned().collect();
        let mut connectors = Vec::with_capacity(runs.len());
        for one in runs {
            let position = self.positions.entry(one.uid.clone()).or_insert(LEAST_END);
            *position += 1;
            connectors.push(report_of(&one, sequence, *position));
        }
        agent::v1::StatusReport { sequence, connectors, ..agent::v1::StatusReport::default() }
    }

    /// When it has something to say, which is soon while tasks stop.
    pub(super) fn next_report(&self) -> Instant {
        let regular = Instant::now() + Duration::from_secs(5);
        self.stopping.iter().map(|(stopped, _)| *stopped).chain([regular]).min().unwrap_or(regular)
    }

    /// Shows what it runs.
    pub(super) fn show(&self) {
        let held = |(connector, Taken { one, .. }): (&String, &Taken)| {
            let indexes = one.tasks.iter().map(|task| task.index).collect();
            let (uid, placement_version) = (one.uid.clone(), one.placement_version);
            (connector.clone(), Held { uid, placement_version, indexes })
        };
        self.seen.send_replace(self.assigned.iter().map(held).collect());
        if self.is_fenced {
            return;
        }
        let stopping = self.stopping.iter().map(|(_, taken)| taken);
        let runs = |Taken { one, given }: &Taken| {
            (one.uid.clone(), Runs { given: *given, mode: one.run_mode() })
        };
        let all = stopping.chain(self.assigned.values()).map(runs).collect();
        self.world.ledger.runs(&self.agent, all);
    }
}
