//! How the tasks of agents that are gone move.

use super::*;

/// `count` tasks, two a connector, all of them on `a`, which is gone.
fn left_behind(count: i32, agents: &[AgentOffer]) -> Board {
    let connectors: Vec<_> =
        (0..(count + 1) / 2).map(|number| demand(&format!("c-{number:04}"), 2)).collect();
    let tasks = (0..count).map(|number| (format!("c-{:04}", number / 2), number % 2));
    let mut current: Placement = tasks.map(|task| (task, "a".to_owned())).collect();
    if count % 2 == 1 {
        // The last one is elsewhere, and stays there.
        current.insert((format!("c-{:04}", count / 2), 1), "b".to_owned());
    }
    board(&connectors, agents, &current)
}

fn on(board: &Board, agent: &str) -> i32 {
    board.load_of(agent)
}

#[test]
fn tasks_of_an_agent_that_is_gone_move_at_a_limited_rate() {
    for (tasks, a_round) in [(14, 10), (98, 10), (300, 30)] {
        let mut board = left_behind(tasks, &[offer("b", 999)]);
        let (mut now, mut moved) = (Instant::now(), 0);
        loop {
            let settled = board.settle(now);
            let more = on(&board, "b") - moved;
            assert_eq!(more, a_round.min(tasks - moved), "of {tasks}");
            // Asking again in the same round moves no more.
            let again = board.settle(now + ROUND / 2);
            assert_eq!((again.changed.len(), again.next), (0, settled.next));
            moved += more;
            let Some(next) = settled.next else { break };
            assert_eq!(next, now + ROUND);
            now = next;
        }
        assert_eq!((on(&board, "a"), moved), (0, tasks));
    }
}

#[test]
fn first_tasks_of_connectors_move_first() {
    let mut board = left_behind(20, &[offer("b", 99)]);
    board.settle(Instant::now());
    assert!(placement(&board).iter().all(|((_, index), on)| (*index == 0) == (on == "b")));
}

#[test]
fn an_agent_that_comes_back_keeps_what_has_not_moved() {
    let mut board = left_behind(30, &[offer("b", 99)]);
    let now = Instant::now();
    board.settle(now);
    assert_eq!(on(&board, "a"), 20);
    // What it has now is spread already, but for five connectors.
    board.set_agent(AgentOffer { placeable: false, ..offer("a", 99) });
    assert_eq!(board.settle(now + ROUND), Settled::default());
    assert_eq!(on(&board, "a"), 20);
}

#[test]
fn tasks_that_an_agent_gave_back_move_at_once() {
    let mut board = left_behind(50, &[offer("b", 99)]);
    board.remove_agent("a", true);
    let settled = board.settle(Instant::now());
    assert_eq!((on(&board, "b"), settled.next), (50, None));

    // Also when it is heard only after its lease ran out.
    let mut board = left_behind(50, &[offer("b", 99)]);
    let now = Instant::now();
    board.remove_agent("a", false);
    assert_eq!(board.settle(now).changed.len(), 10);
    board.remove_agent("a", true);
    assert_eq!((board.settle(now).next, on(&board, "b")), (None, 50));
}

#[test]
fn new_tasks_get_an_agent_at_once_while_others_wait_for_their_turn() {
    let mut board = left_behind(50, &[offer("b", 99)]);
    let now = Instant::now();
    board.settle(now);
    board.set_connector(demand("new", 2));
    let settled = board.settle(now);
    assert_eq!((board.tasks_of("new").count(), settled.changed.len()), (2, 1));
    assert!(settled.next.is_some());
}

#[test]
fn room_that_is_short_goes_to_first_tasks_that_wait_for_their_turn() {
    // 20 first tasks move to `b`, which takes 20: the new one's second task
    // gets no room before them.
    let mut board = left_behind(40, &[offer("b", 21)]);
    let mut now = Instant::now();
    let mut next = board.settle(now).next;
    board.set_connector(demand("a-new", 2));
    while let Some(at) = next {
        now = at;
        next = board.settle(now).next;
    }
    let placed = placement(&board);
    assert!(placed.keys().all(|(_, index)| *index == 0), "{placed:?}");
    assert_eq!(placed.len(), 21);
}

#[test]
fn tasks_that_nobody_can_take_have_no_agent_from_then_on() {
    let mut board = left_behind(50, &[]);
    let settled = board.settle(Instant::now());
    assert_eq!((placement(&board).len(), settled.next), (0, None));
    assert!(settled.changed.values().all(Vec::is_empty));
    assert_eq!(settled.changed.len(), 25);
}

#[test]
fn tasks_that_are_no_longer_asked_for_do_not_wait() {
    let mut board = left_behind(50, &[offer("b", 99)]);
    let now = Instant::now();
    for number in 0..25 {
        board.remove_connector(&format!("c-{number:04}"));
    }
    assert_eq!(board.settle(now), Settled::default());
    assert_eq!(on(&board, "a") + on(&board, "b"), 0);
}
