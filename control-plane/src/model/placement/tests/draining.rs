//! How tasks leave an agent that is there.

use proptest::prelude::*;

use super::properties::{agents, connectors};
use super::*;

fn draining(offer: AgentOffer) -> AgentOffer {
    AgentOffer { draining: true, ..offer }
}

#[test]
fn the_tasks_of_an_agent_that_drains_go_to_others_and_none_comes_to_it() {
    let connectors = [demand("c", 2), demand("d", 1), demand("e", 1)];
    let agents = [offer("a", 9), offer("b", 9)];
    let before = from_nothing(&connectors, &agents);
    assert_eq!(shown(&before), ["c/0 -> a", "c/1 -> b", "d/0 -> b", "e/0 -> a"]);
    let mut board = board(&connectors, &agents, &before);
    let now = Instant::now();
    board.set_agent(draining(offer("a", 9)));
    settle(&mut board, now);
    assert_eq!(shown(&placement(&board)), ["c/0 -> b", "c/1 -> b", "d/0 -> b", "e/0 -> b"]);
    board.set_connector(demand("f", 2));
    settle(&mut board, now);
    assert_eq!((board.load_of("a"), board.load_of("b")), (0, 6));

    // It takes tasks again: those that are doubled, and new ones.
    board.set_agent(offer("a", 9));
    settle(&mut board, now);
    assert_eq!((board.load_of("a"), board.load_of("b")), (2, 4));
}

#[test]
fn a_task_that_has_nowhere_to_go_stays_until_there_is_room() {
    let connectors = [demand("c", 1), demand("d", 1), demand("e", 1)];
    let agents = [offer("a", 2), offer("b", 1)];
    let before = from_nothing(&connectors, &agents);
    let mut board = board(&connectors, &agents, &before);
    let now = Instant::now();
    board.set_agent(draining(offer("a", 2)));
    assert_eq!(board.settle(now), Settled::default());
    assert_eq!(placement(&board), before);

    board.set_agent(offer("b", 2));
    settle(&mut board, now);
    assert_eq!((board.load_of("a"), board.load_of("b")), (1, 2));
    let on_b = placement(&board).into_iter().find(|(_, agent)| agent == "b").expect("two");
    board.remove_connector(&on_b.0.0);
    settle(&mut board, now);
    assert_eq!((board.load_of("a"), board.load_of("b")), (0, 2));
}

#[test]
fn room_goes_to_tasks_that_run_nowhere_before_those_that_are_to_move() {
    // `b` has room for one.
    let connectors = [demand("c", 1), demand("new", 1)];
    let agents = [draining(offer("a", 9)), offer("b", 1)];
    let current = [(("c".to_owned(), 0), "a".to_owned())].into();
    let placed = place(&connectors, &agents, &current);
    assert_eq!(shown(&placed), ["c/0 -> a", "new/0 -> b"]);

    // Also where those that run nowhere wait for their turn.
    let connectors: Vec<_> = (0..30).map(|number| demand(&format!("c{number:02}"), 1)).collect();
    let current: Placement = (0..30)
        .map(|number| {
            let agent = if number < 10 { "a" } else { "gone" };
            ((format!("c{number:02}"), 0), agent.to_owned())
        })
        .collect();
    let placed = place(&connectors, &[draining(offer("a", 99)), offer("b", 20)], &current);
    assert_eq!((load(&placed, "a"), load(&placed, "b")), (10, 20));
}

#[test]
fn tasks_of_an_agent_that_drains_move_at_a_limited_rate_while_it_is_connected() {
    let connectors: Vec<_> = (0..25).map(|number| demand(&format!("c{number:02}"), 1)).collect();
    let current: Placement =
        connectors.iter().map(|demand| ((demand.name.clone(), 0), "a".to_owned())).collect();
    let mut board = board(&connectors, &[draining(offer("a", 99)), offer("b", 99)], &current);
    let now = Instant::now();
    let next = board.settle(now).next;
    assert_eq!((board.load_of("b"), next), (10, Some(now + ROUND)));
    assert!(board.settle(now + ROUND / 2).changed.is_empty());

    board.set_agent(AgentOffer { placeable: false, ..draining(offer("a", 99)) });
    assert_eq!(board.settle(now + ROUND), Settled::default());
    board.set_agent(draining(offer("a", 99)));
    settle(&mut board, now + ROUND);
    assert_eq!((board.load_of("a"), board.load_of("b")), (0, 25));
}

#[test]
fn nothing_is_evened_out_onto_an_agent_that_drains() {
    let connectors: Vec<_> = (0..6).map(|number| demand(&format!("c{number}"), 1)).collect();
    let current: Placement =
        connectors.iter().map(|demand| ((demand.name.clone(), 0), "a".to_owned())).collect();
    let mut board = board(&connectors, &[offer("a", 9), draining(offer("b", 9))], &current);
    board.settle(Instant::now());
    assert_eq!(board.plan(&Pool::default()), []);
    // A pool whose agents all drain is one that has agents.
    board.set_agent(draining(offer("a", 9)));
    board.settle(Instant::now());
    assert_eq!(board.pools().count(), 1);
}

proptest! {
    #[test]
    fn when_an_agent_drains_only_its_tasks_move_and_none_stops_or_comes_back(
        connectors in connectors(), agents in agents(), drained in any::<prop::sample::Index>(),
    ) {
        prop_assume!(!agents.is_empty());
        let before = from_nothing(&connectors, &agents);
        let mut board = board(&connectors, &agents, &before);
        let now = settle(&mut board, Instant::now());
        let one = &agents[drained.index(agents.len())];
        board.set_agent(draining(one.clone()));
        let now = settle(&mut board, now);
        let after = placement(&board);
        prop_assert!(before.keys().eq(after.keys()), "{before:?}, then {after:?}");
        for (task, agent) in before.iter().filter(|(_, agent)| **agent != one.id) {
            prop_assert_eq!(after.get(task), Some(agent));
        }
        // What stays has nowhere to go.
        for ((name, index), _) in after.iter().filter(|(_, agent)| **agent == one.id) {
            let demand = connectors.iter().find(|demand| demand.name == *name).expect("placed");
            let has_room = |offer: &AgentOffer| {
                offer.id != one.id
                    && offer.takes_tasks()
                    && offer.suits(demand)
                    && load(&after, &offer.id) < offer.capacity as usize
            };
            prop_assert!(!agents.iter().any(has_room), "{name}/{index} stays");
        }

        board.set_agent(one.clone());
        settle(&mut board, now);
        for (task, agent) in &after {
            let doubled = together(&after, &task.0, agent) > 1;
            prop_assert!(doubled || placement(&board).get(task) == Some(agent), "{task:?} moved");
        }
    }
}
