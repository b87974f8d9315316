//! How pools are evened out.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::properties::{agents, connectors, placements, wrong};
use super::*;

const INTERVAL: Duration = Duration::from_secs(10);
const AUTO: Rebalance = Rebalance { auto: true, interval: INTERVAL };

/// `count` connectors with one task each, all of them on `a`.
fn all_on_one(count: i32, rebalance: Rebalance) -> Board {
    let mut board = Board::new(rebalance);
    for number in 0..count {
        board.set_connector(demand(&format!("c-{number:04}"), 1));
    }
    board.set_agent(offer("a", 999));
    board.settle(Instant::now());
    board
}

fn loads(board: &Board, agents: &[&str]) -> Vec<i32> {
    agents.iter().map(|agent| board.load_of(agent)).collect()
}

#[test]
fn an_agent_that_joins_gets_its_share_one_task_a_round() {
    let mut board = all_on_one(5, AUTO);
    let now = Instant::now();
    board.set_agent(offer("b", 999));
    assert_eq!(board.settle(now), Settled { next: Some(now + INTERVAL), ..Settled::default() });
    // Others that join until the first round begins are part of it.
    board.set_agent(offer("c", 999));
    let settled = board.settle(now + INTERVAL / 2);
    assert_eq!(settled, Settled { next: Some(now + INTERVAL), ..Settled::default() });
    let mut seen = Vec::new();
    let mut next = settled.next;
    while let Some(at) = next {
        next = board.settle(at).next;
        assert!(next.is_none_or(|next| next == at + INTERVAL));
        seen.push(loads(&board, &["a", "b", "c"]));
    }
    assert_eq!(seen, [[4, 1, 0], [3, 1, 1], [2, 2, 1]]);
}

#[test]
fn a_hundredth_of_a_large_pool_moves_in_a_round() {
    let mut board = all_on_one(500, AUTO);
    let now = Instant::now();
    board.set_agent(offer("b", 999));
    board.settle(now);
    let settled = board.settle(now + INTERVAL);
    assert_eq!((board.load_of("b"), settled.changed.len()), (5, 5));
    // Events in between move no more.
    board.set_connector(demand("new", 1));
    assert_eq!(board.settle(now + INTERVAL * 3 / 2).next, Some(now + INTERVAL * 2));
    assert_eq!(board.load_of("a"), 495);
}

#[test]
fn where_it_is_off_a_pool_is_evened_out_when_it_is_asked_for_and_once() {
    let mut board = all_on_one(4, Rebalance { auto: false, interval: INTERVAL });
    let mut now = Instant::now();
    board.set_agent(offer("b", 999));
    assert_eq!(board.settle(now), Settled::default());
    let planned = board.plan(&Pool::default());
    assert_eq!(placement(&board).len(), load(&placement(&board), "a"), "a plan moves nothing");
    board.rebalance(&Pool::default());
    let mut moves = Vec::new();
    loop {
        let Settled { changed, next } = board.settle(now);
        moves.extend(changed.into_keys());
        let Some(next) = next else { break };
        now = next;
    }
    assert_eq!(loads(&board, &["a", "b"]), [2, 2]);
    assert_eq!(moves, planned.into_iter().map(|one| one.connector).collect::<Vec<_>>());
    board.set_agent(offer("c", 999));
    assert_eq!(board.settle(now), Settled::default());
    board.rebalance(&Pool::new("unknown", ""));
    assert_eq!(board.settle(now), Settled::default());
}

#[test]
fn nothing_is_evened_out_while_tasks_of_agents_that_are_gone_are_on_their_way() {
    let mut board = all_on_one(40, AUTO);
    let now = Instant::now();
    board.remove_agent("a", false);
    board.set_agent(offer("b", 999));
    let mut next = board.settle(now).next;
    // `b` has some of them when `c` comes.
    board.set_agent(offer("c", 999));
    let mut at = now;
    while board.load_of("a") > 0 {
        at = next.expect("moves wait");
        let before = board.load_of("b");
        next = board.settle(at).next;
        assert!(board.load_of("b") >= before);
    }
    assert!(at < now + INTERVAL);
}

