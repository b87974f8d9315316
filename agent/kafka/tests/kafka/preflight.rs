//! The checks of a preflight on a real broker: each right, listener and topic that is
//! wrong is told, and nothing is left there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::preflight::{Check, Finding, Verdict};
use kafka2oss_domain::spec::{
    ConsumerOffset, Instance, PasswordMechanism, ResourceCreation, Sasl, SecretSource, Source,
};
use kafka2oss_kafka::{BrokerAdmin, PreflightInput, PreflightedKafka, preflight};
use kafka2oss_proto::v1::{PlannedResource, ResourceRole};
use kafka2oss_tests::access_rules::{Operation, Resource};
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer, shared_kafka};
use kafka2oss_tests::name::unique;
use kafka2oss_tests::port;
use kafka2oss_tests::topic::KafkaAdmin;
use kafka2oss_tests::wait::eventually;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::committed::{commit_bytes, consumer};
use crate::support::instance;

/// What a broker takes a moment to notice.
const LIMIT: Duration = Duration::from_secs(30);

/// What a preflight is of.
struct Connector {
    name: String,
    topic: String,
    creation: ResourceCreation,
}

impl Connector {
    fn new(topic: &str) -> Self {
        let creation = ResourceCreation::Automatically;
        Self { name: unique("sink"), topic: topic.to_owned(), creation }
    }

    fn group(&self) -> String {
        format!("connect-{}", self.name)
    }

    fn error_topic(&self) -> String {
        format!("connect-error-{}", self.name)
    }

    fn offset_topic(&self) -> String {
        format!("connect-offset-{}", self.name)
    }

    fn resources(&self) -> Vec<PlannedResource> {
        use ResourceRole::{AbnormalDataTopic, OffsetTopic, TaskConsumerGroup};
        let planned =
            |name: String, role: ResourceRole, partitions, policy: &str| PlannedResource {
                roles: vec![role.into()],
                name,
                partitions,
                cleanup_policy: policy.to_owned(),
                ..PlannedResource::default()
            };
        vec![
            planned(self.group(), TaskConsumerGroup, 0, ""),
            planned(self.offset_topic(), OffsetTopic, 3, "compact"),
            planned(self.error_topic(), AbnormalDataTopic, 2, "delete"),
        ]
    }

    async fn preflight(&self, instance: &Instance) -> Result<(Found, PreflightedKafka)> {
        let source = Source {
            topic: self.topic.clone(),
            consumer_offset: ConsumerOffset::Earliest,
            thread_concurrency: 6,
            spread: 1,
        };
        let (group, resources) = (self.group(), self.resources());
        let input = PreflightInput {
            bootstrap_servers: &instance.bootstrap_servers,
            source: &source,
            group: &group,
            uid: "",
            creation: self.creation,
            resources: &resources,
            owner: |metadata| String::from_utf8(metadata.to_vec()).ok().filter(|uid| uid == "u-1"),
            too_large: &|_| None,
        };
        let admin = BrokerAdmin::connect(instance).await?;
        let (sender, mut findings) = mpsc::channel(200);
        let known = preflight(&admin, &input, &sender).await;
        drop(sender);
        let mut found = Vec::new();
        while let Some(finding) = findings.recv().await {
            found.push(finding);
        }
        Ok((Found(found), known))
    }
}

/// What a preflight found.
#[derive(Debug)]
struct Found(Vec<Finding>);

impl Found {
    fn of(&self, check: Check) -> Result<&Finding> {
        let mut found = self.0.iter().filter(|one| one.check == check);
        let one = found.next().with_context(|| format!("{check} in {self:#?}"))?;
        ensure!(found.next().is_none(), "{check} was told twice: {self:#?}");
        Ok(one)
    }

    fn is(&self, check: Check, verdict: Verdict, code: ErrorCode, words: &str) -> Result<()> {
        let found = self.of(check)?;
        ensure!((found.verdict, found.code) == (verdict, Some(code)), "{found:?}");
        ensure!(found.detail.contains(words), "`{words}` is not in {found:?}");
        Ok(())
    }

