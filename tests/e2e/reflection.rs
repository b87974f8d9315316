//! grpcurl knows nothing of kafka2oss: it works by reflection alone.

use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use kafka2oss_proto::v1;
use kafka2oss_tests::environment;
use kafka2oss_tests::process::run;
use serde_json::{Value, json};

use crate::connector::Connector;
use crate::deployment::{Deployment, LIMIT, Settings};
use crate::requests::instance;
use crate::world::{INSTANCE, register};

#[tokio::test(flavor = "multi_thread")]
async fn grpcurl_lists_the_services_and_their_methods() -> Result<()> {
    let deployment = Deployment::start(Settings { agents: 0, ..Settings::default() }).await?;

    let services = answer(&deployment, None, &["list"]).await?;
    let methods = answer(&deployment, None, &["list", "kafka2oss.v1.ConnectorService"]).await?;
    let message = answer(&deployment, None, &["describe", "kafka2oss.v1.KafkaSource"]).await?;
    let health = answer(&deployment, Some(&json!({})), &["grpc.health.v1.Health/Check"]).await?;

    for service in [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "kafka2oss.agent.v1.AgentControlService",
        "kafka2oss.v1.AgentService",
        "kafka2oss.v1.ConnectorService",
        "kafka2oss.v1.InstanceService",
        "kafka2oss.v1.ServerService",
    ] {
        assert!(services.lines().any(|line| line == service), "{service}: {services}");
    }
    let create = "kafka2oss.v1.ConnectorService.CreateConnector";
    assert!(methods.lines().any(|line| line == create), "{methods}");
    assert!(message.contains("thread_concurrency"), "{message}");
    assert!(health.contains("SERVING"), "{health}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn grpcurl_creates_a_connector_from_json() -> Result<()> {
    let deployment = Deployment::start(Settings { agents: 0, ..Settings::default() }).await?;
    let request = json!({
        "instance_id": "alikafka_e2e",
        "instance": {
            "region_id": "cn-hangzhou",
            "bootstrap_servers": ["127.0.0.1:1"],
            "vpc_id": "vpc-1",
            "vswitch_id": "vsw-1",
        },
    });
    let method = ["kafka2oss.v1.InstanceService/CreateInstance"];
    answer(&deployment, Some(&request), &method).await?;
    let request = json!({
        "parent": INSTANCE,
        "connector_id": "kafka-oss-sink",
        "connector": {
            "labels": {"team": "data"},
            "spec": {
                "source": {
                    "topic": "oss-test-input",
                    "consumer_offset": "CONSUMER_OFFSET_EARLIEST",
                    "thread_concurrency": 12,
                },
                "destination": {
                    "bucket": "bucket-test",
                    "credentials": {
                        "access_key": {
                            "id": {"plain": "an-id"},
                            "secret": {"plain": "a-secret"},
                        },
                    },
                },
                "output": {"rotation": {"max_age": "30s", "idle": "0.500s"}},
            },
        },
    });

    let method = ["kafka2oss.v1.ConnectorService/CreateConnector"];
    let created = answer(&deployment, Some(&request), &method).await?;

    let created: Value = serde_json::from_str(&created)?;
    assert_eq!(created["name"], "instances/alikafka_e2e/connectors/kafka-oss-sink");
    let spec = &created["effectiveSpec"];
    assert_eq!(spec["source"]["threadConcurrency"], 12);
    assert_eq!(spec["destination"]["endpoint"], "https://s3.oss-cn-hangzhou-internal.aliyuncs.com");
    assert_eq!(
        spec["destination"]["credentials"]["accessKey"]["secret"],
        json!({"withheld": true})
    );
    assert_eq!(spec["output"]["rotation"]["idle"], "0.500s");
    let name = format!("{INSTANCE}/connectors/kafka-oss-sink");
    let stored = Connector::new(deployment.channel(), &name).get().await?;
    assert_eq!(stored.labels["team"], "data");
    let source = stored.spec.context("a spec")?.source.context("a source")?;
    assert_eq!(source.consumer_offset(), v1::ConsumerOffset::Earliest);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn grpcurl_prints_every_violation_of_a_bad_request() -> Result<()> {
    let deployment = Deployment::start(Settings { agents: 0, ..Settings::default() }).await?;
    register(&deployment, INSTANCE, instance()).await?;
    let request = json!({
        "parent": INSTANCE,
        "connector_id": "kafka-oss-sink",
        "connector": {
            "spec": {
                "source": {"topic": "oss-test-input", "thread_concurrency": 7},
                "destination": {
                    "bucket": "bucket_test",
                    "endpoint": "https://oss-cn-hangzhou.aliyuncs.com",
                },
            },
        },
    });

    let method = ["kafka2oss.v1.ConnectorService/CreateConnector"];
    let output = grpcurl(&deployment, Some(&request), &method).await?;

    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    for expected in [
        "InvalidArgument",
        "google.rpc.BadRequest",
        "google.rpc.ErrorInfo",
        "REQUEST_INVALID",
        "connector.spec.source.thread_concurrency",
        "SPEC_CONCURRENCY_NOT_ALLOWED",
        "connector.spec.destination.bucket",
        "SPEC_BUCKET_NAME_ILLEGAL",
        "connector.spec.destination.endpoint",
        // The corrected URL.
        "https://s3.oss-cn-hangzhou.aliyuncs.com",
        "connector.spec.destination.credentials",
    ] {
        assert!(text.contains(expected), "{expected} is not in:\n{text}");
    }
    Ok(())
}

/// The output of a call that succeeds.
async fn answer(
    deployment: &Deployment,
    request: Option<&Value>,
    arguments: &[&str],
) -> Result<String> {
    let output = grpcurl(deployment, request, arguments).await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

async fn grpcurl(
    deployment: &Deployment,
    request: Option<&Value>,
    arguments: &[&str],
) -> Result<Output> {
    let mut command = Command::new(environment::grpcurl()?);
    command.arg("-plaintext");
    if let Some(request) = request {
        command.arg("-d").arg(request.to_string());
    }
    command.arg(deployment.address()).args(arguments);
    run(command, LIMIT).await
}
