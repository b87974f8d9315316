//! The control plane away and back: the data path does not notice. And its disk full.

use std::fs;

use anyhow::{Context, Result, ensure};
use kafka2oss_proto::v1;
use kafka2oss_tests::generation::generation;
use kafka2oss_tests::produce::numbered;
use kafka2oss_tests::scratch::Scratch;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::connector::placement;
use crate::deployment::{Deployment, LIMIT, Settings};
use crate::requests::{Refusal, create, instance};
use crate::spec::{Parts, access_key, file};
use crate::world::{INSTANCE, World, register};

#[tokio::test(flavor = "multi_thread")]
async fn agents_go_on_without_the_control_plane_and_its_restart_restarts_no_task() -> Result<()> {
    // given a connector that runs on two agents, with a lease that is shorter
    // than the control plane's absence may be
    let settings = Settings { agents: 2, lease: "5s", ..Settings::default() };
    let mut world = World::with(4, settings).await?;
    let connector = world.connector().await?;
    let mut produced = world.produce(numbered("with ", 0..200, 4)).await?;
    let running = connector.run().await?;
    connector.delivered(&produced).await?;

    // when the control plane is killed
    world.deployment.kill_control_plane()?;
    produced.extend(world.produce(numbered("without ", 0..200, 4)).await?);

    // then the agents go on
    world.committed(&connector, &produced).await?;
    world.judge(&produced).await?;
    let joined = generation(&world.bootstrap, &connector.group()).await?;
    assert!(joined.is_some());

    // and when it is there again, its status is whole, of the same tasks
    world.deployment.start_control_plane_again().await?;
    let again = connector.is(v1::ConnectorState::Running).await?;
    assert_eq!(placement(&again), placement(&running));
    let seen = connector
        .sees("the sums of the tasks' whole life", |connector| {
            let status = connector.status.as_ref();
            let totals = status.and_then(|status| status.totals.as_ref());
            totals.is_some_and(|totals| totals.records == produced.len() as i64)
        })
        .await?;
    assert_eq!(seen.generation, running.generation);
    let (before, after) = (running.status.context("status")?, seen.status.context("status")?);
    assert_eq!((after.tasks_ready, after.partitions_assigned), (2, 4));
    assert_eq!(after.epoch, before.epoch);
    assert_eq!(after.delivery_guarantee, before.delivery_guarantee);

    // and it goes on
    produced.extend(world.produce(numbered("again ", 0..200, 4)).await?);
    connector.delivered(&produced).await?;
    world.judge(&produced).await?;
    let end = connector.get().await?.status.context("a status")?;
    assert_eq!(end.totals.context("totals")?.records, produced.len() as i64);
    let after = generation(&world.bootstrap, &connector.group()).await?;
    assert_eq!(after, joined, "no task restarted");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_restarts_without_the_control_plane_goes_on_by_its_own_memory() -> Result<()>
{
    // given credentials by reference, which an agent can resolve by itself
    let mut world = World::new(2).await?;
    let folder = Scratch::new("secrets")?;
    let (id, secret) = (folder.join("id"), folder.join("secret"));
    fs::write(&id, world.oss().access_key())?;
    fs::write(&secret, world.oss().secret_key())?;
    let connector = world
        .connector_with(|spec| {
            spec.destination().credentials = Some(access_key(file(&id), file(&secret)));
        })
        .await?;
    connector.run().await?;
    let mut produced = world.produce(numbered("with ", 0..200, 2)).await?;
    connector.delivered(&produced).await?;

    // when first the control plane goes, and then the agent
    world.deployment.kill_control_plane()?;
    let mut agent = world.deployment.take_agent("agent-0");
    agent.process.kill9()?;
    produced.extend(world.produce(numbered("without ", 0..200, 2)).await?);
    world.deployment.start_agent_again(agent)?;

    // then it goes on
    world.committed(&connector, &produced).await?;
    world.judge(&produced).await?;

    // and the control plane finds it as it is
    world.deployment.start_control_plane_again().await?;
    connector.is(v1::ConnectorState::Running).await?;
    connector.delivered(&produced).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_created_before_a_kill_is_there_after_it() -> Result<()> {
    let mut world = World::new(1).await?;
    let connector = world.connector().await?;
    let created = connector.is(v1::ConnectorState::Created).await?;

    world.deployment.kill_control_plane()?;
    world.deployment.start_control_plane_again().await?;

    let again = connector.is(v1::ConnectorState::Created).await?;
    assert_eq!((&again.uid, &again.etag), (&created.uid, &created.etag));
    assert_eq!((&again.spec, again.generation), (&created.spec, created.generation));
    Ok(())
}

/// What a file may grow to: a little more than the first segment of sled's log, of half a
/// mebibyte, and far more than what the control plane logs meanwhile.
const FILE_LIMIT: u64 = 600 << 10;

/// Creates that are tried before a disk that is full has to be noticed.
const CREATES: usize = 5_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_it_with_the_reason_and_what_was_answered_is_there_after_it() -> Result<()>
{
    // given a control plane whose files can grow no more
    let mut deployment = Deployment::start(Settings { agents: 0, ..Settings::default() }).await?;
    register(&deployment, INSTANCE, instance()).await?;
    let mut health = HealthClient::new(deployment.channel())
        .watch(HealthCheckRequest { service: String::new() })
        .await?
        .into_inner();
    deployment.control_plane.limit_files(FILE_LIMIT)?;

    // when connectors are created until one is refused
    let mut created = Vec::new();
    let mut refusal = None;
    for number in 0..CREATES {
        match create(&deployment, INSTANCE, &format!("c-{number}")).await {
            Ok(connector) => created.push(connector.into_inner().name),
            Err(status) => {
                refusal = Some(Refusal::of(&status));
                break;
            }
        }
    }

    // then that one says why, so does health, and the process ends with the reason
    let refusal = refusal.context("nothing was refused")?;
    assert_eq!((refusal.code, &refusal.reason[..]), (Code::Unavailable, "STORAGE_FULL"));
    let mut last = None;
    while let Ok(Some(seen)) = health.message().await {
        last = Some(seen.status());
    }
    assert_eq!(last, Some(ServingStatus::NotServing));
    let ended = deployment.control_plane.wait_exit(LIMIT).await?;
    assert_eq!(ended.code(), Some(74), "{ended}");
    let log = deployment.control_plane.log()?;
    ensure!(log.contains("Make room on the disk of --data-dir"), "{log}");

    // and when there is room again, whatever was answered is there
    deployment.start_control_plane_again().await?;
    let mut connectors = deployment.connectors();
    for name in created {
        connectors.get_connector(v1::GetConnectorRequest { name }).await?;
    }
    create(&deployment, INSTANCE, "later").await?;
    Ok(())
}