#[test]
fn what_is_on_agents_that_are_away_stays_there() {
    let mut board = all_on_one(4, AUTO);
    let now = Instant::now();
    board.set_agent(AgentOffer { placeable: false, ..offer("a", 999) });
    board.set_agent(offer("b", 999));
    assert_eq!(board.settle(now), Settled::default());
    board.set_agent(offer("a", 999));
    board.set_agent(AgentOffer { placeable: false, ..offer("b", 999) });
    assert_eq!(board.settle(now), Settled::default());
    assert!(board.plan(&Pool::default()).is_empty());
}

#[test]
fn agents_are_filled_in_proportion_to_what_they_take() {
    let mut board = all_on_one(12, AUTO);
    board.set_agent(offer("a", 20));
    board.set_agent(offer("b", 10));
    settle(&mut board, Instant::now());
    assert_eq!(loads(&board, &["a", "b"]), [8, 4]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn evening_out_ends_keeps_every_rule_and_leaves_nothing_to_even_out(
        connectors in connectors(), agents in agents(), current in placements(),
    ) {
        let mut board = board(&connectors, &agents, &current);
        settle(&mut board, Instant::now());
        let pools: Vec<_> = board.pools().cloned().collect();
        pools.iter().for_each(|pool| board.rebalance(pool));
        let before = placement(&board);
        settle(&mut board, Instant::now());
        let after = placement(&board);
        prop_assert_eq!(wrong(&connectors, &agents, &after), None);
        let away = agents.iter().filter(|offer| !offer.placeable);
        for offer in away {
            let on = |placed: &Placement| {
                let mut placed = placed.clone();
                placed.retain(|_, agent| *agent == offer.id);
                placed
            };
            prop_assert_eq!(on(&before), on(&after));
        }
        for offer in &agents {
            prop_assert_eq!(board.plan(&offer.pool), []);
        }
    }

    #[test]
    fn a_plan_that_is_carried_out_doubles_nothing_and_is_followed_by_none(
        connectors in connectors(), agents in agents(),
    ) {
        let placed = from_nothing(&connectors, &agents);
        // Everybody takes more than when the tasks were placed.
        let agents: Vec<_> = agents
            .into_iter()
            .map(|offer| AgentOffer { capacity: offer.capacity * 2 + 1, ..offer })
            .collect();
        let mut placed = place(&connectors, &agents, &placed);
        for pool in agents.iter().map(|offer| &offer.pool) {
            for one in board(&connectors, &agents, &placed).plan(pool) {
                let to = agents.iter().find(|offer| offer.id == one.to);
                let to = to.filter(|offer| offer.placeable && offer.pool == *pool);
                let to = to.expect("an agent of the pool that takes tasks");
                prop_assert_eq!(together(&placed, &one.connector, &one.to), 0);
                prop_assert!(load(&placed, &to.id) < to.capacity as usize);
                let from = placed.insert((one.connector, one.index), one.to);
                prop_assert_eq!(from, Some(one.from));
            }
        }
        for pool in agents.iter().map(|offer| &offer.pool) {
            prop_assert_eq!(board(&connectors, &agents, &placed).plan(pool), []);
        }
    }

    #[test]
    fn no_more_tasks_move_than_need_to(mut loads in vec(0..12_i32, 1..6)) {
        let agents: Vec<_> = (0..loads.len()).map(|at| offer(&format!("a{at}"), 99)).collect();
        let mut current = Placement::new();
        for (at, load) in loads.iter().enumerate() {
            current.extend((0..*load).map(|one| ((format!("c{at}-{one}"), 0), format!("a{at}"))));
        }
        let connectors: Vec<_> = current.keys().map(|(name, _)| demand(name, 1)).collect();
        let moves = board(&connectors, &agents, &current).plan(&Pool::default()).len();
        // The fullest ones keep one more where it does not come out even.
        loads.sort_unstable_by(|one, other| other.cmp(one));
        let (all, agents) = (current.len(), loads.len());
        let share = |at: usize| all / agents + usize::from(at < all % agents);
        let beyond = loads.iter().enumerate().map(|(at, load)| {
            (*load as usize).saturating_sub(share(at))
        });
        prop_assert_eq!(moves, beyond.sum::<usize>());
    }
}
