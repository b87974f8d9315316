//! What is decided in single cases.

use super::*;

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
    assert_eq!(load(&placed, "b"), 3);
    assert_eq!(placed[&("c".to_owned(), 0)], "b");
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
    let placed = from_nothing(&[demand("c", 2)], &[away.clone()]);
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
    let current = [0, 1].map(|index| (("c".to_owned(), index), "a".to_owned())).into();
    let after = place(&connectors, &[able, offer("b", 1)], &current);
    assert_eq!(shown(&after), ["c/0 -> a", "c/1 -> b", "d/0 -> a"]);
}

#[test]
fn doubled_tasks_of_an_agent_that_was_away_are_spread_when_it_is_back() {
    let mut away = offer("a", 9);
    away.placeable = false;
    let current = [0, 1].map(|index| (("c".to_owned(), index), "a".to_owned())).into();
    let mut board = board(&[demand("c", 2)], &[away.clone(), offer("b", 9)], &current);
    let now = Instant::now();
    assert_eq!(board.settle(now), Settled::default());
    away.placeable = true;
    board.set_agent(away);
    board.settle(now);
    assert_eq!(shown(&placement(&board)), ["c/0 -> a", "c/1 -> b"]);
}

#[test]
fn tasks_and_connectors_that_are_no_longer_asked_for_are_gone() {
    let agents = [offer("a", 9)];
    let before = from_nothing(&[demand("c", 3), demand("d", 1)], &agents);
    assert_eq!(shown(&place(&[demand("c", 1)], &agents, &before)), ["c/0 -> a"]);

    let mut board = board(&[demand("c", 3), demand("d", 1)], &agents, &before);
    let now = Instant::now();
    assert_eq!(board.settle(now), Settled::default());
    board.set_connector(demand("c", 1));
    board.remove_connector("d");
    let settled = board.settle(now);
    let changed = BTreeMap::from([("c".to_owned(), vec![(0, "a".to_owned())])]);
    assert_eq!(settled.changed, changed, "a connector that is gone is not told");
    assert_eq!((board.load_of("a"), board.tasks_of("d").next()), (1, None));
}

#[test]
fn a_connector_that_was_removed_is_told_anew_although_its_tasks_are_where_they_were() {
    let mut board = board(&[demand("c", 1)], &[offer("a", 9)], &Placement::new());
    let now = Instant::now();
    let first = board.settle(now).changed;
    assert_eq!(first["c"], [(0, "a".to_owned())]);
    board.remove_connector("c");
    board.set_connector(demand("c", 1));
    assert_eq!(board.settle(now).changed, first);
}

#[test]
fn an_agent_that_takes_fewer_tasks_than_it_has_gives_up_the_highest_indexes() {
    let mut board = board(&[demand("c", 2), demand("d", 2)], &[offer("a", 4)], &Placement::new());
    let now = Instant::now();
    board.settle(now);
    board.set_agent(offer("a", 3));
    let settled = board.settle(now);
    assert_eq!(settled.changed["d"], [(0, "a".to_owned())]);
    assert_eq!(shown(&placement(&board)), ["c/0 -> a", "c/1 -> a", "d/0 -> a"]);
    board.set_agent(offer("a", 9));
    board.settle(now);
    assert_eq!(board.load_of("a"), 4);
}

#[test]
fn what_changes_back_before_the_board_is_settled_moves_nothing() {
    let connectors = [demand("c", 2), demand("d", 1)];
    let agents = [offer("a", 9), offer("b", 9)];
    let mut board = board(&connectors, &agents, &Placement::new());
    let now = Instant::now();
    board.settle(now);
    let elsewhere = Pool::new("vpc-1", "vsw-1");
    for pool in [elsewhere, Pool::default()] {
        for offer in &agents {
            board.set_agent(AgentOffer { pool: pool.clone(), ..offer.clone() });
        }
        for demand in &connectors {
            board.set_connector(ConnectorDemand { pool: pool.clone(), ..demand.clone() });
        }
        // Both sides are settled together, in the new pool as in the old one.
        assert_eq!(board.settle(now), Settled::default());
    }
    board.remove_agent("a", true);
    board.set_agent(offer("a", 9));
    assert_eq!(board.settle(now), Settled::default());
}

#[test]
fn nothing_moves_at_the_start_of_a_control_plane() {
    let connectors = [demand("c", 2), demand("d", 2), demand("e", 1)];
    let agents = [offer("a", 9), offer("b", 9)];
    let before = from_nothing(&connectors, &agents);
    let away = agents.map(|offer| AgentOffer { placeable: false, ..offer });
    let mut board = board(&connectors, &away, &before);
    let now = Instant::now();
    assert_eq!(board.settle(now), Settled::default());
    for offer in away {
        board.set_agent(AgentOffer { placeable: true, ..offer });
        assert_eq!(board.settle(now), Settled::default());
    }
    assert_eq!(placement(&board), before);
}
