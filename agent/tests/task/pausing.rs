//! A pause while something is down that what is open has to go to: it does not wait for
//! ever, and what it gives up is read again.

use std::time::{Duration, Instant};

use anyhow::Result;
use kafka2oss_agent::task::{Guidance, Mode, PartitionState, Snapshot, StopMode, TaskState};
use kafka2oss_domain::ErrorCode;
use kafka2oss_proto::v1;
use kafka2oss_sandbox::oss::{Fault, InjectedFault, Occurrence, Operation, RequestMatch};
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};
use kafka2oss_tests::kafka_proxy::OFFSET_COMMIT;
use kafka2oss_tests::produce::{Produced, Record, numbered};
use kafka2oss_tests::wait::eventually;

use crate::slow_broker::SlowBroker;
use crate::world::{LIMIT, Task, World, ends};

/// What a pause may take at most while Kafka answers.
const BOUND: Duration = Duration::from_secs(30);

/// What it may take while Kafka does not: requests have to end, and the consumer.
const KAFKA_BOUND: Duration = Duration::from_secs(60);

impl Task {
    async fn pauses_within(&self, bound: Duration) -> Result<Snapshot> {
        let began = Instant::now();
        self.handle.guide(Guidance::of_mode(Mode::Pause));
        let seen = self.sees("it is paused", |seen| seen.state == TaskState::Paused).await?;
        assert!(began.elapsed() < bound, "{:?}", began.elapsed());
        Ok(seen)
    }

    fn resumes(&self) {
        self.handle.guide(Guidance::of_mode(Mode::Run));
    }

    /// Waits until it rests as a member of its group.
    async fn is_a_member_again(&self) -> Result<()> {
        self.sees("it is a member again", |seen| {
            seen.state == TaskState::Paused && seen.partitions.len() == 1 && seen.problem.is_none()
        })
        .await?;
        Ok(())
    }

    /// Fails unless it takes in all of partition 0, and a pause delivers each record once.
    async fn ends_with(self, world: &World, produced: &[Produced]) -> Result<()> {
        let end = ends(produced)[&0];
        self.partition("it has taken all in", 0, |seen| seen.position == end).await?;
        self.pauses_within(BOUND).await?;
        world.judge(produced).await?;
        self.handle.stop(StopMode::Leave).await;
        Ok(())
    }

    /// Waits until the lines of its connector's log have one with this text.
    async fn logs(&self, text: &str) -> Result<v1::LogEntry> {
        let mut seen = Vec::new();
        let found = tokio::time::timeout(LIMIT, async {
            loop {
                while let Some(batch) = self.reporter.take_logs() {
                    seen.extend(batch.entries);
                }
                if let Some(found) = seen.iter().find(|entry| entry.message.contains(text)) {
                    return found.clone();
                }
                self.reporter.added().await;
            }
        });
        found.await.map_err(|_| anyhow::anyhow!("no `{text}` in {seen:?}"))
    }
}

fn unavailable(world: &World, on: RequestMatch) -> InjectedFault {
    let refuse = Fault::Refuse { status: 503, code: "ServiceUnavailable".into() };
    world.oss.faults().inject(on, refuse, Occurrence::Always)
}

fn puts() -> RequestMatch {
    RequestMatch::operation(Operation::PutObject)
}

/// Objects that only a pause closes.
async fn world(partitions: i32) -> Result<World> {
    let mut world = World::new(partitions).await?;
    world.no_rotation();
    Ok(world)
}

async fn produce(world: &World, prefix: &str) -> Result<Vec<Produced>> {
    world.kafka.producer()?.send_all(&world.topic, numbered(prefix, 0..20, 1)).await
}

