//! How a world is once nothing goes wrong any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kafka2oss_proto::v1;
use kafka2oss_proto::v1::connector_service_server::ConnectorService;
use kafka2oss_proto::v1::instance_service_server::InstanceService;
use tokio::time::{Instant, sleep};
use tonic::{Code, Request};

use super::agent::Handle;
use super::client::INSTANCE;
use super::known::{Known, spread};
use super::watcher::Watcher;
use super::world::{Outcome, World};

/// Registers the instance of all connectors.
pub(super) async fn register(world: &Arc<World>) {
    loop {
        world.running().await;
        let outcome = world
            .call(|life| async move {
                let instance = v1::Instance {
                    region_id: "cn-hangzhou".to_owned(),
                    bootstrap_servers: vec!["broker:9092".to_owned()],
                    vpc_id: "vpc-1".to_owned(),
                    vswitch_id: "vsw-1".to_owned(),
                    ..v1::Instance::default()
                };
                let request = v1::CreateInstanceRequest {
                    instance_id: INSTANCE.trim_start_matches("instances/").to_owned(),
                    instance: Some(instance),
                    validate_only: false,
                    ..Default::default()
                };
                life.instances.create_instance(Request::new(request)).await
            })
            .await;
        match outcome {
            Outcome::Answered(Ok(_)) => return,
            Outcome::Answered(Err(status)) if status.code() == Code::AlreadyExists => return,
            Outcome::Answered(Err(status)) => panic!("{status}"),
            Outcome::Lost => {}
        }
    }
}

/// Waits until everything is as it is wanted, which takes so long at most.
pub(super) async fn wait(
    world: &Arc<World>,
    known: &[(String, Known)],
    agents: &[Handle],
    watchers: &[Arc<Watcher>],
    within: Duration,
) {
    let limit = Instant::now() + within;
    loop {
        let wrong = wrong(world, known, agents, watchers).await;
        let Err(wrong) = wrong else {
            world.note("world", "all is well");
            return;
        };
        assert!(Instant::now() < limit, "after {within:?} without a fault {wrong}");
        sleep(Duration::from_secs(1)).await;
    }
}

async fn wrong(
    world: &Arc<World>,
    known: &[(String, Known)],
    agents: &[Handle],
    watchers: &[Arc<Watcher>],
) -> Result<(), String> {
    let list = list(world).await.ok_or("the control plane does not answer")?;
    let shown: BTreeMap<_, _> = list.iter().map(|one| (one.name.as_str(), one)).collect();
    for (name, known) in known {
        let shown = shown.get(name.as_str()).copied();
        check_state(name, known, shown)?;
    }
    let placements = world.disk.placements();
    let mut placed = BTreeMap::new();
    for (name, placement) in &placements {
        let Some(connector) = shown.get(name.as_str()) else {
            return Err(format!("{name} is placed, and not there"));
        };
        if connector.uid != placement.uid {
            return Err(format!("{name} is placed with another uid"));
        }
        let indexes: BTreeSet<_> = placement.tasks.iter().map(|task| task.index).collect();
        if indexes != (0..spread(connector)).collect() {
            return Err(format!("of {name} the tasks {indexes:?} are placed"));
        }
        for task in &placement.tasks {
            let key = (task.agent.clone(), name.clone());
            let held: &mut (String, u64, Vec<i32>) = placed
                .entry(key)
                .or_insert_with(|| (placement.uid.clone(), placement.version, Vec::new()));
            held.2.push(task.index);
        }
    }
    let mut held = BTreeMap::new();
    for agent in agents {
        if world.disk.durable(|durable| durable.is_gone(&agent.id)) {
            return Err(format!("{} is gone by what is durable", agent.id));
        }
        for (connector, one) in agent.seen.borrow().iter() {
            let key = (agent.id.clone(), connector.clone());
            held.insert(key, (one.uid.clone(), one.placement_version, one.indexes.clone()));
        }
    }
    if held != placed {
        return Err(format!("agents hold {held:?}, and {placed:?} is placed"));
    }
    for watcher in watchers {
        let watched = watcher.shown();
        let verdict = |one: &v1::Connector| {
            let state = one.status.as_ref().map(v1::ConnectorStatus::state);
            (one.name.clone(), one.uid.clone(), one.generation, one.labels.clone(), state)
        };
        let (seen, there): (Vec<_>, Vec<_>) =
            (watched.values().map(verdict).collect(), list.iter().map(verdict).collect());
        if seen != there {
            return Err(format!("a watcher has seen {seen:?}, and there is {there:?}"));
        }
    }
    Ok(())
}

fn check_state(name: &str, known: &Known, shown: Option<&v1::Connector>) -> Result<(), String> {
    use v1::ConnectorState::{Created, Paused, Running};
    let state = shown.and_then(|one| one.status.as_ref()).map(v1::ConnectorStatus::state);
    let (expected, desired) = match known {
        Known::Absent => (None, None),
        Known::There { desired, .. } => {
            let expected = match desired {
                v1::DesiredState::Running => Some(Running),
                v1::DesiredState::Paused => Some(Paused),
                v1::DesiredState::Created => Some(Created),
                v1::DesiredState::Deleted | v1::DesiredState::Unspecified => None,
            };
            (expected, Some(desired))
        }
    };
    if state != expected {
        let why = shown.and_then(|one| one.status.as_ref()).map(|status| &status.conditions);
        return Err(format!("{name} is {state:?} and should be {desired:?}: {why:?}"));
    }
    if let (Known::There { uid, generation, .. }, Some(shown)) = (known, shown)
        && (*uid != shown.uid || *generation != shown.generation)
    {
        return Err(format!("{name} is {} {}", shown.uid, shown.generation));
    }
    Ok(())
}

async fn list(world: &Arc<World>) -> Option<Vec<v1::Connector>> {
    let request = v1::ListConnectorsRequest {
        parent: "instances/-".to_owned(),
        ..v1::ListConnectorsRequest::default()
    };
    let answered = world
        .call(|life| async move { life.connectors.list_connectors(Request::new(request)).await })
        .await;
    match answered {
        Outcome::Answered(Ok(answer)) => Some(answer.connectors),
        Outcome::Answered(Err(_)) | Outcome::Lost => None,
    }
}
