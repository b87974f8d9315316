//! Error topics, to which anyone may have written, as `kafka2oss verify` reads
//! them back: on a real Kafka and the OSS emulator, many records a round.

use std::sync::LazyLock;
use std::time::Duration;

use anyhow::Result;
use bolero::TypeGenerator;
use bolero::generator::produce;
use kafka2oss_domain::spec::{
    AccessKey, AddressingStyle, Destination, Instance, KafkaSecurity, Pool, SecretSource, StoreType,
};
use kafka2oss_fuzz::Text;
use kafka2oss_sink::ObjectStore;
use kafka2oss_tests::kafka::{KafkaServer, shared_kafka};
use kafka2oss_tests::name::unique;
use kafka2oss_tests::oss::OssServer;
use kafka2oss_tests::produce::{Producer, Record, RecordHeader};
use kafka2oss_verify::{Kind, Options, Report, Verification};
use tokio::runtime::Runtime;

const RECORDS: i64 = 4;
const CONNECTOR: &str = "sink";
const BUCKET: &str = "fuzz";

const TOPIC_HEADER: &str = "__connect.errors.topic";
/// The headers that say what a dead letter is, and one that says nothing.
const NAMES: [&str; 7] = [
    TOPIC_HEADER,
    "__connect.errors.partition",
    "__connect.errors.offset",
    "__connect.errors.connector.name",
    "kafka2oss.value.object",
    "kafka2oss.value.size",
    "x",
];

const WORDS: [&str; 10] = [
    "0",
    "1",
    "-1",
    "+1",
    "2147483648",
    "9223372036854775808",
    "source",
    "p/",
    "dead-letter",
    "\u{fffd}",
];

/// A record of the error topic that is no dead letter of the connector's.
#[derive(Debug, TypeGenerator)]
struct Noise {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    #[generator(produce::<Vec<GivenHeader>>().with().len(0_usize..=8))]
    headers: Vec<GivenHeader>,
    /// Of which the source topic is the right one.
    is_of_topic: bool,
}

#[derive(Debug, TypeGenerator)]
struct GivenHeader {
    /// One of [`NAMES`], or the text.
    name: u8,
    other_name: Text,
    value: Option<GivenValue>,
}

#[derive(Debug, TypeGenerator)]
enum GivenValue {
    Text(Text),
    Any(Vec<u8>),
}

impl GivenHeader {
    fn get(&self) -> RecordHeader {
        let name = match NAMES.get(usize::from(self.name) % 16) {
            Some(name) => (*name).to_owned(),
            // librdkafka ends a name there.
            None => self.other_name.of(&WORDS).replace('\0', ""),
        };
        let value = self.value.as_ref().map(|value| match value {
            GivenValue::Text(text) => text.of(&WORDS).into_bytes(),
            GivenValue::Any(bytes) => bytes.clone(),
        });
        (name, value)
    }
}

#[derive(Debug, TypeGenerator)]
struct Given {
    #[generator(produce::<Vec<Noise>>().with().len(0_usize..=400))]
    noise: Vec<Noise>,
    /// Of each record, whether it is in the error topic.
    letters: [bool; RECORDS as usize],
    /// Where the value of the first one is said to be, if it is in there.
    detached: Option<Text>,
}

#[test]
fn only_its_dead_letters_stand_for_records_whatever_else_is_in_an_error_topic() {
    // Not in the time that the target has.
    LazyLock::force(&WORLD);
    // A round takes too long to be repeated with less and less.
    let target = bolero::check!().with_shrink_time(Duration::ZERO);
    target.with_type().for_each(|given: &Given| {
        let report = WORLD.runtime.block_on(WORLD.verify(given)).unwrap();
        let letters = given.letters.iter().filter(|is_letter| **is_letter).count() as u64;
        assert_eq!(report.error_records, letters, "{report}");
        assert_eq!(report.count(Kind::Missing), RECORDS as u64 - letters, "{report}");
        // Nothing is where that is said to be.
        let detached = u64::from(given.detached.is_some() && given.letters[0]);
        let told = report.count(Kind::MissingValue) + report.count(Kind::Altered);
        assert_eq!(told, detached, "{report}");
    });
}

