//! Each cause for which brokers cannot be used: its code, the words that name it, and a
//! remedy that fits.

use std::time::Duration;

use anyhow::{Result, ensure};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::{Instance, PasswordMechanism, Sasl, SecretSource};
use kafka2oss_kafka::{BrokerAdmin, KafkaAdmin, TestMessage};
use kafka2oss_tests::access_rules::{Operation, Resource};
use kafka2oss_tests::certificate::Authority;
use kafka2oss_tests::kafka::{KafkaOptions, KafkaServer};
use kafka2oss_tests::name::unique;
use kafka2oss_tests::oss::OssServer;
use kafka2oss_tests::port;
use kafka2oss_tests::wait::eventually;

use crate::support::{instance, topic_plan, write_test_message};

/// What one who looks at the cluster for the first time is told.
async fn refused(instance: &Instance) -> Result<Problem> {
    match BrokerAdmin::connect(instance).await {
        Ok(admin) => Ok(admin.describe_topic("t").await.unwrap_err()),
        Err(problem) => Ok(problem),
    }
}

fn expect(problem: &Problem, code: ErrorCode, words: &[&str], remedy: &str) -> Result<()> {
    ensure!(problem.code == code, "{problem}, and not {code}");
    for words in words {
        ensure!(problem.message.contains(words), "`{words}` is not in: {problem}");
    }
    ensure!(code.remedy().contains(remedy), "`{remedy}` is not in: {}", code.remedy());
    Ok(())
}

fn by_password(address: &str, user: &str) -> Instance {
    let mut instance = instance(address);
    instance.security.sasl = Some(Sasl::Password {
        mechanism: PasswordMechanism::Plain,
        username: SecretSource::Plain(user.into()),
        password: SecretSource::Plain("right".into()),
    });
    instance
}

fn by_tls(address: &str, trusted: &Authority) -> Instance {
    let mut instance = instance(address);
    instance.security.tls = true;
    instance.security.ca_certificate = Some(SecretSource::Plain(trusted.certificate().into()));
    instance
}

#[tokio::test]
async fn an_address_where_no_broker_is_reached_is_named_with_who_gave_it() -> Result<()> {
    let [nobody, advertised] = port::free()?;
    let kafka =
        KafkaServer::start(KafkaOptions::default().advertising("PLAINTEXT", advertised)).await?;
    let (nobody, second) = (format!("127.0.0.1:{nobody}"), kafka.second().to_string());
    let advertised = format!("127.0.0.1:{advertised}");

    let (none, unknown, elsewhere) =
        (instance(&nobody), instance("no-such-host.invalid:9092"), instance(&second));
    let (none, unknown, elsewhere) =
        tokio::try_join!(refused(&none), refused(&unknown), refused(&elsewhere))?;

    let bootstrap = format!("bootstrap server `{nobody}`");
    let unreachable = ErrorCode::KafkaUnreachable;
    expect(&none, unreachable, &[&bootstrap, "Connection refused"], "bootstrap_servers")?;
    expect(&unknown, unreachable, &["no-such-host.invalid", "name"], "bootstrap_servers")?;
    let given = format!("broker 1 at `{advertised}`, an address that the brokers gave");
    let code = ErrorCode::KafkaBrokerUnreachable;
    expect(&elsewhere, code, &[&given, "Connection refused"], "advertised.listeners")
}

