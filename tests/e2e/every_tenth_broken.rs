//! Under LOG with every tenth record broken, in turn not UTF-8 and above
//! `max_record_bytes`: the good ones stand in objects, the bad ones in the error
//! topic of their kind.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{Context, Result, ensure};
use kafka2oss_proto::v1;
use kafka2oss_sandbox::oss::{Fault, Hold, Occurrence, Operation, RequestMatch};
use kafka2oss_tests::name::unique;
use kafka2oss_tests::produce::{Produced, Record};
use kafka2oss_tests::read::Consumed;
use kafka2oss_tests::wait::eventually;
use tokio::time::timeout;

use crate::connector::{Connector, ends};
use crate::deployment::LIMIT;
use crate::spec::{Parts, topic};
use crate::verification::assert_clean;
use crate::world::World;

/// With every tenth record, partitions get broken ones of both kinds.
const PARTITIONS: i32 = 3;
const RECORDS: u64 = 3_000;
const MAX_RECORD_BYTES: usize = 2_000;
const NOT_UTF8: &[u8] = &[b'o', b'k', 0xc3, 0x28, 0x00, 0xff];

#[tokio::test(flavor = "multi_thread")]
async fn good_records_stand_in_objects_and_broken_ones_in_their_error_topics_once_each()
-> Result<()> {
    // given
    let world = World::new(PARTITIONS).await?;
    let pipeline = Pipeline::create(&world).await?;

    // when some come before it starts and some while it runs
    let mut sent = send(&world, 0..RECORDS / 2).await?;
    pipeline.connector.run().await?;
    sent.extend(send(&world, RECORDS / 2..RECORDS).await?);
    pipeline.connector.delivered(&produced(&sent)).await?;

    // then
    pipeline.verified(&world, &sent).await?;
    let copies = pipeline.copies(&world, &sent).await?;
    assert_eq!(copies.len() as u64, RECORDS / 10);
    assert!(copies.values().all(|copies| *copies == 1), "{copies:?}");
    let totals = pipeline.connector.get().await?.status.context("a status")?.totals;
    assert_eq!(totals.context("totals")?.dead_letters, RECORDS.cast_signed() / 10);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kills_of_the_agent_no_broken_record_is_missing_and_the_objects_are_as_ever()
-> Result<()> {
    // given
    let mut world = World::new(PARTITIONS).await?;
    let pipeline = Pipeline::create(&world).await?;
    pipeline.connector.run().await?;
    let mut sent = Vec::new();

    // when the agent is killed three times with records under way
    for (round, moment) in [Moment::Reading, Moment::Refused, Moment::Answering].iter().enumerate()
    {
        let first = round as u64 * RECORDS;
        let before = pipeline.letters(&world).await?;
        let hold = moment.prepare(&world);
        sent.extend(send(&world, first..first + RECORDS).await?);
        eventually("dead letters of this round", LIMIT, async || {
            Ok((pipeline.letters(&world).await? > before).then_some(()))
        })
        .await?;
        if let Some(hold) = &hold {
            timeout(LIMIT, hold.held()).await.context("an object is put")?;
        }
        let mut agent = world.deployment.take_agent("agent-0");
        agent.process.kill9()?;
        world.oss().faults().clear();
        drop(hold);
        sent.extend(send(&world, first + RECORDS..first + RECORDS + 10).await?);
        world.deployment.start_agent_again(agent)?;
        pipeline.connector.delivered(&produced(&sent)).await?;
    }

    // then
    pipeline.verified(&world, &sent).await?;
    let copies = pipeline.copies(&world, &sent).await?;
    let broken = sent.iter().filter(|sent| sent.broken.is_some()).count();
    assert_eq!(copies.len(), broken);
    // Else no kill came between a dead letter and the commit behind it.
    assert!(copies.values().any(|copies| *copies > 1), "no dead letter was sent again");
    Ok(())
}

/// When an agent is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// As soon as dead letters stand.
    Reading,
    /// Dead letters stand, and the store refuses the objects of their extents.
    Refused,
    /// Such an object stands, and the agent does not know.
    Answering,
}

impl Moment {
    fn prepare(self, world: &World) -> Option<Hold> {
        let faults = world.oss().faults();
        let puts = RequestMatch::operation(Operation::PutObject).with_key_containing(&world.topic);
        match self {
            Self::Reading => None,
            Self::Refused => {
                let fault = Fault::Refuse { status: 503, code: "ServiceUnavailable".into() };
                faults.inject(puts, fault, Occurrence::Always);
                None
            }
            Self::Answering => Some(faults.hold_after(puts)),
        }
    }
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    NotUtf8,
    TooLarge,
}

impl Broken {
    fn of(number: u64) -> Option<Self> {
        match number % 20 {
            9 => Some(Self::NotUtf8),
            19 => Some(Self::TooLarge),
            _ => None,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::NotUtf8 => "RECORD_NOT_UTF8",
            Self::TooLarge => "RECORD_TOO_LARGE",
        }
    }
}

/// A record and where it stands.
struct Sent {
    record: Record,
    produced: Produced,
    broken: Option<Broken>,
}

