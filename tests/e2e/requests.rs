//! Requests that cannot be carried out are answered at once, with the right
//! gRPC code and the reason in ErrorInfo.

use std::time::Duration;

use anyhow::Result;
use kafka2oss_proto::v1;
use kafka2oss_tests::name::unique;
use tokio::time::timeout;
use tonic::{Code, Response, Status};
use tonic_types::StatusExt;

use crate::connector::Connector;
use crate::deployment::{Deployment, Settings};
use crate::rules::given;
use crate::spec::Parts;
use crate::world::{INSTANCE, register};

/// "At once", on a machine that is busy with other tests.
const AT_ONCE: Duration = Duration::from_secs(5);

/// What a refusal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    /// Of its ErrorInfo.
    pub(crate) reason: String,
    pub(crate) message: String,
    /// Field and reason of each violation.
    pub(crate) violations: Vec<(String, String)>,
}

impl Refusal {
    pub(crate) fn of(status: &Status) -> Self {
        let details = status.get_error_details();
        let violations = details.bad_request().map(|bad| &bad.field_violations[..]);
        let violations = violations.unwrap_or_default().iter();
        Self {
            code: status.code(),
            reason: details.error_info().map(|info| info.reason.clone()).unwrap_or_default(),
            message: status.message().to_owned(),
            violations: violations.map(|v| (v.field.clone(), v.reason.clone())).collect(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_duplicate_names_are_refused() -> Result<()> {
    let deployment = Deployment::start(Settings { agents: 0, ..Settings::default() }).await?;
    register(&deployment, INSTANCE, instance()).await?;
    let connector = create(&deployment, INSTANCE, "taken").await?.into_inner();
    let (mut instances, mut connectors) = (deployment.instances(), deployment.connectors());

    let unknown_instance = create(&deployment, "instances/unknown", "new");
    refused(unknown_instance, Code::NotFound, "RESOURCE_NOT_FOUND").await;
    let duplicate = create(&deployment, INSTANCE, "taken");
    refused(duplicate, Code::AlreadyExists, "RESOURCE_EXISTS").await;
    let request = v1::CreateInstanceRequest {
        instance_id: INSTANCE.trim_start_matches("instances/").into(),
        instance: Some(instance()),
        validate_only: false,
        ..Default::default()
    };
    let duplicate = instances.create_instance(request);
    refused(duplicate, Code::AlreadyExists, "RESOURCE_EXISTS").await;
    let name = format!("{INSTANCE}/connectors/unknown");
    let request = v1::GetConnectorRequest { name: name.clone() };
    let unknown = connectors.get_connector(request);
    refused(unknown, Code::NotFound, "RESOURCE_NOT_FOUND").await;
    let unknown =
        connectors.deploy_connector(v1::DeployConnectorRequest { name, ..Default::default() });
    refused(unknown, Code::NotFound, "RESOURCE_NOT_FOUND").await;
    let request = v1::GetConnectorRequest { name: "connectors/no-name".into() };
    let no_name = connectors.get_connector(request);
    refused(no_name, Code::InvalidArgument, "SPEC_FIELD_INVALID").await;
    let request = v1::DeleteInstanceRequest { name: INSTANCE.into(), ..Default::default() };
    let in_use = instances.delete_instance(request);
    refused(in_use, Code::FailedPrecondition, "INSTANCE_HAS_CONNECTORS").await;
    let request = v1::DeleteConnectorRequest {
        name: connector.name,
        etag: "another".into(),
        ..Default::default()
    };
    let changed = connectors.delete_connector(request);
    refused(changed, Code::Aborted, "ETAG_MISMATCH").await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_the_state_does_not_allow_is_refused_and_changes_nothing() -> Result<()> {
    let deployment = Deployment::start(Settings { agents: 0, ..Settings::default() }).await?;
    register(&deployment, INSTANCE, instance()).await?;
    let created = create(&deployment, INSTANCE, "sink").await?.into_inner();
    let connector = Connector::new(deployment.channel(), &created.name);
    let mut client = connector.client();
    let name = created.name.clone();

    let request = v1::PauseConnectorRequest { name: name.clone(), ..Default::default() };
    refused(client.pause_connector(request), Code::FailedPrecondition, "WRONG_STATE").await;
    let request = v1::ResumeConnectorRequest { name: name.clone(), ..Default::default() };
    refused(client.resume_connector(request), Code::FailedPrecondition, "WRONG_STATE").await;
    let request = v1::SendTestMessageRequest { name: name.clone(), ..Default::default() };
    let message = client.send_test_message(request.clone());
    refused(message, Code::FailedPrecondition, "WRONG_STATE").await;
    let unchanged = connector.get().await?;
    assert_eq!((&unchanged.etag, unchanged.generation), (&created.etag, created.generation));

    // Deployed, without an agent that could read the start.
    connector.deploy().await?;
    connector.deploy().await?;
    let message = client.send_test_message(request);
    refused(message, Code::FailedPrecondition, "START_NOT_FIXED").await;
    connector.pause().await?;
    let request = v1::DeployConnectorRequest { name, ..Default::default() };
    refused(client.deploy_connector(request), Code::FailedPrecondition, "WRONG_STATE").await;

    // Nothing was made for it, so that no agent is needed to delete it.
    connector.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_deploy_fields_that_cannot_be_changed_are_refused_by_their_paths() -> Result<()> {
    let deployment = Deployment::start(Settings { agents: 0, ..Settings::default() }).await?;
    register(&deployment, INSTANCE, instance()).await?;
    let created = create(&deployment, INSTANCE, "sink").await?.into_inner();
    let deploy = v1::DeployConnectorRequest { name: created.name.clone(), ..Default::default() };
    deployment.connectors().deploy_connector(deploy).await?;
    let mut changed = created.spec.unwrap();
    changed.destination.as_mut().unwrap().bucket = "another".into();
    changed.source.as_mut().unwrap().topic = "another".into();
    let request = v1::UpdateConnectorRequest {
        connector: Some(v1::Connector {
            name: created.name,
            spec: Some(changed),
            ..Default::default()
        }),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["spec.destination.bucket".into(), "spec.source.topic".into()],
        }),
        ..Default::default()
    };

    let status = deployment.connectors().update_connector(request).await.unwrap_err();

    let refusal = Refusal::of(&status);
    assert_eq!((refusal.code, &refusal.reason[..]), (Code::InvalidArgument, "FIELD_NOT_UPDATABLE"));
    assert!(refusal.message.contains("spec.destination.bucket"), "{}", refusal.message);
    assert!(refusal.message.contains("spec.source.topic"), "{}", refusal.message);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_id_makes_one_connector_and_stands_for_one_request() -> Result<()> {
    let deployment = Deployment::start(Settings { agents: 0, ..Settings::default() }).await?;
    register(&deployment, INSTANCE, instance()).await?;
    let request = v1::CreateConnectorRequest {
        parent: INSTANCE.into(),
        connector_id: "sink".into(),
        connector: Some(v1::Connector { spec: Some(given()), ..Default::default() }),
        validate_only: false,
        request_id: unique("request"),
    };
    let mut connectors = deployment.connectors();

    let first = connectors.create_connector(request.clone()).await?.into_inner();
    let second = connectors.create_connector(request.clone()).await?.into_inner();
    assert_eq!(first.uid, second.uid);

    let mut other = request;
    let spec = &mut other.connector.get_or_insert_default().spec;
    spec.get_or_insert_default().source().topic = "another".into();
    let reused = connectors.create_connector(other);
    refused(reused, Code::AlreadyExists, "REQUEST_ID_REUSED").await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_with_connectors_disabled_takes_none() -> Result<()> {
    let deployment = Deployment::start(Settings { agents: 0, ..Settings::default() }).await?;
    let closed = v1::Instance { connectors_disabled: true, ..instance() };
    register(&deployment, INSTANCE, closed).await?;

    let create = create(&deployment, INSTANCE, "sink");

    refused(create, Code::FailedPrecondition, "INSTANCE_CONNECTORS_DISABLED").await;
    Ok(())
}

pub(crate) async fn create(
    deployment: &Deployment,
    parent: &str,
    id: &str,
) -> Result<Response<v1::Connector>, Status> {
    let request = v1::CreateConnectorRequest {
        parent: parent.into(),
        connector_id: id.into(),
        connector: Some(v1::Connector { spec: Some(given()), ..Default::default() }),
        ..Default::default()
    };
    deployment.connectors().create_connector(request).await
}

/// Fails unless the request is refused so, at once, with what helps.
fn refused<T: std::fmt::Debug>(
    answer: impl Future<Output = Result<Response<T>, Status>>,
    code: Code,
    reason: &str,
) -> impl Future<Output = ()> {
    // Boxed, since a call's future is large.
    let answer = Box::pin(answer);
    async move {
        let answer = timeout(AT_ONCE, answer).await.expect("it is answered at once");
        let status = answer.expect_err("it is refused");
        let refusal = Refusal::of(&status);
        assert_eq!((refusal.code, &refusal.reason[..]), (code, reason), "{refusal:?}");
        let details = status.get_error_details();
        let info = details.error_info().expect("an ErrorInfo");
        assert!(!refusal.message.is_empty() && info.metadata.contains_key("remedy"), "{info:?}");
    }
}

/// An instance that no test connects to.
pub(crate) fn instance() -> v1::Instance {
    v1::Instance {
        region_id: "cn-hangzhou".into(),
        bootstrap_servers: vec!["127.0.0.1:1".into()],
        vpc_id: "vpc-1".into(),
        vswitch_id: "vsw-1".into(),
        ..Default::default()
    }
}
