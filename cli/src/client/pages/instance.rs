//! One instance, which of its connectors want somebody, and the agents of its VPC.

use comfy_table::Table;
use kafka2oss_proto::v1;
use serde_json::{Value, json};

use super::{MOST_CONNECTORS, Part, part, section, to_json};
use crate::client::agents;
use crate::client::connectors::list_table;
use crate::client::describe::{self, Section};
use crate::client::instances;
use crate::client::selection::quoted;
use crate::client::{Client, Failure, json as messages, text};
use crate::output;

/// Those that do not do what they should.
const WANTING: &str = "state = FAILED OR state = CREDENTIALS_REQUIRED OR state = DEGRADED OR \
                       state = UNKNOWN";
const MOST_AGENTS: i32 = 20;

struct Seen {
    instance: v1::Instance,
    /// How many there are; itself without them.
    connectors: Part<v1::ListConnectorsResponse>,
    wanting: Part<v1::ListConnectorsResponse>,
    agents: Part<v1::ListAgentsResponse>,
}

pub(super) async fn run(client: &Client, name: String) -> Result<(), Failure> {
    let request = client.request(v1::GetInstanceRequest { name: name.clone() });
    let instance = client.instances().get_instance(request).await?.into_inner();
    if client.print_names(std::iter::once(name.as_str()))? {
        return Ok(());
    }
    let (connectors, wanting, agents) = tokio::join!(
        connectors(client, &name, "", 1),
        connectors(client, &name, WANTING, MOST_CONNECTORS),
        agents(client, &instance.vpc_id),
    );
    let seen = Seen { instance, connectors, wanting, agents };
    if client.is_json() {
        return client.print_value(&all(&seen));
    }
    let (properties, sections) = page(&seen);
    describe::print(client, &properties, &sections)
}

async fn connectors(
    client: &Client,
    parent: &str,
    filter: &str,
    page_size: i32,
) -> Part<v1::ListConnectorsResponse> {
    let request = client.request(v1::ListConnectorsRequest {
        parent: parent.to_owned(),
        page_size,
        filter: filter.to_owned(),
        view: v1::ConnectorView::Basic.into(),
        ..Default::default()
    });
    part(client.connectors().list_connectors(request).await).map(tonic::Response::into_inner)
}

async fn agents(client: &Client, vpc_id: &str) -> Part<v1::ListAgentsResponse> {
    let filter = match vpc_id {
        "" => "NOT vpc_id:*".to_owned(),
        id => format!("vpc_id = {}", quoted(id)),
    };
    let request = client.request(v1::ListAgentsRequest {
        page_size: MOST_AGENTS,
        filter,
        ..Default::default()
    });
    part(client.agents().list_agents(request).await).map(tonic::Response::into_inner)
}

fn all(seen: &Seen) -> Value {
    let count = |list: &v1::ListConnectorsResponse| json!(list.total_size);
    json!({
        "instance": messages::encode(&seen.instance),
        "connectorCount": to_json(&seen.connectors, count),
        "wanting": to_json(&seen.wanting, messages::encode),
        "agents": to_json(&seen.agents, messages::encode),
    })
}

fn page(seen: &Seen) -> (Table, Vec<Section>) {
    let mut rows = instances::properties(&seen.instance);
    rows.push((
        "Connectors there",
        match (&seen.connectors, &seen.wanting) {
            (Ok(all), Ok(wanting)) => {
                format!("{}, of which {} want somebody", all.total_size, wanting.total_size)
            }
            (Err(words), _) | (_, Err(words)) => format!("not known: {words}"),
        },
    ));
    let title = |what: &str, shown: usize, all: i32| match usize::try_from(all) {
        Ok(all) if all > shown => format!("{what} ({shown} of {all})"),
        _ => what.to_owned(),
    };
    let mut sections = Vec::new();
    if let Ok(list) = &seen.wanting {
        let title = title("Connectors that want somebody", list.connectors.len(), list.total_size);
        sections.extend(section(title, &seen.wanting, |list| list_table(&list.connectors, false)));
    }
    let heading = match &seen.agents {
        Ok(list) => title("Agents of its VPC", list.agents.len(), list.total_size),
        Err(_) => "Agents of its VPC".to_owned(),
    };
    let none = matches!(&seen.agents, Ok(list) if list.agents.is_empty());
    sections.extend(match none {
        true => Some(Section::lines(heading, vec!["none: its connectors do not run".to_owned()])),
        false => section(heading, &seen.agents, |list| agents::table(&list.agents, false)),
    });
    let id = text::or_none(seen.instance.name.trim_start_matches("instances/"));
    let more = vec![format!("kafka2oss get connectors --instance {id}")];
    sections.push(Section::lines("More".to_owned(), more));
    (output::properties(rows), sections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_counts_connectors_and_names_those_that_want_somebody() {
        let failed = v1::Connector {
            name: "instances/prod/connectors/a".to_owned(),
            status: Some(v1::ConnectorStatus {
                state: v1::ConnectorState::Failed.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let list = |connectors, total_size| {
            Ok(v1::ListConnectorsResponse { connectors, total_size, ..Default::default() })
        };
        let seen = Seen {
            instance: v1::Instance { name: "instances/prod".to_owned(), ..Default::default() },
            connectors: list(Vec::new(), 120),
            wanting: list(vec![failed], 3),
            agents: Ok(v1::ListAgentsResponse::default()),
        };
        let (properties, sections) = page(&seen);
        let text = super::super::text(&properties, &sections);
        assert!(text.contains("\nConnectors there:   120, of which 3 want somebody\n"), "{text}");
        assert!(
            text.ends_with(
                "
Connectors that want somebody (1 of 3)
CONNECTOR  STATE   TOPIC  BUCKET  TASKS  PARTITIONS  LAG  RECORDS  OBJECTS  AGE
prod/a     FAILED  -      -       0/0    0           -    0        0        -

Agents of its VPC
none: its connectors do not run

More
kafka2oss get connectors --instance prod
"
            ),
            "{text}"
        );
        assert_eq!(all(&seen)["connectorCount"], 120);
    }
}
