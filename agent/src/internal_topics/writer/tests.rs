//! What stands in the topics, on a real broker.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use kafka2oss_kafka::{InternalTopics, read_compacted};
use kafka2oss_memory::MemoryBudget;
use kafka2oss_proto::v1;
use kafka2oss_sink::ObjectStore;
use kafka2oss_tests::kafka::{KafkaServer, shared_kafka};
use kafka2oss_tests::name::unique;
use kafka2oss_tests::port;
use kafka2oss_tests::wait::eventually;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::*;
use crate::assignment::Assignment;
use crate::report::Reporter;
use crate::supervisor::{KafkaTasks, TaskFactory};
use crate::task::{
    Clients, Flushes, Guidance, Membership, Mode, StopMode, TaskState, Totals, confirmations,
};
use crate::testing::wire;

const LIMIT: Duration = Duration::from_secs(60);

/// A task that is followed, as far as its snapshot goes.
struct Followed {
    task: TaskSpec,
    seen: watch::Sender<Snapshot>,
    follower: JoinHandle<()>,
}

fn task(bootstrap: &str) -> Result<TaskSpec> {
    let mut wire = wire(&unique("sink"), &[0]);
    let instance = wire.instance.as_mut().context("an instance")?;
    *instance = v1::Instance { bootstrap_servers: vec![bootstrap.to_owned()], ..instance.clone() };
    Assignment::try_from(wire)?.task(0).context("task 0")
}

fn agent() -> AgentName {
    AgentName::from_id("agent-1").expect("legal")
}

fn running() -> Snapshot {
    Snapshot { state: TaskState::Running, ..Snapshot::default() }
}

fn fenced() -> Snapshot {
    let problem = Problem::new(ErrorCode::KafkaFenced, "another member");
    Snapshot { state: TaskState::Failed, problem: Some(problem), ..Snapshot::default() }
}

/// Starts to follow a task that runs.
fn followed(task: &TaskSpec) -> Followed {
    let (seen, receiver) = watch::channel(running());
    let topics = Clients::default().internal_topics.of(&task.instance);
    let follower = tokio::spawn(follow(task.clone(), topics, agent(), receiver));
    Followed { task: task.clone(), seen, follower }
}

async fn make(kafka: &KafkaServer, topic: &str) -> Result<()> {
    kafka.admin()?.create_topic(topic, 1, &[("cleanup.policy", "compact")]).await
}

/// The topic's values by key.
async fn values(task: &TaskSpec, topic: &str) -> Result<BTreeMap<String, Value>> {
    let read = read_compacted(&task.instance, "g", topic, LIMIT).await?;
    let parse = |(key, value): (Vec<u8>, Vec<u8>)| {
        Ok((String::from_utf8(key)?, serde_json::from_slice(&value)?))
    };
    read.into_iter().map(parse).collect()
}

impl Followed {
    fn status_topic(&self) -> &str {
        &self.task.spec.resources.status_topic.name
    }

    fn status_key(&self) -> String {
        format!("status-task-{}-0", self.task.connector.id())
    }

    /// Waits until the status topic says so of the task.
    async fn says(&self, state: &str) -> Result<BTreeMap<String, Value>> {
        eventually(format!("the status is {state}"), LIMIT, async || {
            let values = values(&self.task, self.status_topic()).await?;
            let status = values.get(&self.status_key()).context("no status")?;
            ensure!(status["state"] == state, "{status}");
            Ok(Some(values))
        })
        .await
    }

    /// Lets the task end, and waits until nothing more is written.
    async fn end(self) -> Result<TaskSpec> {
        drop(self.seen);
        timeout(LIMIT, self.follower).await??;
        Ok(self.task)
    }
}

#[tokio::test]
async fn each_change_is_written_once_and_the_end_too() -> Result<()> {
    let kafka = shared_kafka().await?;
    let task = task(&kafka.bootstrap())?;
    let (id, topics) = (task.connector.id().to_owned(), task.spec.resources.clone());
    make(kafka, &topics.config_topic.name).await?;
    make(kafka, &topics.status_topic.name).await?;

    let followed = followed(&task);
    let status = followed.says("RUNNING").await?;

    let configuration = values(&task, &topics.config_topic.name).await?;
    let keys: Vec<_> = configuration.keys().cloned().collect();
    let of = |form: &str| form.replace("{id}", &id);
    let expected =
        ["commit-{id}", "connector-{id}", "target-state-{id}", "task-{id}-0", "task-{id}-1"];
    assert_eq!(keys, expected.map(of));
    assert_eq!(configuration[&of("connector-{id}")]["properties"]["destination.bucket"], "bucket");
    let expected = ["status-connector-{id}", "status-task-{id}-0"];
    assert_eq!(status.keys().cloned().collect::<Vec<_>>(), expected.map(of));

    // What the topics do not show changes often.
    for records in 1..=1_000 {
        followed.seen.send_modify(|seen| seen.totals = Totals { records, ..seen.totals });
        tokio::task::yield_now().await;
    }
    followed.seen.send_modify(|seen| seen.state = TaskState::Paused);
    followed.says("PAUSED").await?;
    let target = eventually("the target state follows", LIMIT, async || {
        let mut values = values(&task, &topics.config_topic.name).await?;
        let target = values.remove(&of("target-state-{id}")).context("no target state")?;
        Ok((target["state"] == "PAUSED").then_some(target))
    })
    .await?;
    assert_eq!(target, json!({ "state": "PAUSED", "state.v2": "PAUSED" }));
    followed.end().await?;

    let written = kafka.read(&topics.status_topic.name).await?;
    for key in expected.map(of) {
        let values = written.iter().filter(|record| record.key.as_deref() == Some(key.as_bytes()));
        let states: Result<Vec<Value>> = values
            .map(|record| {
                let value = record.value.as_deref().context("a value")?;
                Ok(serde_json::from_slice::<Value>(value)?["state"].take())
            })
            .collect();
        assert_eq!(states?, ["RUNNING", "PAUSED", "UNASSIGNED"], "{key}");
    }
    Ok(())
}

