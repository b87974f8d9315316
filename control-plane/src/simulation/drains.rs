//! Agents that are to give their tasks to others.

use std::sync::Arc;
use std::time::Duration;

use kafka2oss_proto::v1;
use kafka2oss_proto::v1::agent_service_server::AgentService;
use tokio::time::sleep;
use tonic::Request;

use super::world::{Outcome, World};

/// Has an agent drain, or take tasks again, until that is answered.
pub(super) async fn ask(world: &Arc<World>, id: &str, drains: bool) {
    let name = format!("agents/{id}");
    loop {
        world.running().await;
        let name = name.clone();
        let outcome = world.call(|life| async move {
            match drains {
                true => {
                    life.agents
                        .drain_agent(Request::new(v1::DrainAgentRequest {
                            name,
                            ..Default::default()
                        }))
                        .await
                }
                false => {
                    let request = v1::UndrainAgentRequest { name, ..Default::default() };
                    life.agents.undrain_agent(Request::new(request)).await
                }
            }
        });
        match outcome.await {
            Outcome::Answered(Ok(agent)) => {
                world.note(id, format_args!("drains: {drains}"));
                assert_eq!(agent.drain.is_some(), drains, "{agent:?}");
                return;
            }
            Outcome::Answered(Err(status)) => panic!("{status}"),
            Outcome::Lost => {}
        }
    }
}

/// Waits until no task is placed on an agent.
pub(super) async fn drained(world: &Arc<World>, id: &str) {
    while placed(world, id) > 0 {
        sleep(Duration::from_millis(100)).await;
    }
}

/// How many tasks are placed on an agent.
pub(super) fn placed(world: &Arc<World>, id: &str) -> usize {
    let placements = world.disk.placements();
    let tasks = placements.values().flat_map(|placement| &placement.tasks);
    tasks.filter(|task| task.agent == id).count()
}
