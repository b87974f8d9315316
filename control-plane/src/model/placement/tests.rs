//! Cases and properties of placement.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;

fn demand(name: &str, tasks: u32) -> ConnectorDemand {
    let (name, pool, features) = (name.to_owned(), Pool::default(), BTreeSet::new());
    ConnectorDemand { name, pool, tasks, features }
}

fn offer(id: &str, capacity: u32) -> AgentOffer {
    AgentOffer {
        id: id.to_owned(),
        pool: Pool::default(),
        capacity,
        features: BTreeSet::new(),
        placeable: true,
    }
}

/// `connector/index -> agent`, in order.
fn shown(placement: &Placement) -> Vec<String> {
    let line = |(task, agent): (&TaskKey, &String)| {
        format!("{}/{} -> {agent}", task.connector, task.index)
    };
    placement.iter().map(line).collect()
}

fn from_nothing(connectors: &[ConnectorDemand], agents: &[AgentOffer]) -> Placement {
    place(connectors, agents, &Placement::new())
}

#[test]
fn tasks_of_a_connector_are_on_different_agents_where_there_are_enough() {
    let placed = from_nothing(&[demand("c", 2)], &[offer("a", 9), offer("b", 9)]);
    assert_eq!(shown(&placed), ["c/0 -> a", "c/1 -> b"]);
    let placed = from_nothing(&[demand("c", 3)], &[offer("a", 9), offer("b", 9)]);
    assert_eq!(shown(&placed), ["c/0 -> a", "c/1 -> b", "c/2 -> a"]);
    let placed = from_nothing(&[demand("c", 2)], &[offer("a", 9)]);
    assert_eq!(shown(&placed), ["c/0 -> a", "c/1 -> a"]);
}

#[test]
fn the_agent_with_the_smallest_share_of_its_capacity_in_use_is_taken() {
    let connectors = ["c", "d", "e", "f"].map(|name| demand(name, 1));
    let placed = from_nothing(&connectors, &[offer("a", 1), offer("b", 3)]);
    let on_b = placed.values().filter(|agent| *agent == "b").count();
    assert_eq!(on_b, 3);
    assert_eq!(placed[&TaskKey { connector: "c".to_owned(), index: 0 }], "b");
}

#[test]
fn a_pool_that_is_too_small_runs_each_connectors_first_task_first() {
    let placed = from_nothing(&[demand("c", 3), demand("d", 1)], &[offer("a", 2)]);
    assert_eq!(shown(&placed), ["c/0 -> a", "d/0 -> a"]);
}

#[test]
fn agents_of_other_pools_or_without_a_feature_are_not_chosen() {
    let mut connector = demand("c", 1);
    connector.features.insert("gzip".to_owned());
    let mut elsewhere = offer("a", 9);
    elsewhere.pool = Pool::new("vpc-1", "vsw-1");
    elsewhere.features.insert("gzip".to_owned());
    let plain = offer("b", 9);
    let mut able = offer("z", 1);
    able.features.insert("gzip".to_owned());
    let connectors = [connector];
    assert!(from_nothing(&connectors, &[elsewhere.clone(), plain.clone()]).is_empty());
    assert_eq!(shown(&from_nothing(&connectors, &[elsewhere, plain, able])), ["c/0 -> z"]);
}

#[test]
fn a_disconnected_agent_keeps_its_tasks_and_gets_no_others() {
    let mut away = offer("a", 9);
    let agents = [away.clone()];
    let placed = from_nothing(&[demand("c", 2)], &agents);
    away.placeable = false;
    let agents = [away, offer("b", 9)];
    let after = place(&[demand("c", 2), demand("d", 1)], &agents, &placed);
    assert_eq!(shown(&after), ["c/0 -> a", "c/1 -> a", "d/0 -> b"]);
}

#[test]
fn an_agent_that_joins_gets_unplaced_and_doubled_tasks_and_no_others() {
    let connectors = [demand("c", 2), demand("d", 1), demand("e", 1)];
    let before = from_nothing(&connectors, &[offer("a", 3)]);
    assert_eq!(shown(&before), ["c/0 -> a", "d/0 -> a", "e/0 -> a"]);
    let after = place(&connectors, &[offer("a", 3), offer("b", 9)], &before);
    assert_eq!(shown(&after), ["c/0 -> a", "c/1 -> b", "d/0 -> a", "e/0 -> a"]);

    let before = from_nothing(&[demand("c", 2)], &[offer("a", 3)]);
    let after = place(&[demand("c", 2)], &[offer("a", 3), offer("b", 9)], &before);
    assert_eq!(shown(&after), ["c/0 -> a", "c/1 -> b"]);
}