/// A task that has taken the records in.
async fn taken_in(world: &World) -> Result<(Task, Vec<Produced>)> {
    let task = world.start(0).await?;
    let produced = produce(world, "a").await?;
    task.partition("it has taken them in", 0, |seen| seen.position == 20).await?;
    Ok((task, produced))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_does_not_wait_for_a_store_that_is_down_and_what_it_gives_up_is_read_again()
-> Result<()> {
    // given
    let world = world(1).await?;
    let (task, mut produced) = taken_in(&world).await?;
    let down = unavailable(&world, RequestMatch::any());

    // when
    let seen = task.pauses_within(BOUND).await?;

    // then it says what it has given up, and stays in its group
    let partition = &seen.partitions[&0];
    assert_eq!((partition.state, partition.position), (PartitionState::Paused, 0));
    assert!(partition.unsettled, "whether the object stands, nobody knows");
    let told = task.logs("is given up").await?;
    assert!(told.message.contains("offsets 0 to 20 (excluded) are read again"), "{told:?}");
    assert_eq!((told.partition, told.offset), (Some(0), Some(0)));
    let group = world.kafka.admin()?.group(&world.group()).await?.unwrap();
    assert_eq!((group.state.as_str(), group.members.len()), ("Stable", 1));

    // and goes on where it was once the store is back
    task.resumes();
    task.partition("it waits", 0, |seen| seen.state == PartitionState::Retrying).await?;
    down.remove();
    task.partition("it goes on", 0, |seen| {
        seen.state == PartitionState::Running && seen.position == 20
    })
    .await?;
    produced.extend(produce(&world, "b").await?);
    task.ends_with(&world, &produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_stands_though_nobody_was_told_is_adopted_after_a_pause_gave_it_up()
-> Result<()> {
    // given a put that is carried out and not answered, and a store that then is down
    let world = world(1).await?;
    let (task, mut produced) = taken_in(&world).await?;
    let hold = world.oss.faults().hold_after_put();
    let heads = unavailable(&world, RequestMatch::operation(Operation::HeadObject));

    // when
    let seen = task.pauses_within(BOUND).await?;
    assert!(seen.partitions[&0].unsettled);
    heads.remove();

    // then its end is committed as soon as the store tells, while it is paused
    let committed = |end| {
        move |seen: &Snapshot| {
            seen.state == TaskState::Paused && seen.partitions[&0].committed_offset == Some(end)
        }
    };
    task.sees("it is adopted", committed(20)).await?;
    assert!(!task.now().partitions[&0].unsettled);
    hold.release();
    task.resumes();
    produced.extend(produce(&world, "b").await?);
    task.ends_with(&world, &produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_that_a_pause_gave_up_may_land_long_after_it() -> Result<()> {
    // given a put that is on its way for longer than the pause waits
    let world = World::new(1).await?;
    let hold = world.oss.faults().hold_before(puts());
    let (task, mut produced) = taken_in(&world).await?;
    task.handle.guide(Guidance::of_mode(Mode::Pause));
    tokio::time::timeout(LIMIT, hold.held()).await?;
    task.sees("it is paused, and nothing stands", |seen| {
        seen.state == TaskState::Paused && !seen.partitions[&0].unsettled
    })
    .await?;
    produced.extend(world.kafka.producer()?.send_all(&world.topic, numbered("b", 0..5, 1)).await?);

    // when it lands before the next one
    hold.release();
    eventually("it has landed", LIMIT, async || {
        Ok((!world.bucket.keys("").await?.is_empty()).then_some(()))
    })
    .await?;
    task.resumes();

    // then it is the link, and the others follow
    task.delivered(&produced).await?;
    world.judge(&produced).await?;
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_does_not_wait_for_an_error_topic_that_is_not_there() -> Result<()> {
    let world = world(1).await?;
    let task = world.start(0).await?;
    let produced = produce(&world, "a").await?;
    world.kafka.producer()?.send(&world.topic, Record::new(b"\xff".to_vec()).partition(0)).await?;
    task.partition("it has taken them in", 0, |seen| seen.position == 21).await?;

    task.pauses_within(BOUND).await?;
    task.logs("offsets 0 to 21 (excluded) are read again").await?;

    world.error_topic().await?;
    task.resumes();
    task.partition("it has taken them in again", 0, |seen| seen.position == 21).await?;
    task.pauses_within(BOUND).await?;
    world.judge(&produced).await?;
    assert!(task.now().totals.dead_letters >= 1);
    task.handle.stop(StopMode::Leave).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_does_not_wait_for_a_kafka_that_is_down() -> Result<()> {
    // given
    let mut kafka = KafkaServer::start(KafkaOptions::default()).await?;
    let mut world = World::on(kafka.access(), 1, &[]).await?;
    world.no_rotation();
    let (task, produced) = taken_in(&world).await?;
    kafka.stop().await?;

    // when
    let seen = task.pauses_within(KAFKA_BOUND).await?;

    // then it says why it is no member
    let problem = seen.problem.expect("a reason");
    assert_eq!(problem.code, ErrorCode::KafkaUnreachable, "{problem}");

    // and does not begin to pause again, however often it tries
    let mut snapshots = task.handle.snapshot();
    let again = snapshots.wait_for(|seen| seen.state != TaskState::Paused);
    assert!(tokio::time::timeout(Duration::from_secs(15), again).await.is_err());

    kafka.start_again().await?;
    task.is_a_member_again().await?;
    task.resumes();
    task.ends_with(&world, &produced).await
}

/// Until it is answered, nobody knows where the chain stands.
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_with_a_commit_under_way_is_not_taken_up_before_its_answer() -> Result<()> {
    // given a broker that holds back what it says of commits
    let broker = SlowBroker::start().await?;
    let mut world = broker.world(1).await?;
    world.no_rotation();
    // Answers to heartbeats come behind it.
    world.runtime().session_timeout = Some(prost_types::Duration { seconds: 120, nanos: 0 });
    let (task, mut produced) = taken_in(&world).await?;
    let (group, held) = (world.group(), Duration::from_secs(25));
    let mut first = Some(held);
    broker.proxy.hold(move |request| {
        let is_commit = request.api_key() == Some(OFFSET_COMMIT) && request.has(&group);
        first.take_if(|_| is_commit)
    });

    // when it is paused, and resumed while it gives up
    let began = Instant::now();
    task.handle.guide(Guidance::of_mode(Mode::Pause));
    task.logs("is given up").await?;
    task.resumes();

    // then it goes on only when that is known
    task.partition("it has taken them in again", 0, |seen| {
        seen.committed_offset == Some(0) && seen.position == 20
    })
    .await?;
    assert!(began.elapsed() >= held, "{:?}", began.elapsed());
    produced.extend(produce(&world, "b").await?);
    task.ends_with(&world, &produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_does_not_wait_for_a_kafka_that_does_not_answer() -> Result<()> {
    let mut kafka = KafkaServer::start(KafkaOptions::default()).await?;
    let mut world = World::on(kafka.access(), 1, &[]).await?;
    world.no_rotation();
    let (task, produced) = taken_in(&world).await?;
    kafka.pause()?;

    task.pauses_within(KAFKA_BOUND).await?;

    kafka.resume()?;
    task.is_a_member_again().await?;
    task.resumes();
    task.ends_with(&world, &produced).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_a_store_that_is_down() -> Result<()> {
    let world = world(1).await?;
    let (task, produced) = taken_in(&world).await?;
    let down = unavailable(&world, RequestMatch::any());
    let began = Instant::now();

    task.handle.stop(StopMode::Leave).await;

    assert!(began.elapsed() < BOUND, "{:?}", began.elapsed());
    down.remove();
    let task = world.start(0).await?;
    task.ends_with(&world, &produced).await
}
