//! One agent, and the connectors whose tasks it has.

use comfy_table::Table;
use kafka2oss_proto::v1;
use serde_json::{Value, json};

use super::{MOST_CONNECTORS, Part, part, section, to_json};
use crate::client::agents;
use crate::client::connectors::list_table;
use crate::client::describe::{self, Section};
use crate::client::selection::quoted;
use crate::client::{Client, Failure, json as messages};
use crate::output;

struct Seen {
    agent: v1::Agent,
    connectors: Part<v1::ListConnectorsResponse>,
}

pub(super) async fn run(client: &Client, name: String) -> Result<(), Failure> {
    let request = client.request(v1::GetAgentRequest { name: name.clone() });
    let agent = client.agents().get_agent(request).await?.into_inner();
    if client.print_names(std::iter::once(name.as_str()))? {
        return Ok(());
    }
    let request = client.request(v1::ListConnectorsRequest {
        parent: "instances/-".to_owned(),
        page_size: MOST_CONNECTORS,
        filter: format!("agent = {}", quoted(&name)),
        view: v1::ConnectorView::Basic.into(),
        ..Default::default()
    });
    let connectors = part(client.connectors().list_connectors(request).await);
    let seen = Seen { agent, connectors: connectors.map(tonic::Response::into_inner) };
    if client.is_json() {
        return client.print_value(&all(&seen));
    }
    let (properties, sections) = page(&seen);
    describe::print(client, &properties, &sections)
}

fn all(seen: &Seen) -> Value {
    json!({
        "agent": messages::encode(&seen.agent),
        "connectors": to_json(&seen.connectors, messages::encode),
    })
}

fn page(seen: &Seen) -> (Table, Vec<Section>) {
    let mut agent = seen.agent.clone();
    // They stand in the table below.
    agent.connectors.truncate(0);
    let mut rows = agents::properties(&agent);
    rows.retain(|(name, _)| *name != "Connectors");
    let title = match &seen.connectors {
        Ok(list) if list.total_size > MOST_CONNECTORS => {
            format!("Its connectors ({MOST_CONNECTORS} of {})", list.total_size)
        }
        _ => "Its connectors".to_owned(),
    };
    let table = |list: &v1::ListConnectorsResponse| list_table(&list.connectors, false);
    let sections = section(title, &seen.connectors, table);
    (output::properties(rows), sections.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_the_agent_and_its_connectors_up_to_a_number() {
        let connector = |id: i32| v1::Connector {
            name: format!("instances/prod/connectors/c{id}"),
            ..Default::default()
        };
        let seen = Seen {
            agent: v1::Agent {
                name: "agents/a".to_owned(),
                state: v1::AgentState::Connected.into(),
                tasks: 30,
                capacity: 64,
                connectors: vec!["instances/prod/connectors/c0".to_owned()],
                ..Default::default()
            },
            connectors: Ok(v1::ListConnectorsResponse {
                connectors: (0..20).map(connector).collect(),
                total_size: 30,
                ..Default::default()
            }),
        };
        let (properties, sections) = page(&seen);
        let text = super::super::text(&properties, &sections);
        assert!(
            text.starts_with(
                "\
Name:        agents/a
State:       CONNECTED
VPC:         -
vSwitch:     -
Region:      -
Tasks:       30 of at most 64
Partitions:  -
Version:     -
Features:    -
Connected:   -
Last seen:   -

Its connectors (20 of 30)
CONNECTOR  STATE        TOPIC  BUCKET  TASKS  PARTITIONS  LAG  RECORDS  OBJECTS  AGE
prod/c0    UNSPECIFIED  -      -       0/0    0           -    0        0        -
"
            ),
            "{text}"
        );
    }
}
