//! `deploy`, `pause`, `resume`, `delete`.

use std::time::Duration;

use kafka2oss_proto::v1;
use v1::ConnectorState;
use v1::watch_connectors_response::Event;

use crate::args::{DeleteArgs, DeployArgs, Preflight, TransitionArgs};
use crate::client::{Client, Failure, names, text};

pub(super) async fn deploy(client: &Client, args: DeployArgs) -> Result<(), Failure> {
    let DeployArgs { transition: args, preflight } = args;
    let name = names::connector(&args.name.name, args.name.instance.as_deref())?.to_string();
    let preflight = match preflight {
        None => v1::PreflightMode::Unspecified,
        Some(Preflight::Off) => v1::PreflightMode::Off,
        Some(Preflight::Warn) => v1::PreflightMode::Warn,
        Some(Preflight::Strict) => v1::PreflightMode::Strict,
    };
    let (request_id, preflight) = (args.repeat.id(), preflight.into());
    let message = v1::DeployConnectorRequest { name, request_id, preflight, ..Default::default() };
    let request = client.request(message);
    let connector = client.connectors().deploy_connector(request).await?.into_inner();
    finish(client, connector, args.wait, ConnectorState::Running).await
}

pub(super) async fn pause(client: &Client, args: TransitionArgs) -> Result<(), Failure> {
    let name = names::connector(&args.name.name, args.name.instance.as_deref())?.to_string();
    let request_id = args.repeat.id();
    let request =
        client.request(v1::PauseConnectorRequest { name, request_id, ..Default::default() });
    let connector = client.connectors().pause_connector(request).await?.into_inner();
    finish(client, connector, args.wait, ConnectorState::Paused).await
}

pub(super) async fn resume(client: &Client, args: TransitionArgs) -> Result<(), Failure> {
    let name = names::connector(&args.name.name, args.name.instance.as_deref())?.to_string();
    let request_id = args.repeat.id();
    let request =
        client.request(v1::ResumeConnectorRequest { name, request_id, ..Default::default() });
    let connector = client.connectors().resume_connector(request).await?.into_inner();
    finish(client, connector, args.wait, ConnectorState::Running).await
}

async fn finish(
    client: &Client,
    connector: v1::Connector,
    wait: bool,
    goal: ConnectorState,
) -> Result<(), Failure> {
    let connector = if wait {
        let generation = connector.generation;
        let reached = |status: &v1::ConnectorStatus| {
            status.state() == goal && status.observed_generation >= generation
        };
        match await_connector(client, &connector, reached).await? {
            Some(connector) => connector,
            None => return Err(Failure::Gone(names::short(&connector.name))),
        }
    } else {
        connector
    };
    if client.is_json() {
        return client.print_json(&connector);
    }
    let state = connector.status.as_ref().map_or(0, |status| status.state);
    let name = names::short(&connector.name);
    Ok(client.out.line(format_args!("{name} is {}", text::connector_state(state)))?)
}

pub(super) async fn delete(client: &Client, args: DeleteArgs) -> Result<(), Failure> {
    let name = names::connector(&args.name.name, args.name.instance.as_deref())?.to_string();
    let request = client.request(v1::DeleteConnectorRequest {
        name,
        etag: args.etag.unwrap_or_default(),
        delete_error_topics: args.how.delete_error_topics,
        orphan_resources: args.how.orphan_resources,
        request_id: args.repeat.id(),
        ..Default::default()
    });
    let connector = client.connectors().delete_connector(request).await?.into_inner();
    let gone = args.wait && await_gone(client, &connector).await?;
    if client.is_json() {
        return client.print_json(&connector);
    }
    let name = names::short(&connector.name);
    let text = if gone { "is deleted" } else { "is DELETING; its objects stay" };
    Ok(client.out.line(format_args!("{name} {text}"))?)
}

/// Waits until the connector is gone.
pub(in crate::client) async fn await_gone(
    client: &Client,
    connector: &v1::Connector,
) -> Result<bool, Failure> {
    Ok(await_connector(client, connector, |_| false).await?.is_none())
}

/// Follows the connector until `reached`; `None` when it is gone. Ends with
/// what stands in the way when the time is over.
pub(in crate::client) async fn await_connector(
    client: &Client,
    connector: &v1::Connector,
    reached: impl Fn(&v1::ConnectorStatus) -> bool,
) -> Result<Option<v1::Connector>, Failure> {
    let mut last = connector.clone();
    let follow = follow(client, &mut last, reached);
    match tokio::time::timeout(client.timeout, follow).await {
        Ok(result) => result,
        Err(_) => Err(Failure::TimedOut(still(&last, client.timeout))),
    }
}

async fn follow(
    client: &Client,
    last: &mut v1::Connector,
    reached: impl Fn(&v1::ConnectorStatus) -> bool,
) -> Result<Option<v1::Connector>, Failure> {
    let parent = last.name.split("/connectors/").next().unwrap_or_default().to_owned();
    // One of its uid: of others nothing has to be sent.
    let filter = format!("uid = {}", last.uid);
    let request = v1::WatchConnectorsRequest { parent, filter, ..Default::default() };
    let mut events = client.connectors().watch_connectors(request).await?.into_inner();
    let mut seen = false;
    while let Some(message) = events.message().await? {
        match message.event {
            Some(Event::Upsert(connector)) if connector.uid == last.uid => {
                seen = true;
                *last = connector;
                if last.status.as_ref().is_some_and(&reached) {
                    return Ok(Some(last.clone()));
                }
            }
            Some(Event::Deleted(deleted)) if deleted.uid == last.uid => return Ok(None),
            // It was gone before the stream began.
            Some(Event::Synced(())) if !seen => return Ok(None),
            Some(Event::Reset(())) => seen = false,
            _ => {}
        }
    }
    Err(Failure::Failed("the control plane ended the stream; ask again".to_owned()))
}

/// The state that was not left in time, and why.
fn still(connector: &v1::Connector, after: Duration) -> String {
    let status = connector.status.clone().unwrap_or_default();
    let mut text = format!(
        "{} is still {} after {after:?}",
        names::short(&connector.name),
        text::connector_state(status.state)
    );
    let unmet = status.conditions.iter().filter(|condition| {
        condition.status() != v1::ConditionStatus::True && !condition.message.is_empty()
    });
    for condition in unmet {
        text = format!("{text}\n  {}: {}", condition.reason, condition.message);
        if !condition.remedy.is_empty() {
            text = format!("{text}\n  remedy: {}", condition.remedy);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_says_what_stands_in_the_way() {
        let connector = v1::Connector {
            name: "instances/dev/connectors/a".to_owned(),
            status: Some(v1::ConnectorStatus {
                state: ConnectorState::Deploying.into(),
                conditions: vec![
                    v1::Condition {
                        status: v1::ConditionStatus::True.into(),
                        message: "fine".to_owned(),
                        ..Default::default()
                    },
                    v1::Condition {
                        status: v1::ConditionStatus::False.into(),
                        reason: "KAFKA_UNREACHABLE".to_owned(),
                        message: "no route".to_owned(),
                        remedy: "Check it.".to_owned(),
                        ..Default::default()
                    },
                ],
                ..Default::default()
            }),
            ..Default::default()
        };
        assert_eq!(
            still(&connector, Duration::from_secs(30)),
            "dev/a is still DEPLOYING after 30s\n  KAFKA_UNREACHABLE: no route\n  remedy: Check it."
        );
    }
}