    /// Fails unless all of these, and no others, have not passed.
    fn only(&self, checks: &[Check]) -> Result<()> {
        let wrong = self.0.iter().filter(|one| one.verdict != Verdict::Pass);
        let wrong: BTreeSet<_> = wrong.map(|one| one.check).collect();
        ensure!(wrong == checks.iter().copied().collect(), "{self:#?}");
        Ok(())
    }
}

/// The topics and groups that there are, but for what brokers make for themselves as soon
/// as somebody asks for a group.
async fn inventory(admin: &KafkaAdmin) -> Result<(BTreeMap<String, i32>, BTreeSet<String>)> {
    let groups = admin.groups().await?.into_iter().map(|group| group.name).collect();
    let mut topics = admin.topics().await?;
    topics.remove("__consumer_offsets");
    Ok((topics, groups))
}

#[tokio::test]
async fn on_a_sound_broker_everything_passes_and_nothing_is_made() -> Result<()> {
    let kafka = KafkaServer::start(KafkaOptions::default()).await?;
    let (rules, topic) = (kafka.admin()?, unique("topic"));
    rules.create_topic(&topic, 3, &[]).await?;
    let connector = Connector::new(&topic);
    let before = inventory(&rules).await?;

    let (found, known) = connector.preflight(&instance(&kafka.bootstrap())).await?;

    // A broker without access rules tells that everything is allowed.
    found.only(&[Check::KafkaInternalTopicWrite, Check::KafkaErrorTopicWrite])?;
    let missing = found.of(Check::KafkaErrorTopicWrite)?;
    ensure!(missing.verdict == Verdict::Skipped, "what does not exist is skipped: {found:#?}");
    ensure!(found.of(Check::KafkaBroker)?.subject.ends_with(&kafka.bootstrap()), "{found:#?}");
    ensure!(found.of(Check::KafkaErrorTopic)?.detail.contains("would create it"), "{found:#?}");
    ensure!(known.cluster_id == Some(rules.cluster_id().await?), "{known:?}");
    let after = inventory(&rules).await?;
    ensure!(after == before, "something was left: {after:?} after {before:?}");
    Ok(())
}

