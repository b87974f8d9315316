//! The end of a consumer, on a real broker.

use std::thread;

use anyhow::{Context, Result, ensure};
use futures::future::join_all;
use kafka2oss_tests::kafka::{KafkaServer, shared_kafka};
use kafka2oss_tests::name::unique;
use kafka2oss_tests::wait::eventually;
use rdkafka::bindings;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::*;
use crate::assignment::Assignment;
use crate::partition::{Batches, RecordQueue};
use crate::task::consumer::{assign, join_group, unassign};
use crate::task::context::Event;
use crate::task::fetch_wait::FetchWait;
use crate::task::settings::Fetching;
use crate::task::{FetchLimit, Membership, TaskSpec};
use crate::testing::{soon, wire};

const LIMIT: Duration = Duration::from_secs(30);

/// Two partitions, of which a second member takes one away from the first.
const PARTITIONS: [i32; 2] = [0, 1];

/// The two tasks of a connector.
async fn tasks(kafka: &KafkaServer) -> Result<[Arc<TaskSpec>; 2]> {
    let topic = unique("records");
    kafka.admin()?.create_topic(&topic, 2, &[]).await?;
    let mut wire = wire(&unique("sink"), &[0, 1]);
    let instance = wire.instance.as_mut().context("an instance")?;
    instance.bootstrap_servers = vec![kafka.bootstrap()];
    let spec = wire.spec.as_mut().context("a spec")?;
    spec.source.as_mut().context("a source")?.topic = topic;
    spec.resources.as_mut().context("resources")?.task_consumer_group = unique("group");
    let runtime = spec.runtime.as_mut().context("runtime")?;
    // Heartbeats tell of a rebalance: ten a session.
    runtime.session_timeout = Some(prost_types::Duration { seconds: 6, nanos: 0 });
    let assignment = Assignment::try_from(wire)?;
    let task = |index| assignment.task(index).map(Arc::new).context("a task");
    Ok([task(0)?, task(1)?])
}

async fn join(task: &TaskSpec) -> Result<(TaskConsumer, Arc<Notify>)> {
    let wake = Arc::new(Notify::new());
    let limit = FetchLimit::new(None, 1 << 30);
    let fetching = Fetching { ahead: 1 << 20, wait: FetchWait::Long, limit };
    let calls = Arc::new(Calls::new(LIMIT));
    let consumer = join_group(task, Membership::Static, fetching, wake.clone(), &calls).await?;
    Ok((consumer, wake))
}

/// Serves the consumer until the group has said something.
async fn next_event(consumer: &TaskConsumer, wake: &Notify) -> Event {
    loop {
        assert!(consumer.poll(Duration::ZERO).is_none(), "nothing is read from the main queue");
        if let Some(event) = consumer.context().next_event() {
            return event;
        }
        soon("the group's word", wake.notified()).await;
    }
}

/// Events that wait in the consumer's queue.
fn waiting(consumer: &TaskConsumer) -> usize {
    // SAFETY: the client is live, and the queue ours to destroy.
    unsafe {
        let queue = bindings::rd_kafka_queue_get_consumer(consumer.client().native_ptr());
        let length = bindings::rd_kafka_queue_length(queue);
        bindings::rd_kafka_queue_destroy(queue);
        length
    }
}

/// Waits until so many events wait.
async fn until_waiting(consumer: &TaskConsumer, events: usize) -> Result<()> {
    eventually(format!("{events} events"), LIMIT, async || {
        let waiting = waiting(consumer);
        ensure!(waiting >= events, "{waiting}");
        Ok(Some(()))
    })
    .await
}

/// A consumer from which the group takes a partition, and which has not heard of
/// it; the other member with it.
async fn with_an_unheard_revocation() -> Result<(TaskConsumer, TaskConsumer, String)> {
    let [first, second] = tasks(shared_kafka().await?).await?;
    let topic = first.spec.source.topic.clone();
    let (consumer, wake) = join(&first).await?;
    let event = next_event(&consumer, &wake).await;
    ensure!(matches!(event, Event::Assigned(ref all) if all.len() == 2), "{event:?}");
    for partition in PARTITIONS {
        RecordQueue::split(&consumer, &topic, partition, Batches::new(0), || {})
            .context("a queue")?;
    }
    assign(&consumer, &topic, &PARTITIONS.map(|partition| (partition, 0)).into()).await?;
    consumer.context().assigned();
    while consumer.poll(Duration::ZERO).is_some() {}

    let (other, _) = join(&second).await?;
    until_waiting(&consumer, 1).await?;
    Ok((consumer, other, topic))
}

/// Ends two consumers, one of which has not heard what the group says.
async fn end_without_hearing(answered: bool) -> Result<()> {
    let (consumer, other, topic) = with_an_unheard_revocation().await?;
    if answered {
        unassign(&consumer, &topic, &PARTITIONS).await?;
        // What it is given instead follows.
        until_waiting(&consumer, 2).await?;
    }
    // On threads that nobody waits for.
    let (ended, mut ends) = mpsc::channel(2);
    for consumer in [consumer, other] {
        let ended = ended.clone();
        thread::spawn(move || {
            drop(consumer);
            ended.blocking_send(())
        });
    }
    for _ in 0..2 {
        let end = timeout(LIMIT, ends.recv()).await.context("a consumer has not ended")?;
        end.context("a thread panicked")?;
    }
    Ok(())
}

/// Each at once: whether librdkafka has ended before the answer to the group comes
/// is a matter of luck.
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_ends_whatever_it_has_not_heard() -> Result<()> {
    let ends = join_all((0..16).map(|round| end_without_hearing(round % 2 == 0))).await;
    ends.into_iter().collect()
}
