//! What an event costs among many connectors and agents.

use std::time::Duration;

use super::*;

const CAPACITY: i32 = 20;

/// `connectors` with two tasks each, on agents that are just enough for as
/// many of them as `runs` says.
fn full(connectors: i32, runs: i32) -> Board {
    let demands: Vec<_> =
        (0..connectors).map(|number| demand(&format!("c-{number:05}"), 2)).collect();
    let agents: Vec<_> =
        (0..2 * runs / CAPACITY).map(|number| offer(&format!("a-{number:05}"), CAPACITY)).collect();
    let mut board = board(&demands, &agents, &Placement::new());
    // None of these comes to its first round.
    board.rebalance = Rebalance { auto: true, interval: Duration::from_secs(60 * 60) };
    let changed = board.settle(Instant::now()).changed;
    assert_eq!(changed.len() as i32, connectors.min(2 * runs));
    board
}

/// Processor time of this thread.
fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of this function.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The least processor time of several runs of the events.
fn cost(board: &mut Board, mut events: impl FnMut(&mut Board)) -> Duration {
    let times = (0..15).map(|_| {
        let start = thread_time();
        events(board);
        thread_time() - start
    });
    times.min().unwrap_or_default()
}

#[test]
fn what_an_event_frees_is_what_changes() {
    // 10,000 tasks run, 10,000 wait.
    let mut board = full(10_000, 5_000);
    let now = Instant::now();
    board.remove_connector("c-00000");
    let settled = board.settle(now);
    let told: Vec<_> = settled.changed.into_iter().collect();
    assert!(matches!(&told[..], [(name, tasks)] if name == "c-00001" && tasks.len() == 2));

    board.set_agent(offer("a-00007", CAPACITY + 3));
    assert_eq!(board.settle(now).changed.len(), 3);
    board.set_agent(offer("a-00007", CAPACITY));
    assert_eq!(board.settle(now).changed.len(), 3);
    board.remove_agent("a-00009", true);
    assert_eq!(board.settle(now).changed.len(), CAPACITY as usize);
    board.set_agent(offer("a-00009", CAPACITY));
    assert_eq!(board.settle(now).changed.len(), CAPACITY as usize);
}

/// Of twenty times as many connectors and agents: a search through them would
/// take twenty times as long.
#[test]
fn an_event_costs_about_the_same_among_many_as_among_few() {
    type Events = fn(&mut Board);
    let events: [(&str, Events); 5] = [
        ("an agent that takes one more, in a full pool", |board| {
            for capacity in [CAPACITY + 1, CAPACITY] {
                board.set_agent(offer("a-00003", capacity));
                assert_eq!(board.settle(Instant::now()).changed.len(), 1);
            }
        }),
        ("an agent that leaves and comes back", |board| {
            board.remove_agent("a-00003", true);
            board.settle(Instant::now());
            board.set_agent(offer("a-00003", CAPACITY));
            board.settle(Instant::now());
        }),
        ("an agent that is cut off for a moment", |board| {
            for placeable in [false, true] {
                board.set_agent(AgentOffer { placeable, ..offer("a-00003", CAPACITY) });
                assert!(board.settle(Instant::now()).changed.is_empty());
            }
        }),
        ("a connector that comes and goes", |board| {
            board.set_connector(demand("b", 2));
            board.settle(Instant::now());
            board.remove_connector("b");
            board.settle(Instant::now());
        }),
        ("nothing", |board| {
            assert!(board.settle(Instant::now()).changed.is_empty());
        }),
    ];
    // A pool with as many tasks waiting as running, and one with room.
    for waiting in [true, false] {
        let size = |connectors: i32| match waiting {
            true => full(connectors, connectors / 2),
            false => {
                let mut board = full(connectors, connectors);
                board.set_agent(offer("spare", CAPACITY));
                board.settle(Instant::now());
                board
            }
        };
        let (mut few, mut many) = (size(500), size(10_000));
        for (what, events) in &events {
            if !waiting && what.contains("full pool") {
                continue;
            }
            let (few, many) = (cost(&mut few, events), cost(&mut many, events));
            assert!(many < few * 6, "{what}: {few:?} among few, {many:?} among many");
        }
    }
}

/// Where two agents have room and every connector has three tasks, each of them
/// is doubled for ever.
#[test]
fn connectors_that_stay_doubled_are_not_looked_at_for_each_event() {
    let size = |connectors: i32| {
        let demands: Vec<_> =
            (0..connectors).map(|number| demand(&format!("c-{number:05}"), 3)).collect();
        let agents = [offer("a", 99_999), offer("b", 99_999)];
        let mut board = board(&demands, &agents, &Placement::new());
        board.settle(Instant::now());
        board
    };
    let (mut few, mut many) = (size(250), size(5_000));
    let events = |board: &mut Board| {
        board.set_connector(demand("b", 3));
        board.settle(Instant::now());
        board.remove_connector("b");
        board.settle(Instant::now());
    };
    let (few, many) = (cost(&mut few, events), cost(&mut many, events));
    assert!(many < few * 6, "{few:?} among few, {many:?} among many");
}