#[tokio::test]
async fn each_right_that_is_missing_is_its_own_check_until_all_are_there() -> Result<()> {
    // given a user who may do nothing
    let options = KafkaOptions::default().asking("PLAIN", "app", "right").with_access_rules();
    let kafka = KafkaServer::start(options).await?;
    let (rules, topic) = (kafka.admin()?, unique("topic"));
    rules.create_topic(&topic, 1, &[]).await?;
    let connector = Connector::new(&topic);
    for (name, policy) in
        [(connector.error_topic(), "delete"), (connector.offset_topic(), "compact")]
    {
        let settings = [("cleanup.policy", policy), ("max.message.bytes", "2000000")];
        rules.create_topic(&name, 3, &settings).await?;
    }
    let mut app = instance(&kafka.second().to_string());
    app.security.sasl = Some(Sasl::Password {
        mechanism: PasswordMechanism::Plain,
        username: SecretSource::Plain("app".into()),
        password: SecretSource::Plain("right".into()),
    });
    let before = inventory(&rules).await?;
    let on_topic = |name: &str| Resource::Topic(name.to_owned());
    let topic_code = ErrorCode::KafkaTopicAuthorizationFailed;
    let group_code = ErrorCode::KafkaGroupAuthorizationFailed;

    let (found, _) = connector.preflight(&app).await?;
    found.is(Check::KafkaTopic, Verdict::Fail, topic_code, "DESCRIBE on topic")?;
    found.is(Check::KafkaGroupRead, Verdict::Fail, group_code, "READ on group")?;
    ensure!(found.of(Check::KafkaTopicRead)?.verdict == Verdict::Skipped, "{found:#?}");

    // when he may describe all, then what he may not do is told by name
    for name in [&topic, &connector.error_topic(), &connector.offset_topic()] {
        rules.allow("app", Operation::Describe, on_topic(name)).await?;
    }
    rules.allow("app", Operation::Describe, Resource::Group(connector.group())).await?;
    let found = eventually("the rights are there", LIMIT, async || {
        let (found, _) = connector.preflight(&app).await?;
        let described = [Check::KafkaTopic, Check::KafkaGroupOffsets];
        let there = described
            .into_iter()
            .all(|check| found.of(check).is_ok_and(|one| one.verdict == Verdict::Pass));
        Ok(there.then_some(found))
    })
    .await?;
    found.is(Check::KafkaTopicRead, Verdict::Fail, topic_code, "READ on topic")?;
    found.is(Check::KafkaTopicWrite, Verdict::Warn, topic_code, "WRITE on topic")?;
    let configs = Check::KafkaTopicDescribeConfigs;
    found.is(configs, Verdict::Warn, topic_code, "DESCRIBE_CONFIGS on topic")?;
    found.is(Check::KafkaErrorTopicWrite, Verdict::Fail, topic_code, "WRITE on topic")?;
    let internal = Check::KafkaInternalTopicWrite;
    found.is(internal, Verdict::Warn, topic_code, "READ on topic")?;
    found.is(Check::KafkaGroupRead, Verdict::Fail, group_code, "READ on group")?;

    // and with every right nothing is missing
    for (name, operations) in [
        (topic.clone(), vec![Operation::Read, Operation::Write, Operation::DescribeConfigs]),
        (connector.error_topic(), vec![Operation::Write, Operation::DescribeConfigs]),
        (
            connector.offset_topic(),
            vec![Operation::Read, Operation::Write, Operation::DescribeConfigs],
        ),
    ] {
        for operation in operations {
            rules.allow("app", operation, on_topic(&name)).await?;
        }
    }
    rules.allow("app", Operation::Read, Resource::Group(connector.group())).await?;
    rules.allow("app", Operation::DescribeConfigs, Resource::Cluster).await?;
    eventually("everything is allowed", LIMIT, async || {
        let (found, _) = connector.preflight(&app).await?;
        found.only(&[])?;
        Ok(Some(()))
    })
    .await?;
    let after = inventory(&rules).await?;
    ensure!(after == before, "something was left: {after:?} after {before:?}");
    Ok(())
}

