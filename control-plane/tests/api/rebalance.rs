//! Tasks move to agents that joined: by themselves, and when it is asked for.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka2oss_control_plane::Rebalancing;
use kafka2oss_proto::{agent, v1};
use tonic::{Code, Status};

use crate::agent::{Agent, Script};
use crate::server::{Server, creation, reason};

/// A server that moves one task each 100 ms, and `count` connectors with one
/// task each, all of them on agent `a`.
async fn all_on_one(rebalance: Rebalancing, count: usize) -> (Server, Agent) {
    let mut server = Server::start_with(|options| {
        options.rebalance = rebalance;
        options.rebalance_interval = Duration::from_millis(100);
    })
    .await;
    server.register("alikafka_1").await;
    let mut a = Agent::connect(&server.channel, Script::willing("a")).await;
    for number in 0..count {
        deploy(&mut server, &format!("sink-{number}")).await;
    }
    a.assigned(|list| list.connectors.len() == count).await;
    (server, a)
}

/// A connector with one task.
async fn deploy(server: &mut Server, id: &str) {
    let mut request = creation(id);
    let spec = request.connector.get_or_insert_default().spec.get_or_insert_default();
    spec.source.get_or_insert_default().spread = Some(1);
    let created = server.connectors.create_connector(request).await.expect("created");
    server.deploy(&created.into_inner().name).await;
}

async fn rebalance(
    server: &mut Server,
    pool: Option<(&str, &str)>,
    validate_only: bool,
) -> Result<v1::RebalanceResponse, Status> {
    let pool = pool.map(|(vpc_id, vswitch_id)| v1::AgentPool {
        vpc_id: vpc_id.to_owned(),
        vswitch_id: vswitch_id.to_owned(),
    });
    let request = v1::RebalanceRequest { pool, validate_only };
    Ok(server.agents.rebalance(request).await?.into_inner())
}

/// The connectors of an agent's latest list.
fn connectors(agent: &Agent) -> BTreeSet<String> {
    let lists = agent.lists();
    let last = lists.last().map(|list| list.connectors.iter());
    last.into_iter().flatten().map(|one| one.connector.clone()).collect()
}

/// Waits until both have their lists as far as numbers go.
async fn until(a: &mut Agent, on_a: usize, b: &mut Agent, on_b: usize) {
    let has = |count: usize| {
        move |lists: &[agent::v1::AssignmentList]| {
            lists.last().is_some_and(|list| list.connectors.len() == count)
        }
    };
    b.until_lists(has(on_b)).await;
    a.until_lists(has(on_a)).await;
}

#[tokio::test]
async fn tasks_move_to_an_agent_that_joins_one_after_the_other() {
    let (mut server, mut a) = all_on_one(Rebalancing::Auto, 5).await;
    let mut b = Agent::connect(&server.channel, Script::willing("b")).await;
    until(&mut a, 3, &mut b, 2).await;
    let mut counts: Vec<_> = b.lists().iter().map(|list| list.connectors.len()).collect();
    counts.dedup();
    assert_eq!(counts, [0, 1, 2]);
    // Nobody else's tasks were touched.
    let stayed = a.lists().pop().expect("a list").connectors;
    assert!(stayed.iter().all(|one| one.placement_version == 1));
    let moved = connectors(&b);
    assert!(stayed.iter().all(|one| !moved.contains(&one.connector)));
    assert_eq!(rebalance(&mut server, None, true).await.expect("a plan").move_count, 0);
}

#[tokio::test]
async fn where_it_is_off_tasks_move_when_it_is_asked_for_as_was_planned() {
    let (mut server, mut a) = all_on_one(Rebalancing::Off, 4).await;
    let mut b = Agent::connect(&server.channel, Script::willing("b")).await;
    b.assigned(|list| list.connectors.is_empty()).await;
    let plan = rebalance(&mut server, None, true).await.expect("a plan");
    assert_eq!((plan.move_count, plan.moves.len()), (2, 2));
    let goes = |one: &v1::TaskMove| {
        (one.index, one.from_agent.as_str(), one.to_agent.as_str()) == (0, "agents/a", "agents/b")
    };
    assert!(plan.moves.iter().all(goes), "{plan:?}");
    // What was planned has not begun.
    assert_eq!(rebalance(&mut server, None, true).await.expect("a plan"), plan);

    let asked = rebalance(&mut server, None, false).await.expect("it begins");
    assert_eq!(asked, plan);
    until(&mut a, 2, &mut b, 2).await;
    let planned: BTreeSet<_> = plan.moves.into_iter().map(|one| one.connector).collect();
    assert_eq!(connectors(&b), planned);
    assert_eq!(rebalance(&mut server, None, false).await.expect("done"), Default::default());
}

#[tokio::test]
async fn a_pool_is_evened_out_without_the_others() {
    let (mut server, _a) = all_on_one(Rebalancing::Off, 4).await;
    let mut script = Script::willing("elsewhere");
    script.hello.vpc_id = "vpc-2".to_owned();
    let _elsewhere = Agent::connect(&server.channel, script).await;
    let mut b = Agent::connect(&server.channel, Script::willing("b")).await;
    b.assigned(|list| list.connectors.is_empty()).await;

    let other = rebalance(&mut server, Some(("vpc-2", "vsw-1")), false).await.expect("even");
    assert_eq!(other.move_count, 0);
    let own = rebalance(&mut server, Some(("vpc-1", "vsw-1")), true).await.expect("a plan");
    assert_eq!(own.move_count, 2);
    let refused = rebalance(&mut server, Some(("vpc-1", "")), true).await.expect_err("no agent");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(reason(&refused), "AGENT_NONE_IN_POOL");
    assert!(refused.message().contains("vpc-1/"), "{}", refused.message());
}

#[tokio::test]
async fn a_planned_move_does_not_outlive_its_agent() {
    let (mut server, mut a) = all_on_one(Rebalancing::Off, 4).await;
    let mut b = Agent::connect(&server.channel, Script::willing("b")).await;
    b.assigned(|list| list.connectors.is_empty()).await;
    rebalance(&mut server, None, false).await.expect("it begins");
    b.assigned(|list| !list.connectors.is_empty()).await;
    b.goodbye(agent::v1::GoodbyeReason::Leaving).await;
    a.until_lists(|lists| lists.last().is_some_and(|list| list.connectors.len() == 4)).await;
    assert_eq!(rebalance(&mut server, None, true).await.expect("a plan").move_count, 0);
}
