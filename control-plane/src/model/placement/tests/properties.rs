//! What holds for any connectors, agents and placement to start from.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;

pub(super) fn pools() -> impl Strategy<Value = Pool> {
    (0..2_i32).prop_map(|number| Pool::new(format!("vpc-{number}"), ""))
}

fn features() -> impl Strategy<Value = BTreeSet<String>> {
    prop_oneof![Just(BTreeSet::new()), Just(BTreeSet::from(["gzip".to_owned()]))]
}

/// A connector's demand but for its name.
pub(super) fn demands() -> impl Strategy<Value = ConnectorDemand> {
    (pools(), 1..5_i32, features()).prop_map(|(pool, tasks, features)| ConnectorDemand {
        name: String::new(),
        pool,
        tasks,
        features,
    })
}

/// An agent's offer but for its id.
pub(super) fn offers() -> impl Strategy<Value = AgentOffer> {
    let (placeable, draining) = (prop::bool::weighted(0.8), prop::bool::weighted(0.2));
    (pools(), 0..6_i32, features(), placeable, draining).prop_map(
        |(pool, capacity, features, placeable, draining)| AgentOffer {
            id: String::new(),
            pool,
            capacity,
            features,
            placeable,
            draining,
        },
    )
}

pub(super) fn connectors() -> impl Strategy<Value = Vec<ConnectorDemand>> {
    vec(demands(), 0..8).prop_map(|mut demands| {
        let named = demands.iter_mut().enumerate();
        named.for_each(|(number, demand)| demand.name = format!("c{number}"));
        demands
    })
}

pub(super) fn agents() -> impl Strategy<Value = Vec<AgentOffer>> {
    vec(offers(), 0..6).prop_map(|mut offers| {
        offers.iter_mut().enumerate().for_each(|(number, offer)| offer.id = format!("a{number}"));
        offers
    })
}

/// Anything, also what never was a result.
pub(super) fn placements() -> impl Strategy<Value = Placement> {
    let task = (0..9_i32, 0..5_i32).prop_map(|(number, index)| (format!("c{number}"), index));
    btree_map(task, (0..7_i32).prop_map(|number| format!("a{number}")), 0..16)
}

/// What is wrong with a placement in which nothing waits, if anything is.
pub(super) fn wrong(
    connectors: &[ConnectorDemand],
    agents: &[AgentOffer],
    placed: &Placement,
) -> Option<String> {
    let over = |offer: &&AgentOffer| load(placed, &offer.id) > offer.capacity as usize;
    if let Some(offer) = agents.iter().find(over) {
        return Some(format!("{} is over its capacity", offer.id));
    }
    for ((name, index), agent) in placed {
        let demand = connectors.iter().find(|demand| demand.name == *name);
        let offer = agents.iter().find(|offer| offer.id == *agent);
        let (Some(demand), Some(offer)) = (demand, offer) else {
            return Some(format!("{name}/{index} or {agent} is not there"));
        };
        if *index >= demand.tasks || !offer.suits(demand) {
            return Some(format!("{name}/{index} does not belong on {agent}"));
        }
    }
    let has_room = |offer: &AgentOffer| {
        offer.takes_tasks() && load(placed, &offer.id) < offer.capacity as usize
    };
    for demand in connectors {
        let name = &demand.name;
        let open: Vec<_> =
            agents.iter().filter(|offer| offer.suits(demand) && has_room(offer)).collect();
        let is_unplaced = |index: &i32| !placed.contains_key(&(name.clone(), *index));
        if !open.is_empty() && (0..demand.tasks).any(|index| is_unplaced(&index)) {
            return Some(format!("a task of {name} has no agent although there is room"));
        }
        let gives =
            |agent: &String| agents.iter().any(|offer| offer.id == *agent && offer.gives_tasks());
        let mut mine = placed.iter().filter(|((connector, _), _)| connector == name);
        if !open.is_empty() && mine.any(|(_, agent)| gives(agent)) {
            return Some(format!(
                "a task of {name} is on an agent that drains, with room elsewhere"
            ));
        }
        let is_doubled =
            |offer: &AgentOffer| offer.takes_tasks() && together(placed, name, &offer.id) > 1;
        if open.iter().any(|offer| together(placed, name, &offer.id) == 0)
            && agents.iter().any(is_doubled)
        {
            return Some(format!("{name} is doubled although an agent without it has room"));
        }
    }
    None
}

proptest! {
    #[test]
    fn any_start_ends_in_a_placement_that_keeps_every_rule(
        connectors in connectors(), agents in agents(), current in placements(),
    ) {
        let placed = place(&connectors, &agents, &current);
        prop_assert_eq!(wrong(&connectors, &agents, &placed), None);
        // No agent that is away or drains is given a task.
        for ((name, index), agent) in &placed {
            let takes = agents.iter().any(|offer| offer.id == *agent && offer.takes_tasks());
            prop_assert!(takes || current.get(&(name.clone(), *index)) == Some(agent));
        }
    }

    #[test]
    fn placing_twice_is_placing_once(
        connectors in connectors(), agents in agents(), current in placements(),
    ) {
        let once = place(&connectors, &agents, &current);
        prop_assert_eq!(place(&connectors, &agents, &once), once);
    }

    #[test]
    fn when_an_agent_leaves_only_its_own_tasks_move(
        connectors in connectors(), agents in agents(), leaver in any::<prop::sample::Index>(),
    ) {
        prop_assume!(!agents.is_empty());
        let before = from_nothing(&connectors, &agents);
        let mut rest = agents;
        let gone = rest.remove(leaver.index(rest.len())).id;
        let after = place(&connectors, &rest, &before);
        for (task, agent) in before.iter().filter(|(_, agent)| **agent != gone) {
            prop_assert_eq!(after.get(task), Some(agent));
        }
    }

    #[test]
    fn when_an_agent_joins_only_doubled_tasks_move(
        connectors in connectors(), agents in agents(), mut joiner in offers(),
    ) {
        let before = from_nothing(&connectors, &agents);
        let mut more = agents;
        joiner.id = "b".to_owned();
        more.push(joiner);
        let after = place(&connectors, &more, &before);
        for (task, agent) in &before {
            let doubled = together(&before, &task.0, agent) > 1;
            prop_assert!(doubled || after.get(task) == Some(agent));
        }
    }

    #[test]
    fn the_order_in_which_a_board_is_set_up_does_not_matter(
        connectors in connectors(), agents in agents(), current in placements(),
    ) {
        let now = Instant::now();
        let mut one = board(&connectors, &agents, &current);
        let reversed = |list: &[ConnectorDemand]| list.iter().rev().cloned().collect::<Vec<_>>();
        let agents_reversed: Vec<_> = agents.iter().rev().cloned().collect();
        let mut other = board(&reversed(&connectors), &agents_reversed, &current);
        loop {
            let settled = one.settle(now);
            prop_assert_eq!(other.settle(now), settled.clone());
            if settled.changed.is_empty() {
                break;
            }
        }
    }
}
