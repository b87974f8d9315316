//! `list` and `get`.

use comfy_table::Table;
use kafka2oss_proto::v1;

use crate::args::{ListFlags, NameArgs};
use crate::client::{Client, Failure, Selection, describe, names, paging, text};
use crate::output;

use super::watch;

pub(super) async fn list(
    client: &Client,
    instance: Option<String>,
    states: &[String],
    flags: ListFlags,
    is_watched: bool,
) -> Result<(), Failure> {
    let parent = names::parent(instance.as_deref())?;
    let states = states.iter().map(|state| is_in(state)).collect::<Result<Vec<_>, _>>()?;
    let selection = Selection::new(flags, &states);
    if is_watched {
        selection.has_no_order()?;
        return watch::all(client, parent, &selection).await;
    }
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
    Ok(client.out.table(&table(&connectors, client.is_wide()))?)
}

const COLUMNS: [&str; 10] = [
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
];

/// What a wide table has behind the other columns.
const MORE: [&str; 11] = [
    "DESIRED",
    "SINCE",
    "STOPPED",
    "BYTES",
    "RECORDS/S",
    "OLDEST UNWRITTEN",
    "DEAD LETTERS",
    "DELIVERY",
    "LAST REPORT",
    "UID",
    "LABELS",
];

/// One row for each connector.
pub(in crate::client) fn table<'a>(
    connectors: impl IntoIterator<Item = &'a v1::Connector>,
    is_wide: bool,
) -> Table {
    let more: &[&str] = if is_wide { &MORE } else { &[] };
    let mut table = output::table(&[&COLUMNS, more].concat());
    for connector in connectors {
        let mut row = row(connector).to_vec();
        if is_wide {
            row.extend(more_of(connector));
        }
        table.add_row(row);
    }
    table
}

fn row(connector: &v1::Connector) -> [String; COLUMNS.len()] {
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

fn more_of(connector: &v1::Connector) -> [String; MORE.len()] {
    let status = connector.status.clone().unwrap_or_default();
    let totals = status.totals.unwrap_or_default();
    [
        text::desired_state(connector.desired_state),
        text::age(status.state_time.as_ref()),
        status.partitions_stopped.to_string(),
        text::bytes(totals.bytes),
        text::optional(status.records_per_second.map(text::a_second)),
        text::age(status.oldest_unwritten_time.as_ref()),
        text::count(totals.dead_letters),
        match status.delivery_guarantee() {
            v1::DeliveryGuarantee::Unspecified => text::NONE.to_owned(),
            _ => text::delivery_guarantee(status.delivery_guarantee),
        },
        text::age(status.last_report_time.as_ref()),
        connector.uid.clone(),
        text::labels(&connector.labels),
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

pub(super) async fn get(client: &Client, args: NameArgs, is_watched: bool) -> Result<(), Failure> {
    let name = names::connector(&args.name, args.instance.as_deref())?;
    if is_watched {
        let selection = Selection::new(ListFlags::default(), &[format!("id = {}", name.id())]);
        return watch::all(client, name.instance().to_string(), &selection).await;
    }
    let name = name.to_string();
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
    describe::print(client, &properties, &sections)
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
    fn a_wide_table_has_more_columns_behind_the_others() {
        let connector = v1::Connector {
            name: "instances/dev/connectors/a".to_owned(),
            uid: "U".to_owned(),
            labels: [("team".to_owned(), "blue".to_owned())].into(),
            desired_state: v1::DesiredState::Paused.into(),
            status: Some(v1::ConnectorStatus {
                state: v1::ConnectorState::Pausing.into(),
                partitions_stopped: 2,
                records_per_second: Some(7.5),
                totals: Some(v1::ConnectorTotals {
                    bytes: 1_536,
                    dead_letters: 3,
                    ..Default::default()
                }),
                ..Default::default()
            }),
            ..Default::default()
        };
        let lines: Vec<_> = table([&connector], true).lines().collect();
        assert!(lines[0].contains(
            "  AGE  DESIRED  SINCE  STOPPED  BYTES    RECORDS/S  OLDEST UNWRITTEN  DEAD LETTERS  DELIVERY  "
        ));
        assert!(lines[1].contains(
            "  -    PAUSED   -      2        1.5 KiB  7.5        -                 3             -         "
        ));
        assert!(lines[1].trim_end().ends_with("U    team=blue"), "{}", lines[1]);
        assert_eq!(
            table([&connector], false).lines().next().map(|line| line.contains("UID")),
            Some(false)
        );
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
