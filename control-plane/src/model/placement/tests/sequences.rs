//! What holds after any sequence of events, settled wherever it may be.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::properties::{demands, offers, placements, pools, wrong};
use super::*;

/// What happens to a board.
#[derive(Debug, Clone)]
enum Event {
    SetConnector(ConnectorDemand),
    RemoveConnector(String),
    SetAgent(AgentOffer),
    RemoveAgent(String, bool),
    /// It is to be evened out.
    Rebalance(Pool),
    /// It is settled this much later.
    Settle(Duration),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let connector = || (0..8_i32).prop_map(|number| format!("c{number}"));
    let agent = || (0..6_i32).prop_map(|number| format!("a{number}"));
    let event = prop_oneof![
        4 => (connector(), demands())
            .prop_map(|(name, demand)| Event::SetConnector(ConnectorDemand { name, ..demand })),
        1 => connector().prop_map(Event::RemoveConnector),
        4 => (agent(), offers()).prop_map(|(id, offer)| Event::SetAgent(AgentOffer { id, ..offer })),
        2 => (agent(), any::<bool>()).prop_map(|(id, gave_back)| Event::RemoveAgent(id, gave_back)),
        1 => pools().prop_map(Event::Rebalance),
        3 => (0..1_500_u64).prop_map(|passed| Event::Settle(Duration::from_millis(passed))),
    ];
    vec(event, 0..40)
}

/// A board, and what it is to know.
struct Run {
    board: Board,
    connectors: BTreeMap<String, ConnectorDemand>,
    agents: BTreeMap<String, AgentOffer>,
    /// What it told of where the tasks are.
    told: Placement,
    now: Instant,
}

impl Run {
    fn new(current: &Placement, auto: bool) -> Self {
        let mut board = board(&[], &[], current);
        board.rebalance.auto = auto;
        Self {
            board,
            connectors: BTreeMap::new(),
            agents: BTreeMap::new(),
            told: current.clone(),
            now: Instant::now(),
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::SetConnector(demand) => {
                self.connectors.insert(demand.name.clone(), demand.clone());
                self.board.set_connector(demand);
            }
            Event::RemoveConnector(name) => {
                self.connectors.remove(&name);
                self.told.retain(|(connector, _), _| *connector != name);
                self.board.remove_connector(&name);
            }
            Event::SetAgent(offer) => {
                self.agents.insert(offer.id.clone(), offer.clone());
                self.board.set_agent(offer);
            }
            Event::RemoveAgent(id, gave_back) => {
                self.agents.remove(&id);
                self.board.remove_agent(&id, gave_back);
            }
            Event::Rebalance(pool) => self.board.rebalance(&pool),
            Event::Settle(passed) => {
                self.now += passed;
                self.settle();
            }
        }
    }

    fn settle(&mut self) -> Option<Instant> {
        let Settled { changed, next } = self.board.settle(self.now);
        for (name, tasks) in changed {
            self.told.retain(|(connector, _), _| *connector != name);
            self.told
                .extend(tasks.into_iter().map(|(index, agent)| ((name.clone(), index), agent)));
        }
        next
    }

    fn settle_all(&mut self) {
        while let Some(next) = self.settle() {
            self.now = next;
        }
    }

    /// What was told of the connectors that are set.
    fn told(&self) -> Placement {
        let mut told = self.told.clone();
        told.retain(|(name, _), _| self.connectors.contains_key(name));
        told
    }

    fn wrong(&self) -> Option<String> {
        let connectors: Vec<_> = self.connectors.values().cloned().collect();
        let agents: Vec<_> = self.agents.values().cloned().collect();
        wrong(&connectors, &agents, &placement(&self.board))
    }

    /// What holds whenever it was settled, whatever still waits.
    fn wrong_already(&self) -> Option<String> {
        for ((name, index), agent) in placement(&self.board) {
            let demand = self.connectors.get(&name)?;
            let offer = self.agents.get(&agent);
            let belongs = offer.is_none_or(|offer| {
                offer.suits(demand) && self.board.load_of(&agent) <= offer.capacity
            });
            if index >= demand.tasks || !belongs {
                return Some(format!("{name}/{index} does not belong on {agent}"));
            }
        }
        None
    }

