//! What is needed before a connector runs, checked by the product's own binaries: sound,
//! broken, and with both ends hanging. Nothing is left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::PreflightStatus::{Fail, Pass, Warn};
use kafka2oss_proto::v1::validate_connector_response::Event;
use kafka2oss_sandbox::oss::{Fault, Occurrence, RequestMatch};
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};
use kafka2oss_tests::name::unique;
use kafka2oss_tests::produce::numbered;

use crate::deployment::Settings;
use crate::spec::{Parts, access_key, plain};
use crate::world::{INSTANCE, World};

/// What a preflight told.
#[derive(Debug)]
struct Preflight {
    checks: Vec<v1::PreflightCheck>,
    summary: v1::PreflightSummary,
}

impl Preflight {
    /// Of a connector of this spec that does not exist.
    async fn of_spec(world: &World, id: &str, spec: v1::ConnectorSpec) -> Result<Self> {
        let request = v1::ValidateConnectorRequest {
            name: String::new(),
            parent: INSTANCE.to_owned(),
            connector_id: id.to_owned(),
            connector: Some(v1::Connector { spec: Some(spec), ..Default::default() }),
        };
        Self::by(world, request).await
    }

    /// Of one that exists.
    async fn of_name(world: &World, name: &str) -> Result<Self> {
        let name = name.to_owned();
        let request = v1::ValidateConnectorRequest { name, ..Default::default() };
        Self::by(world, request).await
    }

    async fn by(world: &World, request: v1::ValidateConnectorRequest) -> Result<Self> {
        let mut stream =
            world.deployment.connectors().validate_connector(request).await?.into_inner();
        let (mut checks, mut summary) = (Vec::new(), None);
        while let Some(answer) = stream.message().await? {
            match answer.event.context("an event")? {
                Event::Check(check) => checks.push(check),
                Event::Summary(last) => summary = Some(last),
            }
        }
        Ok(Self { checks, summary: summary.context("a summary")? })
    }

    fn of(&self, name: &str) -> Result<&v1::PreflightCheck> {
        let mut found = self.checks.iter().filter(|check| check.name == name);
        found.next().with_context(|| format!("{name} in {self:#?}"))
    }

    fn is(&self, name: &str, status: v1::PreflightStatus, code: &str) -> Result<()> {
        let check = self.of(name)?;
        ensure!((check.status(), check.code.as_str()) == (status, code), "{check:?}");
        ensure!(status == Pass || !check.remedy.is_empty(), "{check:?}");
        Ok(())
    }

    /// Those that warn or fail.
    fn wrong(&self) -> BTreeSet<&str> {
        let wrong = self.checks.iter().filter(|check| matches!(check.status(), Warn | Fail));
        wrong.map(|check| check.name.as_str()).collect()
    }
}

/// Everything that a preflight could leave behind, but for what brokers make for
/// themselves as soon as somebody asks for a group.
async fn inventory(
    world: &World,
) -> Result<(BTreeMap<String, i32>, BTreeSet<String>, Vec<String>)> {
    let admin = world.admin()?;
    let groups = admin.groups().await?.into_iter().map(|group| group.name).collect();
    let mut topics = admin.topics().await?;
    topics.remove("__consumer_offsets");
    Ok((topics, groups, world.bucket.keys("").await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_connector_passes_before_it_exists_and_while_it_runs_and_leaves_nothing()
-> Result<()> {
    // given a broker of its own, so that what is left on it is a preflight's
    let kafka = KafkaServer::start(KafkaOptions::default()).await?;
    let world = World::on(&kafka, 2, Settings::default()).await?;
    let id = unique("sink");
    let before = inventory(&world).await?;

    let planned = Preflight::of_spec(&world, &id, world.spec()).await?;
    ensure!(planned.wrong().is_empty(), "{planned:#?}");
    planned.is("kafka.topic.read", Pass, "")?;
    planned.is("store.create_only", Pass, "")?;
    planned.is("store.delete", Pass, "")?;
    planned.is("instance.cluster", Pass, "")?;
    ensure!(planned.of("kafka.error_topic")?.detail.contains("would create it"), "{planned:#?}");
    ensure!(planned.summary.failed == 0 && planned.summary.agent == "agents/agent-0");
    let after = inventory(&world).await?;
    ensure!(after == before, "something was left: {after:?} after {before:?}");

    let connector = world.create(&id, world.spec()).await?;
    connector.run().await?;
    let produced = world.produce(numbered("r", 0..100, 2)).await?;
    connector.delivered(&produced).await?;
    world.committed(&connector, &produced).await?;
    let running = Preflight::of_name(&world, &connector.name).await?;
    ensure!(running.wrong().is_empty(), "{running:#?}");
    ensure!(running.of("kafka.group.offsets")?.detail.contains("the connector's"), "{running:#?}");
    ensure!(running.of("kafka.group.members")?.detail.contains("all tasks"), "{running:#?}");
    world.judge(&produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_on_both_sides_is_told_at_once_with_its_cure() -> Result<()> {
    let world = World::new(1).await?;
    let mut spec = world.spec();
    spec.source().topic = unique("nowhere");
    let wrong = access_key(plain(world.oss().access_key()), plain("wrong"));
    spec.destination().credentials = Some(wrong);
    spec.resources().set_creation(v1::ResourceCreation::Manually);

    let found = Preflight::of_spec(&world, &unique("sink"), spec).await?;

    found.is("kafka.topic", Fail, "KAFKA_TOPIC_NOT_FOUND")?;
    found.is("kafka.error_topic", Fail, "KAFKA_RESOURCE_MISSING")?;
    found.is("store.credentials", Fail, "STORE_CREDENTIALS_INVALID")?;
    ensure!(found.summary.status() == Fail, "{found:#?}");
    ensure!(world.bucket.keys("").await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_and_a_store_that_hang_fail_in_time_and_are_named() -> Result<()> {
    let mut kafka = KafkaServer::start(KafkaOptions::default()).await?;
    let world = World::on(&kafka, 1, Settings::default()).await?;
    kafka.pause()?;
    let hang = Fault::Latency(Duration::from_secs(120));
    world.oss().faults().inject(RequestMatch::any(), hang, Occurrence::Always);
    let begun = Instant::now();

    let found = Preflight::of_spec(&world, &unique("sink"), world.spec()).await;
    let took = begun.elapsed();
    kafka.resume()?;
    let found = found?;

    ensure!(took < Duration::from_secs(45), "it took {took:?}");
    found.is("kafka.connect", Fail, "KAFKA_UNREACHABLE")?;
    let address = world.bootstrap.as_str();
    ensure!(found.of("kafka.connect")?.detail.contains(address), "{found:#?}");
    found.is("store.connect", Fail, "STORE_UNREACHABLE")?;
    ensure!(found.of("store.connect")?.detail.contains("no answer from http"), "{found:#?}");
    ensure!(found.summary.status() == Fail, "{found:#?}");
    Ok(())
}
