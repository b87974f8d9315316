//! The demo: what a newcomer would do by hand, done by a client like any
//! other, and judged by what stands in the bucket.

mod follow;
mod judge;
mod orders;
mod show;

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use kafka2oss_proto::v1;
use tonic::transport::Channel;
use v1::connector_service_client::ConnectorServiceClient;

use self::follow::Follower;
use self::judge::Judge;
use self::orders::Produced;
use super::banner;
use super::bucket::Listed;
use super::screen::Screen;
use super::services::{INSTANCE, Services, failed};
use crate::client::text;

const PARTITIONS: u32 = 6;
const MAX_AGE: Duration = Duration::from_secs(2);
const IDLE: Duration = Duration::from_secs(1);
/// How long the records may take from the last one produced to the bucket.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the bucket is listed.
const LOOK: Duration = Duration::from_millis(100);
/// The status is coalesced to one update a second; so long the last one may
/// take after the bucket is complete.
const LAST_STATUS: Duration = Duration::from_secs(3);
const CLEAN_UP: Duration = Duration::from_secs(30);

/// One run of the demo.
pub(super) struct Demo<'a> {
    screen: Screen,
    services: &'a Services,
    records: u64,
    topic: String,
    connector_id: String,
    /// How far it came, for the cleaning up.
    topic_made: Cell<bool>,
    connector_made: Cell<bool>,
}

impl<'a> Demo<'a> {
    pub(super) fn new(screen: Screen, services: &'a Services, records: u64) -> Self {
        // In a real Kafka or bucket there may be what an earlier run left.
        let fresh = services.kafka.is_embedded() && services.store.is_emulator();
        let suffix = if fresh { String::new() } else { format!("-{}", unique()) };
        Self {
            screen,
            services,
            records,
            topic: format!("orders{suffix}"),
            connector_id: format!("orders-to-oss{suffix}"),
            topic_made: Cell::new(false),
            connector_made: Cell::new(false),
        }
    }

    /// Shows everything; then ends with the judgement if `exit`, else follows
    /// the connector for ever.
    pub(super) async fn run(&self, exit: bool) -> anyhow::Result<()> {
        let Self { screen, services, .. } = self;
        let destination = &services.store.destination;
        screen
            .title(format_args!("Demo: topic {} -> bucket {}", self.topic, destination.bucket))?;
        self.create_topic().await?;
        self.create_connector().await?;
        self.deploy().await?;

        let mut follower = Follower::start(*screen, &services.channel, &self.name()).await?;
        let mut judge = Judge::default();
        let judged = async {
            let (produced, ()) = tokio::try_join!(self.produce(), self.await_first_object())?;
            judge.expect(produced);
            self.read_objects(&mut judge).await
        };
        let objects = tokio::select! {
            objects = judged => objects?,
            ended = follower.follow() => return Err(ended),
        };
        // Where the bucket is incomplete, the status has said why.
        if judge.is_satisfied() {
            let seen = follower.follow_until_records(self.records);
            tokio::time::timeout(LAST_STATUS, seen).await.unwrap_or(Ok(()))?;
        }
        show::objects(*screen, &services.store.bucket, &objects, &judge).await?;
        let verdict = judge.verdict();
        screen.title(&verdict.text)?;
        if exit {
            anyhow::ensure!(verdict.good, "the demo did not find what it produced");
            return Ok(());
        }
        self.show_what_to_try()?;
        Err(follower.follow().await)
    }

    /// The connector's resource name.
    fn name(&self) -> String {
        format!("instances/{INSTANCE}/connectors/{}", self.connector_id)
    }

    fn connectors(&self) -> ConnectorServiceClient<Channel> {
        ConnectorServiceClient::new(self.services.channel.clone())
    }

    async fn create_topic(&self) -> anyhow::Result<()> {
        self.topic_made.set(self.services.kafka.ensure_topic(&self.topic, PARTITIONS).await?);
        Ok(self.screen.step(format_args!("topic {} with {PARTITIONS} partitions", self.topic))?)
    }

    async fn create_connector(&self) -> anyhow::Result<()> {
        let request = v1::CreateConnectorRequest {
            parent: format!("instances/{INSTANCE}"),
            connector_id: self.connector_id.clone(),
            connector: Some(self.connector()?),
            ..v1::CreateConnectorRequest::default()
        };
        self.connectors().create_connector(request).await.map_err(failed)?;
        self.connector_made.set(true);
        Ok(self.screen.step(format_args!(
            "connector {INSTANCE}/{} created: from EARLIEST, objects close after {} s, or {} s \
             without a record",
            self.connector_id,
            MAX_AGE.as_secs(),
            IDLE.as_secs()
        ))?)
    }