#[test]
fn a_doubled_task_that_moves_makes_room_for_one_without_an_agent() {
    // `d` needs what only `a` can do; `a` is full with two tasks of `c`.
    let mut picky = demand("d", 1);
    picky.features.insert("gzip".to_owned());
    let mut able = offer("a", 2);
    able.features.insert("gzip".to_owned());
    let connectors = [demand("c", 2), picky];
    let current = [("c", 0), ("c", 1)]
        .map(|(connector, index)| {
            (TaskKey { connector: connector.to_owned(), index }, "a".to_owned())
        })
        .into();
    let after = place(&connectors, &[able, offer("b", 1)], &current);
    assert_eq!(shown(&after), ["c/0 -> a", "c/1 -> b", "d/0 -> a"]);
}

#[test]
fn tasks_and_connectors_that_are_no_longer_asked_for_are_gone() {
    let agents = [offer("a", 9)];
    let before = from_nothing(&[demand("c", 3), demand("d", 1)], &agents);
    assert_eq!(shown(&place(&[demand("c", 1)], &agents, &before)), ["c/0 -> a"]);
}

fn pools() -> impl Strategy<Value = Pool> {
    (0..2_u32).prop_map(|number| Pool::new(format!("vpc-{number}"), ""))
}

fn features() -> impl Strategy<Value = BTreeSet<String>> {
    prop_oneof![Just(BTreeSet::new()), Just(BTreeSet::from(["gzip".to_owned()]))]
}

fn connectors() -> impl Strategy<Value = Vec<ConnectorDemand>> {
    vec((pools(), 1..5_u32, features()), 0..8).prop_map(|demands| {
        let named = demands.into_iter().enumerate();
        named
            .map(|(number, (pool, tasks, features))| ConnectorDemand {
                name: format!("c{number}"),
                pool,
                tasks,
                features,
            })
            .collect()
    })
}

fn agents() -> impl Strategy<Value = Vec<AgentOffer>> {
    vec((pools(), 0..6_u32, features(), prop::bool::weighted(0.8)), 0..6).prop_map(|offers| {
        let named = offers.into_iter().enumerate();
        named
            .map(|(number, (pool, capacity, features, placeable))| AgentOffer {
                id: format!("a{number}"),
                pool,
                capacity,
                features,
                placeable,
            })
            .collect()
    })
}

/// Anything, also what never was a result.
fn placements() -> impl Strategy<Value = Placement> {
    let task = (0..9_u32, 0..5_u32)
        .prop_map(|(number, index)| TaskKey { connector: format!("c{number}"), index });
    btree_map(task, (0..7_u32).prop_map(|number| format!("a{number}")), 0..16)
}

fn load(placement: &Placement, agent: &str) -> usize {
    placement.values().filter(|placed| *placed == agent).count()
}

fn together(placement: &Placement, connector: &str, agent: &str) -> usize {
    placement.iter().filter(|(task, on)| task.connector == connector && *on == agent).count()
}

proptest! {
    #[test]
    fn no_agent_is_over_capacity_outside_the_pool_or_unable(
        connectors in connectors(), agents in agents(), current in placements(),
    ) {
        let placed = place(&connectors, &agents, &current);
        for offer in &agents {
            prop_assert!(load(&placed, &offer.id) <= offer.capacity as usize);
        }
        for (task, agent) in &placed {
            let demand = connectors.iter().find(|demand| demand.name == task.connector);
            let offer = agents.iter().find(|offer| offer.id == *agent);
            let (Some(demand), Some(offer)) = (demand, offer) else {
                return Err(TestCaseError::fail("a connector or agent that is not there"));
            };
            prop_assert!(task.index < demand.tasks && suits(demand, offer));
            prop_assert!(offer.placeable || current.get(task) == Some(agent));
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
    fn no_task_is_without_an_agent_while_one_has_room(
        connectors in connectors(), agents in agents(), current in placements(),
    ) {
        let placed = place(&connectors, &agents, &current);
        for demand in &connectors {
            let all_placed = (0..demand.tasks).all(|index| {
                placed.contains_key(&TaskKey { connector: demand.name.clone(), index })
            });
            let room = agents.iter().any(|offer| {
                offer.placeable
                    && suits(demand, offer)
                    && load(&placed, &offer.id) < offer.capacity as usize
            });
            prop_assert!(all_placed || !room);
        }
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
        connectors in connectors(), agents in agents(), pool in pools(), features in features(),
    ) {
        let before = from_nothing(&connectors, &agents);
        let mut more = agents;
        let joiner = AgentOffer { id: "b".into(), pool, capacity: 9, features, placeable: true };
        more.push(joiner);
        let after = place(&connectors, &more, &before);
        for (task, agent) in &before {
            let doubled = together(&before, &task.connector, agent) > 1;
            prop_assert!(doubled || after.get(task) == Some(agent));
        }
    }

    #[test]
    fn the_order_of_the_lists_does_not_matter(
        connectors in connectors(), agents in agents(), current in placements(),
    ) {
        let placed = place(&connectors, &agents, &current);
        let reversed = |list: &[ConnectorDemand]| list.iter().rev().cloned().collect::<Vec<_>>();
        let agents_reversed: Vec<_> = agents.iter().rev().cloned().collect();
        prop_assert_eq!(place(&reversed(&connectors), &agents_reversed, &current), placed);
    }
}
