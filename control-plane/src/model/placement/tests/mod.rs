//! Cases and properties of placement.

mod cases;
mod cost;
mod draining;
mod pacing;
mod properties;
mod rebalance;
mod sequences;

use super::*;

use pace::ROUND;

/// `(connector, index) -> agent`.
type Placement = BTreeMap<(String, i32), String>;

fn demand(name: &str, tasks: i32) -> ConnectorDemand {
    let (name, pool, features) = (name.to_owned(), Pool::default(), BTreeSet::new());
    ConnectorDemand { name, pool, tasks, features }
}

fn offer(id: &str, capacity: i32) -> AgentOffer {
    AgentOffer {
        id: id.to_owned(),
        pool: Pool::default(),
        capacity,
        features: BTreeSet::new(),
        placeable: true,
        draining: false,
    }
}

/// A board of these, with the tasks where they are in `current`; not settled.
fn board(connectors: &[ConnectorDemand], agents: &[AgentOffer], current: &Placement) -> Board {
    let mut board = Board::new(Rebalance::default());
    let mut stored: BTreeMap<&str, Vec<(i32, String)>> = BTreeMap::new();
    for ((connector, index), agent) in current {
        stored.entry(connector).or_default().push((*index, agent.clone()));
    }
    for (connector, tasks) in stored {
        board.restore(connector, tasks);
    }
    connectors.iter().for_each(|demand| board.set_connector(demand.clone()));
    agents.iter().for_each(|offer| board.set_agent(offer.clone()));
    board
}

/// Settles until no move waits.
fn settle(board: &mut Board, mut now: Instant) -> Instant {
    while let Some(next) = board.settle(now).next {
        now = next;
    }
    now
}

/// Where the tasks are of which the board knows.
fn placement(board: &Board) -> Placement {
    let tasks = board.connectors.iter().flat_map(|(name, connector)| {
        let key = |index: &i32| (name.to_string(), *index);
        connector.tasks.iter().map(move |(index, agent)| (key(index), agent.to_string()))
    });
    tasks.collect()
}

/// What it comes to from `current`, at leisure.
fn place(connectors: &[ConnectorDemand], agents: &[AgentOffer], current: &Placement) -> Placement {
    let mut board = board(connectors, agents, current);
    settle(&mut board, Instant::now());
    placement(&board)
}

fn from_nothing(connectors: &[ConnectorDemand], agents: &[AgentOffer]) -> Placement {
    place(connectors, agents, &Placement::new())
}

/// `connector/index -> agent`, in order.
fn shown(placement: &Placement) -> Vec<String> {
    placement.iter().map(|((name, index), agent)| format!("{name}/{index} -> {agent}")).collect()
}

fn load(placement: &Placement, agent: &str) -> usize {
    placement.values().filter(|placed| *placed == agent).count()
}

fn together(placement: &Placement, connector: &str, agent: &str) -> usize {
    placement.iter().filter(|((name, _), on)| name == connector && *on == agent).count()
}