/// Produces the records of these numbers. Some good ones are just as large as is
/// allowed.
async fn send(world: &World, numbers: Range<u64>) -> Result<Vec<Sent>> {
    let record = |number: u64| {
        let (key, header) = (number.to_string(), ("trace", number.to_be_bytes()));
        let rest = key.len() + header.0.len() + header.1.len();
        let text = match Broken::of(number) {
            Some(Broken::NotUtf8) => NOT_UTF8.to_vec(),
            Some(Broken::TooLarge) => vec![b'x'; MAX_RECORD_BYTES + 1 - rest],
            None if number % 10 == 8 => vec![b'y'; MAX_RECORD_BYTES - rest],
            None => format!("value {number}").into_bytes(),
        };
        let partition = i32::try_from(number % PARTITIONS as u64).expect("a partition's number");
        Record::new(text).key(key).partition(partition).header(header.0, header.1)
    };
    let records: Vec<_> = numbers.clone().map(record).collect();
    let produced = world.produce(records.clone()).await?;
    let all = numbers.zip(records).zip(produced);
    Ok(all
        .map(|((number, record), produced)| Sent { record, produced, broken: Broken::of(number) })
        .collect())
}

fn produced(sent: &[Sent]) -> Vec<Produced> {
    sent.iter().map(|sent| sent.produced.clone()).collect()
}

/// A connector and its two error topics.
struct Pipeline {
    connector: Connector,
    abnormal: String,
    dead: String,
}

impl Pipeline {
    async fn create(world: &World) -> Result<Self> {
        let (abnormal, dead) = (unique("connect-error-abnormal"), unique("connect-error-dead"));
        let connector = world
            .connector_with(|spec| {
                spec.output.get_or_insert_default().overflow = Some(v1::OverflowHandling {
                    max_record_bytes: Some(MAX_RECORD_BYTES as i64),
                    ..Default::default()
                });
                let engine = v1::StorageEngine::Local;
                spec.resources().abnormal_data_topic = topic(&abnormal, 6, engine);
                spec.resources().dead_letter_queue_topic = topic(&dead, 6, engine);
            })
            .await?;
        Ok(Self { connector, abnormal, dead })
    }

    fn topic_of(&self, broken: Broken) -> &str {
        match broken {
            Broken::NotUtf8 => &self.dead,
            Broken::TooLarge => &self.abnormal,
        }
    }

    /// How many dead letters there are in all.
    async fn letters(&self, world: &World) -> Result<i64> {
        let admin = world.admin()?;
        let abnormal = admin.end_offsets(&self.abnormal).await?;
        let dead = admin.end_offsets(&self.dead).await?;
        Ok(abnormal.values().chain(dead.values()).sum())
    }

    /// Fails unless each good record stands in the objects once and each broken
    /// one in an error topic and in no object.
    async fn verified(&self, world: &World, sent: &[Sent]) -> Result<()> {
        let report = world
            .verify(
                &self.connector,
                &world.topic,
                &world.bucket,
                ends(&produced(sent)),
                &[&self.abnormal, &self.dead],
            )
            .await?;
        let broken = sent.iter().filter(|sent| sent.broken.is_some()).count();
        assert_clean(&report, (sent.len() - broken) as u64, broken as u64)
    }

    /// How often each broken record stands in its own error topic, by partition
    /// and offset. Fails when one is not as it was sent, or is missing, or is none
    /// of these.
    async fn copies(&self, world: &World, sent: &[Sent]) -> Result<BTreeMap<(i32, i64), u64>> {
        let mut copies = BTreeMap::new();
        let mut originals = BTreeMap::new();
        for sent in sent {
            let position = (sent.produced.partition, sent.produced.offset);
            if let Some(broken) = sent.broken {
                copies.insert(position, 0);
                originals.insert(position, (sent, broken));
            }
        }
        for error_topic in [&self.abnormal, &self.dead] {
            for letter in world.read(error_topic).await? {
                let position = position(&letter)?;
                let (sent, broken) =
                    originals.get(&position).with_context(|| format!("{letter:?}"))?;
                ensure!(self.topic_of(*broken) == error_topic, "{error_topic}: {letter:?}");
                ensure!(
                    letter.header_text("kafka2oss.error.code") == Some(broken.code()),
                    "{letter:?}"
                );
                is_as_sent(&letter, sent)?;
                *copies.entry(position).or_default() += 1;
            }
        }
        let missing: Vec<_> = copies.iter().filter(|(_, copies)| **copies == 0).collect();
        ensure!(missing.is_empty(), "in no error topic: {missing:?}");
        Ok(copies)
    }
}

/// Partition and offset that a dead letter names.
fn position(letter: &Consumed) -> Result<(i32, i64)> {
    let header = |name| letter.header_text(name).with_context(|| format!("{name}: {letter:?}"));
    let partition = header("__connect.errors.partition")?.parse()?;
    Ok((partition, header("__connect.errors.offset")?.parse()?))
}

fn is_as_sent(letter: &Consumed, sent: &Sent) -> Result<()> {
    let Record { key, value, headers, .. } = &sent.record;
    let is_same = letter.key == *key
        && letter.value == *value
        && letter.timestamp == Some(sent.produced.timestamp)
        && letter.headers.starts_with(headers);
    ensure!(is_same, "{letter:?} was {:?}", sent.record);
    Ok(())
}
