//! `list` and `get`.

use comfy_table::Table;
use kafka2oss_proto::v1;

use crate::client::{Client, Failure, Selection, paging, text};
use crate::output;

pub(super) async fn list(client: &Client, selection: &Selection) -> Result<(), Failure> {
    let instances = paging::all(async |page_token| {
        let request = client.request(v1::ListInstancesRequest {
            page_size: paging::PAGE_SIZE,
            page_token,
            filter: selection.filter.clone(),
            order_by: selection.order_by.clone(),
        });
        let page = client.instances().list_instances(request).await?.into_inner();
        Ok((page.instances, page.next_page_token))
    })
    .await
    .map_err(|status| selection.failure(status))?;
    if client.print_names(instances.iter().map(|instance| instance.name.as_str()))? {
        return Ok(());
    }
    if client.is_json() {
        return client.print_json(&v1::ListInstancesResponse { instances, ..Default::default() });
    }
    Ok(client.out.table(&table(&instances, client.is_wide()))?)
}

fn table(instances: &[v1::Instance], is_wide: bool) -> Table {
    let narrow = ["INSTANCE", "REGION", "BOOTSTRAP SERVERS", "SECURITY", "VPC", "VSWITCH", "AGE"];
    let more: &[&str] = match is_wide {
        true => &[
            "CONNECTORS",
            "MAX CONNECTORS",
            "MAX TASKS",
            "KAFKA CLUSTER ID",
            "UPDATED",
            "UID",
            "LABELS",
        ],
        false => &[],
    };
    let mut table = output::table(&[&narrow, more].concat());
    for instance in instances {
        let mut row = vec![
            id(&instance.name).to_owned(),
            text::or_none(&instance.region_id),
            text::or_none(&instance.bootstrap_servers.join(",")),
            security(instance),
            text::or_none(&instance.vpc_id),
            text::or_none(&instance.vswitch_id),
            text::age(instance.create_time.as_ref()),
        ];
        if is_wide {
            row.extend([
                connectors(instance).to_owned(),
                text::optional(instance.max_connectors),
                text::optional(instance.max_tasks),
                text::or_none(&instance.kafka_cluster_id),
                text::age(instance.update_time.as_ref()),
                instance.uid.clone(),
                text::labels(&instance.labels),
            ]);
        }
        table.add_row(row);
    }
    table
}

fn security(instance: &v1::Instance) -> String {
    let security = text::security_protocol(instance.security_protocol);
    match instance.sasl_mechanism {
        0 => security,
        mechanism => format!("{security}, {}", text::sasl_mechanism(mechanism)),
    }
}

/// Whether new ones are taken.
fn connectors(instance: &v1::Instance) -> &'static str {
    if instance.connectors_disabled { "disabled" } else { "allowed" }
}

pub(super) fn show(client: &Client, instance: &v1::Instance) -> Result<(), Failure> {
    if client.print_names(std::iter::once(instance.name.as_str()))? {
        return Ok(());
    }
    if client.is_json() {
        return client.print_json(instance);
    }
    Ok(client.out.table(&output::properties(properties(instance)))?)
}

/// All that is known of it, for people.
pub(in crate::client) fn properties(instance: &v1::Instance) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("Name", instance.name.clone()),
        ("UID", instance.uid.clone()),
        ("Region", instance.region_id.clone()),
        ("Bootstrap servers", instance.bootstrap_servers.join(", ")),
        ("Security", security(instance)),
        ("VPC", text::or_none(&instance.vpc_id)),
        ("vSwitch", text::or_none(&instance.vswitch_id)),
        ("Connectors", connectors(instance).to_owned()),
        ("Most connectors", most(instance.max_connectors)),
        ("Most tasks", most(instance.max_tasks)),
        ("Kafka cluster id", text::or_none(&instance.kafka_cluster_id)),
        ("Created", text::time(instance.create_time.as_ref())),
        ("Updated", text::time(instance.update_time.as_ref())),
        ("Labels", text::labels(&instance.labels)),
        ("Etag", instance.etag.clone()),
    ];
    if !instance.description.is_empty() {
        rows.insert(2, ("Description", instance.description.clone()));
    }
    rows
}

/// A quota.
fn most(quota: Option<i32>) -> String {
    quota.map_or_else(|| "no limit".to_owned(), text::count)
}

/// `dev` of `instances/dev`.
fn id(name: &str) -> &str {
    name.strip_prefix("instances/").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_table_has_more_columns_behind_the_others() {
        let instances = [v1::Instance {
            name: "instances/prod".to_owned(),
            uid: "U".to_owned(),
            region_id: "cn-hangzhou".to_owned(),
            bootstrap_servers: vec!["a:1".to_owned(), "b:1".to_owned()],
            security_protocol: v1::SecurityProtocol::SaslSsl.into(),
            sasl_mechanism: v1::SaslMechanism::Plain.into(),
            labels: [("team".to_owned(), "blue".to_owned())].into(),
            max_connectors: Some(3),
            ..Default::default()
        }];
        let lines = |is_wide| -> Vec<_> {
            let table = table(&instances, is_wide);
            table.lines().map(|line| line.trim_end().to_owned()).collect()
        };
        assert_eq!(
            lines(false),
            [
                "INSTANCE  REGION       BOOTSTRAP SERVERS  SECURITY         VPC  VSWITCH  AGE",
                "prod      cn-hangzhou  a:1,b:1            SASL_SSL, PLAIN  -    -        -",
            ]
        );
        let wide = lines(true);
        assert!(wide[0].ends_with(
            "AGE  CONNECTORS  MAX CONNECTORS  MAX TASKS  KAFKA CLUSTER ID  UPDATED  UID  LABELS"
        ));
        assert!(wide[1].ends_with(
            "-    allowed     3               -          -                 -        U    team=blue"
        ));
    }
}