/// A topic whose records are in no object.
struct World {
    runtime: Runtime,
    kafka: &'static KafkaServer,
    producer: Producer,
    topic: String,
    store: ObjectStore,
    _oss: OssServer,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let runtime = Runtime::new().unwrap();
    let (kafka, producer, topic, store, oss) = runtime.block_on(start()).unwrap();
    World { runtime, kafka, producer, topic, store, _oss: oss }
});

async fn start() -> Result<(&'static KafkaServer, Producer, String, ObjectStore, OssServer)> {
    let kafka = shared_kafka().await?;
    let topic = unique("source");
    kafka.admin()?.create_topic(&topic, 1, &[]).await?;
    let producer = kafka.producer()?;
    producer.send_all(&topic, (0..RECORDS).map(source_record)).await?;
    let oss = OssServer::start().await?;
    oss.access().bucket(BUCKET).create().await?;
    let plain = |text: &str| SecretSource::Plain(text.into());
    let store = ObjectStore::new(&Destination {
        store_type: StoreType::Oss,
        bucket: BUCKET.into(),
        endpoint: oss.endpoint(),
        signing_region: oss.region().into(),
        addressing_style: AddressingStyle::VirtualHosted,
        credentials: AccessKey {
            id: plain(oss.access_key()),
            secret: plain(oss.secret_key()),
            session_token: None,
        },
        allow_cross_region: false,
    });
    Ok((kafka, producer, topic, store, oss))
}

fn source_record(offset: i64) -> Record {
    Record::new(format!("value {offset}")).key("k").header(TOPIC_HEADER, "its own").partition(0)
}

impl World {
    /// Fills an error topic of its own and verifies the topic with it.
    async fn verify(&self, given: &Given) -> Result<Report> {
        let error_topic = unique("connect-error");
        let admin = self.kafka.admin()?;
        admin.create_topic(&error_topic, 1, &[]).await?;
        let noise = given.noise.iter().map(|noise| self.noise(noise));
        let letters = (0..RECORDS)
            .zip(given.letters)
            .filter(|(_, is_letter)| *is_letter)
            .map(|(offset, _)| self.letter(offset, given.detached.as_ref()));
        self.producer.send_all(&error_topic, noise.chain(letters)).await?;
        let verification = Verification {
            instance: Instance {
                region_id: "cn-hangzhou".into(),
                bootstrap_servers: vec![self.kafka.bootstrap()],
                security: KafkaSecurity::default(),
                pool: Pool::default(),
                connectors_disabled: false,
                allow_shared_cluster: false,
            },
            topic: self.topic.clone(),
            store: self.store.clone(),
            prefixes: vec!["p/".into()],
            hash_prefix: false,
            options: Options {
                starts: [(0, 0)].into(),
                error_topics: [error_topic.clone()].into(),
                connector: Some(CONNECTOR.into()),
                ..Options::default()
            },
        };
        let report = verification.run().await?;
        admin.delete_topic(&error_topic).await?;
        Ok(report)
    }

    fn noise(&self, noise: &Noise) -> Record {
        let mut headers: Vec<_> = noise.headers.iter().map(GivenHeader::get).collect();
        // The names of topic and connector are long, and nowhere in the noise.
        if noise.is_of_topic {
            headers.insert(0, (TOPIC_HEADER.to_owned(), Some(self.topic.clone().into())));
        }
        let (key, value) = (noise.key.clone(), noise.value.clone());
        Record { partition: Some(0), key, value, timestamp: None, headers }
    }

    fn letter(&self, offset: i64, detached: Option<&Text>) -> Record {
        let letter = source_record(offset)
            .header(TOPIC_HEADER, self.topic.clone())
            .header("__connect.errors.partition", "0")
            .header("__connect.errors.offset", offset.to_string())
            .header("__connect.errors.connector.name", CONNECTOR);
        let Some(object) = detached.filter(|_| offset == 0) else { return letter };
        let size = letter.value.as_ref().map_or(0, Vec::len);
        let letter = letter
            .header("kafka2oss.value.object", object.of(&WORDS))
            .header("kafka2oss.value.size", size.to_string());
        Record { value: None, ..letter }
    }
}
