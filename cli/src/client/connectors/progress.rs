//! `progress`.

use comfy_table::Table;
use kafka2oss_proto::v1;

use crate::args::NameArgs;
use crate::client::{Client, Failure, names, text};
use crate::output;

pub(super) async fn run(client: &Client, args: NameArgs) -> Result<(), Failure> {
    let name = names::connector(&args.name, args.instance.as_deref())?.to_string();
    let request = client.request(v1::GetConnectorProgressRequest { name });
    let progress = client.connectors().get_connector_progress(request).await?.into_inner();
    if client.is_json() {
        return client.print_json(&progress);
    }
    client.out.table(&table(&progress.partitions, client.is_wide()))?;
    Ok(client.out.line(format_args!("\nTotal lag: {}", text::count(progress.total_lag)))?)
}

const COLUMNS: [&str; 10] = [
    "PARTITION",
    "STATE",
    "SINCE",
    "OWNER",
    "END",
    "COMMITTED",
    "LAG",
    "LAST CONSUMED",
    "LAST OBJECT",
    "ERROR",
];

/// One row for each partition.
pub(in crate::client) fn table<'a>(
    partitions: impl IntoIterator<Item = &'a v1::PartitionProgress>,
    is_wide: bool,
) -> Table {
    // What a wide table has behind the other columns.
    let more: &[&str] = if is_wide { &["POSITION", "OBSERVED", "SETTLED"] } else { &[] };
    let mut table = output::table(&[&COLUMNS, more].concat());
    for partition in partitions {
        let owner = match partition.agent.trim_start_matches("agents/") {
            "" => text::NONE.to_owned(),
            agent => format!("{agent}/{}", partition.task_index),
        };
        let error = [partition.error_code.as_str(), partition.error_message.as_str()];
        let error: Vec<_> = error.into_iter().filter(|part| !part.is_empty()).collect();
        let mut row = vec![
            partition.partition.to_string(),
            text::partition_state(partition.state),
            text::age(partition.state_time.as_ref()),
            owner,
            text::optional(partition.end_offset),
            text::optional(partition.committed_offset),
            text::optional(partition.lag.map(text::count)),
            text::age(partition.last_consumed_time.as_ref()),
            text::or_none(&partition.last_object),
            text::or_none(&error.join(": ")),
        ];
        if is_wide {
            row.extend([
                text::optional(partition.position),
                text::age(partition.observed_time.as_ref()),
                if partition.unsettled { "no" } else { "yes" }.to_owned(),
            ]);
        }
        table.add_row(row);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_of_a_partition_is_a_dash() {
        let progress = v1::ConnectorProgress {
            partitions: vec![
                v1::PartitionProgress {
                    partition: 0,
                    agent: "agents/dev".to_owned(),
                    task_index: 1,
                    end_offset: Some(1_000),
                    committed_offset: Some(900),
                    lag: Some(100),
                    last_object: "t/0/t+0+0.json".to_owned(),
                    state: v1::PartitionState::Running.into(),
                    ..Default::default()
                },
                v1::PartitionProgress {
                    partition: 1,
                    state: v1::PartitionState::Unowned.into(),
                    ..Default::default()
                },
            ],
            total_lag: 100,
        };
        let lines: Vec<_> = table(&progress.partitions, false)
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        assert_eq!(
            lines,
            [
                "PARTITION  STATE    SINCE  OWNER  END   COMMITTED  LAG  LAST CONSUMED  LAST OBJECT     ERROR",
                "0          RUNNING  -      dev/1  1000  900        100  -              t/0/t+0+0.json  -",
                "1          UNOWNED  -      -      -     -          -    -              -               -",
            ]
        );
    }
}