#[tokio::test]
async fn a_listener_of_another_protocol_is_told_from_one_that_is_not_there() -> Result<()> {
    // given a listener by TLS, one without, and what is no broker at all
    let authority = Authority::new()?;
    let options = KafkaOptions::default();
    let options = options.asking_by_tls("PLAIN", "app", "right", &authority.identity()?);
    let kafka = KafkaServer::start(options).await?;
    let (plain, tls) = (kafka.bootstrap(), kafka.second().to_string());
    let server = OssServer::start().await?;
    let store = server.endpoint().trim_start_matches("http://").trim_end_matches('/').to_owned();

    let mut at_http = instance(&store);
    at_http.bootstrap_servers = vec![store.replace("localhost", "127.0.0.1")];
    let (without, with, password, http) =
        (instance(&tls), by_tls(&plain, &authority), by_password(&plain, "app"), at_http);
    let (without, with, password, http) =
        tokio::try_join!(refused(&without), refused(&with), refused(&password), refused(&http))?;

    // A broker that closes the connection may as well be stopping: both are named.
    let code = ErrorCode::KafkaUnreachable;
    expect(&without, code, &[&tls, "speaks TLS"], "security protocol")?;
    expect(&with, code, &[&plain, "does not speak TLS"], "security protocol")?;
    let code = ErrorCode::KafkaSecurityMismatch;
    expect(&password, code, &[&plain, "asks for no user"], "security protocol")?;
    expect(&http, code, &["HTTP"], "security protocol")
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_told_from_a_wrong_password() -> Result<()> {
    let authority = Authority::new()?;
    let options = KafkaOptions::default();
    let options = options.asking_by_tls("PLAIN", "app", "right", &authority.identity()?);
    let kafka = KafkaServer::start(options).await?;
    let address = kafka.second().to_string();

    let stranger = by_tls(&address, &Authority::new()?);
    let mut wrong = by_tls(&address, &authority);
    wrong.security.sasl = by_password(&address, "nobody").security.sasl;
    let mut mechanism = wrong.clone();
    let Some(Sasl::Password { mechanism: other, .. }) = &mut mechanism.security.sasl else {
        unreachable!()
    };
    *other = PasswordMechanism::ScramSha256;
    let (stranger, wrong, mechanism) =
        tokio::try_join!(refused(&stranger), refused(&wrong), refused(&mechanism))?;

    expect(&stranger, ErrorCode::KafkaTlsFailed, &[&address, "not trusted"], "CA")?;
    let code = ErrorCode::KafkaAuthenticationFailed;
    expect(&wrong, code, &["Invalid username or password"], "password")?;
    expect(&mechanism, code, &["PLAIN"], "SASL mechanism")
}

#[tokio::test]
async fn each_right_that_is_missing_is_named_until_all_are_there() -> Result<()> {
    // given a user who may do nothing
    let options = KafkaOptions::default().asking("PLAIN", "app", "right").with_access_rules();
    let kafka = KafkaServer::start(options).await?;
    let (rules, topic, group) = (kafka.admin()?, unique("topic"), unique("group"));
    rules.create_topic(&topic, 1, &[]).await?;
    let app = by_password(&kafka.second().to_string(), "app");
    let admin = BrokerAdmin::connect(&app).await?;
    let message = TestMessage { partition: Some(0), ..TestMessage::default() };
    let may = async |operation, resource: &Resource| {
        rules.allow("app", operation, resource.clone()).await
    };
    let (on_topic, on_group) = (Resource::Topic(topic.clone()), Resource::Group(group.clone()));
    let topic_code = ErrorCode::KafkaTopicAuthorizationFailed;
    let group_code = ErrorCode::KafkaGroupAuthorizationFailed;
    let names = |operation: &str, kind: &str, name: &str| format!("{operation} on {kind} `{name}`");
    // What is allowed reaches the broker a moment after the controller.
    let limit = Duration::from_secs(20);

    // when it asks, then it is told the right that it lacks; and with that it gets on
    let lacks = admin.describe_topic(&topic).await.unwrap_err();
    expect(&lacks, topic_code, &[&names("DESCRIBE", "topic", &topic)], "operation")?;
    may(Operation::Describe, &on_topic).await?;
    eventually("the topic is described", limit, async || {
        Ok(admin.describe_topic(&topic).await.ok().flatten())
    })
    .await?;

    let lacks = write_test_message(&app, &topic, &message).await.unwrap_err();
    ensure!(!lacks.may_stand, "the brokers have refused it: {lacks}");
    expect(&lacks.problem, topic_code, &[&names("WRITE", "topic", &topic)], "operation")?;
    may(Operation::Write, &on_topic).await?;
    eventually("a record is written", limit, async || {
        Ok(write_test_message(&app, &topic, &message).await.ok())
    })
    .await?;

    let lacks = admin.committed(&group, &topic, &[0]).await.unwrap_err();
    expect(&lacks, group_code, &[&names("DESCRIBE", "group", &group)], "operation")?;
    may(Operation::Describe, &on_group).await?;
    eventually("the group's offsets are read", limit, async || {
        Ok(admin.committed(&group, &topic, &[0]).await.ok())
    })
    .await?;

    let lacks = admin.delete_group(&group).await.unwrap_err();
    expect(&lacks, group_code, &[&names("DELETE", "group", &group)], "operation")?;
    let lacks = admin.delete_topic(&topic).await.unwrap_err();
    expect(&lacks, topic_code, &[&names("DELETE", "topic", &topic)], "operation")?;
    let other = unique("topic");
    let creation = admin.create_topic(&topic_plan(&other, 1)).await.unwrap();
    ensure!(matches!(creation, kafka2oss_kafka::Creation::Refused(_)), "{creation:?}");
    Ok(())
}
