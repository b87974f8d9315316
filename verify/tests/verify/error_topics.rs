//! Records that stand in error topics instead.

use anyhow::Result;
use kafka2oss_domain::ErrorCode;
use kafka2oss_kafka::{ErrorRecord, ErrorStage, ErrorTopicProducer};
use kafka2oss_tests::name::unique;
use kafka2oss_tests::read::Consumed;
use kafka2oss_verify::{Kind, Options, Report};
use rdkafka::message::{Header, OwnedHeaders};

use crate::world::{World, assert_example, assert_found, run};
use crate::writer::{Writer, links, put_value};

/// Six records in one link, which lacks offset 2, and an error topic.
struct Letters {
    world: World,
    topic: String,
    producer: ErrorTopicProducer,
    records: Vec<Consumed>,
}

impl Letters {
    async fn start() -> Result<Self> {
        let world = World::start(1).await?;
        let topic = unique("connect-error");
        world.kafka.admin()?.create_topic(&topic, 2, &[]).await?;
        let records = world.fill(6).await?;
        let mut chain = links(&world, &records, 0, &[(0, 6)]);
        chain[0].records.remove(2);
        chain[0].metadata.records = 5;
        Writer::default().put_all(&world, &chain).await?;
        let producer = ErrorTopicProducer::connect(&world.instance()).await?;
        Ok(Self { world, topic, producer, records })
    }

    /// The dead letter of an offset.
    fn letter(&self, offset: usize) -> ErrorRecord {
        let record = &self.records[offset];
        let headers = record.headers.iter().fold(OwnedHeaders::new(), |all, (key, value)| {
            all.insert(Header { key, value: value.as_ref() })
        });
        ErrorRecord {
            error_topic: self.topic.clone(),
            key: record.key.clone(),
            value: record.value.clone().map(Into::into),
            detached_value: None,
            unfetched_bytes: None,
            headers: Some(headers),
            timestamp: record.timestamp,
            source_topic: self.world.topic.clone(),
            source_partition: 0,
            source_offset: record.offset,
            connector: "sink".into(),
            task_index: 0,
            stage: ErrorStage::ValueConverter,
            code: ErrorCode::RecordNotUtf8,
            message: "not UTF-8".into(),
        }
    }

    async fn send(&self, letter: ErrorRecord) -> Result<()> {
        self.producer.send(&letter).await?;
        Ok(())
    }

    async fn verify(&self) -> Result<Report> {
        let error_topics = [self.topic.clone()].into();
        let connector = Some("sink".into());
        self.world.verify_with(Options { error_topics, connector, ..Options::default() }).await
    }
}

#[test]
fn a_dead_letter_is_not_missing_however_often_it_was_sent() {
    run(async {
        let letters = Letters::start().await?;
        assert_found(&letters.verify().await?, &[(Kind::Missing, 1)]);
        for copies in 1..=3 {
            letters.send(letters.letter(2)).await?;
            let report = letters.verify().await?;
            assert_found(&report, &[]);
            assert_eq!((report.partitions[0].dead_letters, report.error_records), (1, copies));
        }
        Ok(())
    });
}

#[test]
fn dead_letters_of_other_topics_and_connectors_do_not_count() {
    run(async {
        let letters = Letters::start().await?;
        let letter = letters.letter(2);
        letters.send(ErrorRecord { source_topic: "other".into(), ..letter.clone() }).await?;
        letters.send(ErrorRecord { connector: "other".into(), ..letter.clone() }).await?;
        letters.send(ErrorRecord { source_partition: 1, ..letter }).await?;
        assert_found(&letters.verify().await?, &[(Kind::Missing, 1)]);
        Ok(())
    });
}

#[test]
fn a_dead_letter_of_other_bytes_is_altered() {
    run(async {
        type Change = fn(&mut ErrorRecord);
        let changes: [Change; 4] = [
            |letter| letter.key = None,
            |letter| letter.value = Some(b"value X"[..].into()),
            |letter| letter.value = None,
            |letter| letter.headers = None,
        ];
        let letters = Letters::start().await?;
        for (index, change) in changes.into_iter().enumerate() {
            // Each to a topic of its own.
            let letters = Letters { topic: unique("connect-error"), ..letters.again().await? };
            letters.world.kafka.admin()?.create_topic(&letters.topic, 1, &[]).await?;
            letters.send(letters.letter(2)).await?;
            let mut letter = letters.letter(2);
            change(&mut letter);
            letters.send(letter).await?;
            let report = letters.verify().await?;
            assert_found(&report, &[(Kind::Altered, 1)]);
            assert_eq!(report.partitions[0].dead_letters, 1, "{index}");
        }
        Ok(())
    });
}

impl Letters {
    /// The same world for another error topic.
    async fn again(&self) -> Result<Self> {
        Ok(Self {
            world: self.world.clone(),
            topic: String::new(),
            producer: ErrorTopicProducer::connect(&self.world.instance()).await?,
            records: self.records.clone(),
        })
    }
}

#[test]
fn a_record_in_a_link_and_in_an_error_topic_is_duplicated() {
    run(async {
        let letters = Letters::start().await?;
        letters.send(letters.letter(2)).await?;
        letters.send(letters.letter(4)).await?;
        let report = letters.verify().await?;
        assert_found(&report, &[(Kind::Duplicated, 1)]);
        assert_example(&report, Kind::Duplicated, 4, 4);
        Ok(())
    });
}

#[test]
fn the_detached_value_of_a_dead_letter_is_compared_and_is_no_garbage() {
    run(async {
        let letters = Letters::start().await?;
        let world = &letters.world;
        let key = Writer::default().letter_key(world, 2);
        let letter = ErrorRecord { detached_value: Some(key.clone()), ..letters.letter(2) };
        letters.send(letter).await?;
        let report = letters.verify().await?;
        assert_found(&report, &[(Kind::MissingValue, 1)]);

        put_value(world, &key, 2, b"value 2").await?;
        assert_found(&letters.verify().await?, &[]);
        world.bucket.delete(&key).await?;
        put_value(world, &key, 2, b"value X").await?;
        let report = letters.verify().await?;
        assert_found(&report, &[(Kind::Altered, 1)]);
        assert_example(&report, Kind::Altered, 2, 2);
        Ok(())
    });
}
