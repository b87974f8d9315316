//! `get` and `wait`: what people and scripts ask most.

use kafka2oss_proto::v1;

use super::{Client, Failure, connectors, names};
use crate::args::{
    AgentsArgs, AgentsCommand, ConnectorsArgs, ConnectorsCommand, GetArgs, InstancesArgs,
    InstancesCommand, NameArgs, ResourceKind, WaitArgs, WaitGoal,
};

/// The same as `list` or `get` of the kind.
pub(crate) async fn get(args: GetArgs) -> Result<(), Failure> {
    let GetArgs { options, kind, name, instance, list, watch } = args;
    if kind != ResourceKind::Connectors && instance.is_some() {
        return Err(Failure::Usage("--instance is about connectors".to_owned()));
    }
    match kind {
        ResourceKind::Instances if watch.watch => {
            Err(Failure::Usage("--watch is about connectors and agents".to_owned()))
        }
        ResourceKind::Instances => {
            let command = match name {
                Some(name) => InstancesCommand::Get { name },
                None => InstancesCommand::List { region: None, list },
            };
            super::run_instances(InstancesArgs { options, command }).await
        }
        ResourceKind::Connectors => {
            let command = match name {
                Some(name) => ConnectorsCommand::Get { name: NameArgs { name, instance }, watch },
                None => ConnectorsCommand::List { instance, states: Vec::new(), list, watch },
            };
            super::run_connectors(ConnectorsArgs { options, command }).await
        }
        ResourceKind::Agents => {
            let command = match name {
                Some(name) => AgentsCommand::Get { name, watch },
                None => AgentsCommand::List { list, watch },
            };
            super::run_agents(AgentsArgs { options, command }).await
        }
    }
}

/// Follows a connector by a watch until it is there.
pub(crate) async fn wait(args: WaitArgs) -> Result<(), Failure> {
    let WaitArgs { options, name, goal } = args;
    let name = names::connector(&name.name, name.instance.as_deref())?.to_string();
    let client = Client::connect(&options).await?;
    let request = client.request(v1::GetConnectorRequest { name: name.clone() });
    let connector = match (client.connectors().get_connector(request).await, goal) {
        (Ok(connector), _) => connector.into_inner(),
        (Err(status), WaitGoal::Gone) if status.code() == tonic::Code::NotFound => {
            return said(&client, &name, "gone");
        }
        (Err(status), _) => return Err(status.into()),
    };
    let is_reached = |status: &v1::ConnectorStatus| match goal {
        WaitGoal::State(state) => status.state() == state,
        WaitGoal::Gone => false,
    };
    match (connectors::await_connector(&client, &connector, is_reached).await?, goal) {
        (Some(connector), _) => {
            let state = connector.status.as_ref().map_or(0, |status| status.state);
            said(&client, &name, &super::text::connector_state(state))
        }
        (None, WaitGoal::Gone) => said(&client, &name, "gone"),
        (None, WaitGoal::State(_)) => Err(Failure::Gone(names::short(&name))),
    }
}

fn said(client: &Client, name: &str, state: &str) -> Result<(), Failure> {
    Ok(client.out.line(format_args!("{} is {state}", names::short(name)))?)
}