#[tokio::test]
async fn a_topic_that_may_not_be_created_has_to_be_made_by_hand() -> Result<()> {
    let options = KafkaOptions::default().asking("PLAIN", "app", "right").with_access_rules();
    let kafka = KafkaServer::start(options).await?;
    let (rules, topic) = (kafka.admin()?, unique("topic"));
    rules.create_topic(&topic, 1, &[]).await?;
    for operation in [Operation::Describe, Operation::Read] {
        rules.allow("app", operation, Resource::Topic(topic.clone())).await?;
    }
    let connector = Connector::new(&topic);
    for name in [connector.error_topic(), connector.offset_topic()] {
        rules.allow("app", Operation::Describe, Resource::Topic(name)).await?;
    }
    let mut app = instance(&kafka.second().to_string());
    app.security.sasl = Some(Sasl::Password {
        mechanism: PasswordMechanism::Plain,
        username: SecretSource::Plain("app".into()),
        password: SecretSource::Plain("right".into()),
    });
    let found = eventually("the topics can be asked for", LIMIT, async || {
        let (found, _) = connector.preflight(&app).await?;
        let refused =
            found.of(Check::KafkaErrorTopic)?.code == Some(ErrorCode::KafkaResourceMissing);
        Ok(refused.then_some(found))
    })
    .await?;
    let missing = ErrorCode::KafkaResourceMissing;
    found.is(Check::KafkaErrorTopic, Verdict::Fail, missing, "with 2 partitions")?;
    found.is(Check::KafkaInternalTopic, Verdict::Fail, missing, "cleanup.policy=compact")?;
    ensure!(!rules.topics().await?.contains_key(&connector.error_topic()));
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_with_topics_and_the_group_is_told() -> Result<()> {
    let kafka = shared_kafka().await?;
    let (admin, topic) = (kafka.admin()?, unique("topic"));
    let mut connector = Connector::new(&topic);
    connector.creation = ResourceCreation::Manually;

    let (found, _) = connector.preflight(&instance(&kafka.bootstrap())).await?;
    found.is(Check::KafkaTopic, Verdict::Fail, ErrorCode::KafkaTopicNotFound, &topic)?;
    let missing = ErrorCode::KafkaResourceMissing;
    found.is(Check::KafkaErrorTopic, Verdict::Fail, missing, "with 2 partitions")?;

    admin.create_topic(&topic, 2, &[]).await?;
    let compacted = [("cleanup.policy", "compact")];
    admin.create_topic(&connector.error_topic(), 2, &compacted).await?;
    admin.create_topic(&connector.offset_topic(), 1, &[]).await?;
    let (bootstrap, group, to) = (kafka.bootstrap(), connector.group(), topic.clone());
    spawn_blocking(move || -> Result<()> {
        commit_bytes(&consumer(&bootstrap, &group)?, &to, 0, 0, b"u-1")
    })
    .await??;
    let (found, known) = connector.preflight(&instance(&kafka.bootstrap())).await?;
    let wrong = ErrorCode::KafkaTopicMisconfigured;
    found.is(Check::KafkaErrorTopic, Verdict::Fail, wrong, "is compacted")?;
    found.is(Check::KafkaInternalTopic, Verdict::Fail, wrong, "more than 1")?;
    let in_use = ErrorCode::KafkaGroupInUse;
    found.is(Check::KafkaGroupOffsets, Verdict::Warn, in_use, "uid u-1")?;
    ensure!(known.group_owners == BTreeSet::from(["u-1".to_owned()]), "{known:?}");
    Ok(())
}

#[tokio::test]
async fn a_broker_that_advertises_an_address_where_it_is_not_is_named() -> Result<()> {
    let [nobody, advertised] = port::free()?;
    let kafka =
        KafkaServer::start(KafkaOptions::default().advertising("PLAINTEXT", advertised)).await?;
    let connector = Connector::new("any");

    let at = instance(&kafka.second().to_string());
    let (found, _) = connector.preflight(&at).await?;
    // Nothing but bootstrap's own answers is to be had there.
    let wrong: Vec<_> = found.0.iter().filter(|one| one.verdict == Verdict::Fail).collect();
    let address = format!("127.0.0.1:{advertised}");
    ensure!(wrong.iter().any(|one| one.detail.contains(&address)), "{found:#?}");
    ensure!(
        wrong.iter().all(|one| one.code == Some(ErrorCode::KafkaBrokerUnreachable)),
        "{found:#?}"
    );

    let (found, _) = connector.preflight(&instance(&format!("127.0.0.1:{nobody}"))).await?;
    let refused = "Connection refused";
    found.is(Check::KafkaConnect, Verdict::Fail, ErrorCode::KafkaUnreachable, refused)?;
    let others = found.0.iter().filter(|one| one.check != Check::KafkaConnect);
    for other in others {
        ensure!(other.verdict == Verdict::Skipped, "{other:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_open_transaction_is_told_with_its_partition() -> Result<()> {
    let kafka = shared_kafka().await?;
    let topic = unique("topic");
    kafka.admin()?.create_topic(&topic, 1, &[]).await?;
    let connector = Connector::new(&topic);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .set("transactional.id", unique("transaction"))
        .create()?;
    let to = topic.clone();
    let producer = spawn_blocking(move || -> Result<BaseProducer> {
        producer.init_transactions(LIMIT)?;
        producer.begin_transaction()?;
        let record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&to).payload(b"open");
        producer.send(record).map_err(|(error, _)| error)?;
        producer.flush(LIMIT)?;
        Ok(producer)
    })
    .await??;

    let (found, _) = connector.preflight(&instance(&kafka.bootstrap())).await?;
    let open = ErrorCode::KafkaTransactionOpen;
    found.is(Check::KafkaTransactions, Verdict::Warn, open, "0 from offset 0 to 1")?;

    spawn_blocking(move || producer.commit_transaction(LIMIT)).await??;
    let (found, _) = connector.preflight(&instance(&kafka.bootstrap())).await?;
    ensure!(found.of(Check::KafkaTransactions)?.verdict == Verdict::Pass, "{found:#?}");
    Ok(())
}
