//! `list` and `get`.

use kafka2oss_proto::v1;

use crate::args::{ListFlags, NameArgs};
use crate::client::{Client, Failure, Selection, describe, names, paging, text};
use crate::output;

pub(super) async fn list(
    client: &Client,
    instance: Option<String>,
    states: &[String],
    flags: ListFlags,
) -> Result<(), Failure> {
    let parent = names::parent(instance.as_deref())?;
    let states = states.iter().map(|state| is_in(state)).collect::<Result<Vec<_>, _>>()?;
    let selection = Selection::new(flags, &states);
    let connectors = paging::all(async |page_token| {
        let request = client.request(v1::ListConnectorsRequest {
            parent: parent.clone(),
            page_size: paging::PAGE_SIZE,
            page_token,
            filter: selection.filter.clone(),
            order_by: selection.order_by.clone(),
            view: v1::ConnectorView::Basic.into(),
        });
        let page = client.connectors().list_connectors(request).await?.into_inner();
        Ok((page.connectors, page.next_page_token))
    })
    .await
    .map_err(|status| selection.failure(status))?;
    if client.print_names(connectors.iter().map(|connector| connector.name.as_str()))? {
        return Ok(());
    }
    if client.is_json() {
        return client.print_json(&v1::ListConnectorsResponse { connectors, ..Default::default() });
    }
    let mut table = output::table(&[
        "CONNECTOR",
        "STATE",
        "TOPIC",
        "BUCKET",
        "TASKS",
        "PARTITIONS",
        "LAG",
        "RECORDS",
        "OBJECTS",
        "AGE",
    ]);
    for connector in &connectors {
        table.add_row(row(connector));
    }
    Ok(client.out.table(&table)?)
}

fn row(connector: &v1::Connector) -> [String; 10] {
    let spec = connector.spec.as_ref();
    let topic = spec.and_then(|spec| spec.source.as_ref()).map(|source| source.topic.clone());
    let bucket = spec.and_then(|spec| spec.destination.as_ref()).map(|to| to.bucket.clone());
    let status = connector.status.clone().unwrap_or_default();
    let totals = status.totals.unwrap_or_default();
    [
        names::short(&connector.name),
        text::connector_state(status.state),
        text::optional(topic),
        text::optional(bucket),
        format!("{}/{}", status.tasks_ready, status.tasks_desired),
        status.partitions_assigned.to_string(),
        text::optional(status.total_lag.map(text::count)),
        text::count(totals.records),
        text::count(totals.objects),
        text::age(connector.create_time.as_ref()),
    ]
}

/// That a connector is in a state, which is given as tables show it, in any case.
fn is_in(given: &str) -> Result<String, Failure> {
    let name = given.to_ascii_uppercase().replace('-', "_");
    let name = name.trim_start_matches("CONNECTOR_STATE_");
    v1::ConnectorState::from_str_name(&format!("CONNECTOR_STATE_{name}"))
        .map(|_| format!("state = {name}"))
        .ok_or_else(|| Failure::Usage(format!("`{given}` is no state of a connector")))
}

pub(super) async fn get(client: &Client, args: NameArgs) -> Result<(), Failure> {
    let name = names::connector(&args.name, args.instance.as_deref())?.to_string();
    let request = client.request(v1::GetConnectorRequest { name });
    let mut connector = client.connectors().get_connector(request).await?.into_inner();
    // Which ones, and how they go on, is asked for apart. JSON is the one answer.
    if !client.is_json()
        && let Some(status) = &mut connector.status
        && status.partitions_stopped > 0
    {
        let name = connector.name.clone();
        let request = client.request(v1::GetConnectorProgressRequest { name });
        let progress = client.connectors().get_connector_progress(request).await?.into_inner();
        status.partitions = progress.partitions;
    }
    show(client, &connector)
}

/// Prints one connector.
pub(super) fn show(client: &Client, connector: &v1::Connector) -> Result<(), Failure> {
    if client.print_names(std::iter::once(connector.name.as_str()))? {
        return Ok(());
    }
    if client.is_json() {
        return client.print_json(connector);
    }
    let (properties, sections) = describe::connector(connector);
    client.out.table(&properties)?;
    for section in sections {
        client.out.line(format_args!("\n{}", section.title))?;
        client.out.table(&section.table)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_the_connector_at_a_glance() {
        let row = row(&v1::Connector {
            name: "instances/dev/connectors/orders".to_owned(),
            spec: Some(v1::ConnectorSpec {
                source: Some(v1::KafkaSource { topic: "t".to_owned(), ..Default::default() }),
                ..Default::default()
            }),
            status: Some(v1::ConnectorStatus {
                state: v1::ConnectorState::Running.into(),
                tasks_desired: 2,
                tasks_ready: 1,
                partitions_assigned: 6,
                total_lag: Some(1_234),
                totals: Some(v1::ConnectorTotals { records: 5, objects: 2, ..Default::default() }),
                ..Default::default()
            }),
            ..Default::default()
        });
        assert_eq!(row, ["dev/orders", "RUNNING", "t", "-", "1/2", "6", "1,234", "5", "2", "-"]);
    }

    #[test]
    fn a_state_is_given_as_tables_show_it() {
        for given in ["RUNNING", "running", "CONNECTOR_STATE_RUNNING"] {
            assert_eq!(is_in(given).expect(given), "state = RUNNING");
        }
        let expected = "state = CREDENTIALS_REQUIRED";
        assert_eq!(is_in("credentials-required").expect("a state"), expected);
        assert!(is_in("asleep").is_err());
    }
}