    fn connector(&self) -> anyhow::Result<v1::Connector> {
        Ok(v1::Connector {
            spec: Some(v1::ConnectorSpec {
                source: Some(v1::KafkaSource {
                    topic: self.topic.clone(),
                    consumer_offset: v1::ConsumerOffset::Earliest.into(),
                    ..v1::KafkaSource::default()
                }),
                destination: Some(self.services.store.destination.clone()),
                output: Some(v1::ConnectorOutput {
                    rotation: Some(v1::RotationPolicy {
                        max_age: Some(MAX_AGE.try_into()?),
                        idle: Some(IDLE.try_into()?),
                        ..v1::RotationPolicy::default()
                    }),
                    ..v1::ConnectorOutput::default()
                }),
                ..v1::ConnectorSpec::default()
            }),
            ..v1::Connector::default()
        })
    }

    async fn deploy(&self) -> anyhow::Result<()> {
        let request = v1::DeployConnectorRequest { name: self.name(), ..Default::default() };
        self.connectors().deploy_connector(request).await.map_err(failed)?;
        Ok(self.screen.step(format_args!(
            "deployed; producing {}: orders as JSON, keyed by customer",
            text::plural(self.records, "record")
        ))?)
    }

    async fn produce(&self) -> anyhow::Result<Vec<Produced>> {
        let bootstrap = self.services.kafka.bootstrap();
        let produced = orders::produce(bootstrap, &self.topic, self.records).await?;
        self.screen.step("all records are produced and acknowledged")?;
        Ok(produced)
    }

    /// Objects of this run have this in front of their key.
    fn prefix(&self) -> String {
        format!("{}/", self.topic)
    }

    async fn await_first_object(&self) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while tokio::time::Instant::now() < deadline {
            let objects = self.services.store.bucket.list(&self.prefix()).await?;
            if let Some(first) = objects.first() {
                self.screen.step(format_args!(
                    "first object, {:.1} s after the start: {}",
                    self.screen.elapsed(),
                    first.key
                ))?;
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        // The judgement says what is missing.
        Ok(())
    }

    /// Reads each object once, until everything is there or patience is over.
    async fn read_objects(&self, judge: &mut Judge) -> anyhow::Result<Vec<Listed>> {
        let bucket = &self.services.store.bucket;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let objects = bucket.list(&self.prefix()).await?;
            for object in &objects {
                // Create-only: what was read stays as it is.
                if !judge.has_read(&object.key) {
                    judge.read(&object.key, &bucket.get(&object.key).await?);
                }
            }
            if judge.is_satisfied() || tokio::time::Instant::now() >= deadline {
                return Ok(objects);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn show_what_to_try(&self) -> anyhow::Result<()> {
        let screen = self.screen;
        let program = banner::program(self.services);
        let name = format!("{INSTANCE}/{}", self.connector_id);
        screen.title("It goes on until Ctrl-C. From another terminal:")?;
        let test = "--partition 0 --key 1 --value 1 --wait";
        screen.line(format_args!("{program} connectors test {name} {test}"))?;
        screen.line(format_args!("{program} connectors progress {name}"))?;
        screen.line(format_args!("{program} connectors pause {name}"))?;
        Ok(screen.title("Status")?)
    }

    /// Removes what this run made in Kafka; its objects stay.
    pub(super) async fn clean_up(&self) {
        if !self.topic_made.get() && !self.connector_made.get() {
            return;
        }
        // The run is over and judged: not being able to say this changes nothing.
        let _ = self.screen.title("Cleaning up");
        let cleaned = tokio::time::timeout(CLEAN_UP, self.remove()).await;
        let cleaned = cleaned.context("it takes too long").and_then(|result| result);
        let _ = match cleaned {
            Ok(()) => self.screen.step("connector and topic deleted; the objects stay"),
            Err(error) => self.screen.step(format_args!(
                "topics and groups of {} may be left in Kafka: {error:#}",
                self.connector_id
            )),
        };
    }

    async fn remove(&self) -> anyhow::Result<()> {
        if self.connector_made.get() {
            let request = v1::DeleteConnectorRequest {
                name: self.name(),
                delete_error_topics: true,
                ..v1::DeleteConnectorRequest::default()
            };
            self.connectors().delete_connector(request).await.map_err(failed)?;
            follow::until_gone(&self.services.channel, &self.name()).await?;
        }
        if self.topic_made.get() {
            self.services.kafka.admin().await?.delete_topic(&self.topic).await?;
        }
        Ok(())
    }
}

/// Six characters that no run of the last years had.
fn unique() -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut rest = since.as_secs();
    let mut text = [0; 6];
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[(rest % 32) as usize];
        rest /= 32;
    }
    String::from_utf8_lossy(&text).into_owned()
}