#[tokio::test]
async fn a_topic_that_is_missing_keeps_nothing_from_the_other_and_is_written_once_it_is_there()
-> Result<()> {
    let kafka = shared_kafka().await?;
    let task = task(&kafka.bootstrap())?;
    let configuration = &task.spec.resources.config_topic.name;
    make(kafka, &task.spec.resources.status_topic.name).await?;

    let followed = followed(&task);
    followed.says("RUNNING").await?;
    assert_eq!(kafka.admin()?.partitions(configuration).await?, None, "nobody has made it");

    make(kafka, configuration).await?;
    eventually("the configuration is written", LIMIT, async || {
        let values = values(&task, configuration).await?;
        Ok((values.len() == 5).then_some(()))
    })
    .await?;
    followed.end().await?;
    Ok(())
}

#[tokio::test]
async fn a_task_whose_place_was_taken_leaves_the_others_words_alone_until_it_is_back() -> Result<()>
{
    let kafka = shared_kafka().await?;
    let task = task(&kafka.bootstrap())?;
    let topic = task.spec.resources.status_topic.name.clone();
    make(kafka, &topic).await?;
    make(kafka, &task.spec.resources.config_topic.name).await?;
    let followed = followed(&task);
    followed.says("RUNNING").await?;
    let other = InternalTopics::connect(&task.instance).await?;
    let (key, others_word) = (followed.status_key(), json!({ "state": "OTHER" }));
    let take_place = async || {
        followed.seen.send_replace(fenced());
        let value = others_word.to_string();
        let limit = InternalTopics::WRITE_LIMIT;
        other.write(&topic, key.as_bytes(), Some(value.as_bytes()), limit).await
    };

    take_place().await?;
    let mut back = false;
    eventually("it is back and says the same as before", LIMIT, async || {
        // Each is to be there for a while: the follower looks now and then.
        back = !back;
        followed.seen.send_replace(if back { running() } else { fenced() });
        let values = values(&task, &topic).await?;
        Ok((values[&key]["state"] == "RUNNING").then_some(()))
    })
    .await?;

    take_place().await?;
    let task = followed.end().await?;
    assert_eq!(values(&task, &topic).await?[&key], others_word);
    Ok(())
}

#[tokio::test]
async fn every_task_of_an_agent_is_followed() -> Result<()> {
    let kafka = shared_kafka().await?;
    // A source topic that nobody has made.
    let task = task(&kafka.bootstrap())?;
    let topic = task.spec.resources.status_topic.name.clone();
    make(kafka, &topic).await?;
    make(kafka, &task.spec.resources.config_topic.name).await?;
    let (confirmations, _desk) = confirmations();
    let tasks = KafkaTasks {
        agent: agent(),
        reporter: Reporter::new(agent()),
        membership: Membership::Static,
        confirmations,
        clients: Clients::default(),
        flushes: Flushes::default(),
        memory: MemoryBudget::new(64 << 20),
        data_runtime: tokio::runtime::Handle::current(),
    };
    let (_store, store) = watch::channel(ObjectStore::new(&task.spec.destination));

    let running = tasks.spawn(task.clone(), store, Guidance::of_mode(Mode::Run));

    let key = format!("status-task-{}-0", task.connector.id());
    let status = async |state: &str| {
        eventually(format!("the status is {state}"), LIMIT, async || {
            let mut values = values(&task, &topic).await?;
            let status = values.remove(&key).context("no status")?;
            ensure!(status["state"] == state, "{status}");
            Ok(Some(status))
        })
        .await
    };
    let failed = status("FAILED").await?;
    let trace = failed["trace"].as_str().context("a trace")?;
    assert!(trace.starts_with("KAFKA_TOPIC_NOT_FOUND: "), "{trace}");
    running.stop(StopMode::Leave).await;
    status("UNASSIGNED").await?;
    Ok(())
}

#[tokio::test]
async fn without_brokers_the_follower_ends_soon_after_its_task() -> Result<()> {
    let [port] = port::free()?;
    let followed = followed(&task(&format!("127.0.0.1:{port}"))?);
    let started = Instant::now();

    followed.end().await?;

    assert!(started.elapsed() < 3 * FAREWELL, "{:?}", started.elapsed());
    Ok(())
}