    /// The pools as they are to be, from who has which task alone.
    fn pools(&self) -> BTreeMap<Pool, PoolIndex> {
        let (mut pools, mut touched) = (BTreeMap::new(), BTreeSet::new());
        for (id, agent) in &self.board.agents {
            let Some(offer) = &agent.offer else { continue };
            let pool = ledger::index(&mut pools, &mut touched, &offer.pool);
            if offer.gives_tasks() {
                pool.draining_agents.insert(Arc::clone(id));
            }
            if offer.takes_tasks() && offer.capacity > 0 {
                let share = share::Share::new(agent.load(), offer.capacity);
                pool.connected.insert((share, Arc::clone(id)));
                pool.tasks += agent.tasks.len();
            }
            let (Some(offer), Some(share)) = (agent.open(), agent.share()) else { continue };
            pool.open.insert(&offer.features, (share, Arc::clone(id)));
            pool.room += i64::from(offer.capacity - agent.load());
        }
        for (name, Connector { demand, tasks }) in &self.board.connectors {
            let pool = ledger::index(&mut pools, &mut touched, &demand.pool);
            for index in 0..demand.tasks {
                let task = Task { index, connector: Arc::clone(name) };
                let agent = tasks.get(&index).and_then(|id| self.board.agents.get(id));
                match agent {
                    None => pool.unplaced.insert(&demand.features, task),
                    Some(agent) if agent.offer.is_none() => {
                        pool.leaving.insert(task);
                    }
                    Some(agent) => {
                        if agent.offer.as_ref().is_some_and(AgentOffer::gives_tasks) {
                            pool.draining.insert(&demand.features, task);
                        }
                        let here = tasks.values().filter(|id| **id == tasks[&index]).count();
                        if here > 1 && agent.is_settled() {
                            pool.doubled.insert(&demand.features, Arc::clone(name));
                        }
                    }
                }
            }
        }
        pools.retain(|_, pool: &mut PoolIndex| !pool.is_empty());
        pools
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_events_settled_anywhere_end_in_a_placement_that_keeps_every_rule(
        current in placements(), events in events(), auto in any::<bool>(),
    ) {
        let mut run = Run::new(&current, auto);
        for event in events {
            let was_settled = matches!(event, Event::Settle(_));
            run.happen(event);
            if was_settled {
                prop_assert_eq!(run.wrong_already(), None);
                prop_assert_eq!(&run.board.pools, &run.pools());
                prop_assert_eq!(run.told(), placement(&run.board));
            }
        }
        run.settle_all();
        prop_assert_eq!(run.wrong(), None);
        prop_assert_eq!(&run.board.pools, &run.pools());
        prop_assert_eq!(run.told(), placement(&run.board));
        prop_assert_eq!(run.settle(), None);
        prop_assert_eq!(run.told(), placement(&run.board), "settled twice is settled once");
    }

    #[test]
    fn the_same_events_have_the_same_results(
        current in placements(), events in events(), auto in any::<bool>(),
    ) {
        let (mut one, mut other) = (Run::new(&current, auto), Run::new(&current, auto));
        other.now = one.now;
        for event in events {
            one.happen(event.clone());
            other.happen(event);
            prop_assert_eq!(&one.told, &other.told);
        }
    }

    #[test]
    fn an_event_moves_no_task_that_it_is_not_about_but_doubled_and_draining_ones(
        events in events(),
    ) {
        let mut run = Run::new(&Placement::new(), false);
        for event in events {
            run.settle_all();
            let before = placement(&run.board);
            let wanted = run.connectors.clone();
            let (connector, agent) = match &event {
                Event::SetConnector(ConnectorDemand { name, .. })
                | Event::RemoveConnector(name) => (name.clone(), String::new()),
                Event::SetAgent(AgentOffer { id, .. }) | Event::RemoveAgent(id, _) => {
                    (String::new(), id.clone())
                }
                // That moves others on purpose.
                Event::Rebalance(_) => continue,
                Event::Settle(_) => Default::default(),
            };
            run.happen(event);
            run.settle_all();
            let after = placement(&run.board);
            for ((name, index), from) in &before {
                let task = (name.clone(), *index);
                let on_others = *name != connector && *from != agent;
                if !on_others || after.get(&task) == Some(from) {
                    continue;
                }
                // Its agent drains, and has waited for room.
                if run.agents.get(from).is_some_and(|offer| offer.draining) {
                    prop_assert!(after.contains_key(&task), "{name}/{index} has stopped");
                    continue;
                }
                // It was doubled, or is so by a task that had no agent.
                let placed = before.keys().filter(|(one, _)| one == name).count();
                let may_spread =
                    together(&before, name, from) > 1 || placed < wanted[name].tasks as usize;
                prop_assert!(may_spread && after.contains_key(&task), "{name}/{index} moved");
            }
        }
    }

    #[test]
    fn moves_of_tasks_that_nobody_gave_back_keep_the_pace(
        count in 1..200_i32, passed in vec(0..1_500_u64, 1..20),
    ) {
        let connectors: Vec<_> =
            (0..count).map(|number| demand(&format!("c{number}"), 1)).collect();
        let current: Placement =
            (0..count).map(|number| ((format!("c{number}"), 0), "a".to_owned())).collect();
        let mut board = board(&connectors, &[offer("b", 999)], &current);
        let (start, mut now) = (Instant::now(), Instant::now());
        for passed in passed {
            now += Duration::from_millis(passed);
            board.settle(now);
            let rounds = (now - start).as_secs() as i32 + 1;
            prop_assert!(board.load_of("b") <= rounds * (count / 10).max(10));
        }
    }
}
