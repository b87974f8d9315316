//! One connector, for people.

use comfy_table::Table;
use kafka2oss_proto::v1;
use v1::secret::Source;

use super::text;
use crate::output;

/// A headed part of the description.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) table: Table,
}

/// The connector's properties, then what its status lists.
pub(super) fn connector(connector: &v1::Connector) -> (Table, Vec<Section>) {
    let mut rows = vec![("Name", connector.name.clone())];
    if let Some(status) = &connector.status {
        rows.extend(observed(connector, status));
    }
    if let Some(spec) = &connector.spec {
        rows.extend(wanted(spec));
    }
    if !connector.labels.is_empty() {
        let mut labels: Vec<_> =
            connector.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        labels.sort();
        rows.push(("Labels", labels.join(", ")));
    }
    if connector.create_time.is_some() {
        rows.push(("Created", text::time(connector.create_time.as_ref())));
        rows.push(("UID", connector.uid.clone()));
        rows.push(("Etag", connector.etag.clone()));
    }
    let mut sections = Vec::new();
    if let Some(status) = &connector.status {
        if !status.conditions.is_empty() {
            sections.push(Section { title: "Conditions", table: conditions(&status.conditions) });
        }
        if !status.tasks.is_empty() {
            sections.push(Section { title: "Tasks", table: tasks(&status.tasks) });
        }
        if !status.missing_resources.is_empty() {
            let table = resources(&status.missing_resources);
            sections.push(Section { title: "To be created by hand", table });
        }
    }
    (output::properties(rows), sections)
}

fn observed(
    connector: &v1::Connector,
    status: &v1::ConnectorStatus,
) -> Vec<(&'static str, String)> {
    let mut state = text::connector_state(status.state);
    let desired = text::desired_state(connector.desired_state);
    if state != desired {
        state = format!("{state} (desired: {desired})");
    }
    let mut guarantee = match status.delivery_guarantee() {
        v1::DeliveryGuarantee::Unspecified => "not known before deploy".to_owned(),
        _ => text::delivery_guarantee(status.delivery_guarantee),
    };
    if !status.delivery_guarantee_reason.is_empty() {
        guarantee = format!("{guarantee}: {}", status.delivery_guarantee_reason);
    }
    let mut partitions = status.partitions_assigned.to_string();
    if status.partitions_stopped > 0 {
        partitions = format!("{partitions}, {} stopped", status.partitions_stopped);
    }
    let totals = status.totals.unwrap_or_default();
    let mut written = format!(
        "{} in {}, {}",
        text::plural(totals.records, "record"),
        text::plural(totals.objects, "object"),
        text::bytes(totals.bytes)
    );
    if totals.dead_letters > 0 {
        written = format!("{written}; {}", text::plural(totals.dead_letters, "dead letter"));
    }
    if totals.lost_records > 0 {
        written =
            format!("{written}; {} lost to retention", text::plural(totals.lost_records, "record"));
    }
    let mut rows = vec![
        ("State", state),
        (
            "Generation",
            format!("{} (observed: {})", connector.generation, status.observed_generation),
        ),
        ("Delivery", guarantee),
        ("Tasks", format!("{} of {} ready", status.tasks_ready, status.tasks_desired)),
        ("Partitions", partitions),
        ("Lag", status.total_lag.map_or_else(|| text::NONE.to_owned(), text::count)),
        ("Written", written),
    ];
    if let Some(epoch) = &status.epoch {
        rows.push((
            "Start",
            format!(
                "epoch {}, {} at {}",
                epoch.number,
                text::start_origin(epoch.origin),
                text::time(epoch.fixed_time.as_ref())
            ),
        ));
    }
    rows.push(("Last report", text::time(status.last_report_time.as_ref())));
    rows
}

fn wanted(spec: &v1::ConnectorSpec) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let Some(source) = &spec.source {
        rows.push((
            "Source",
            format!(
                "topic {}, from {}, {} threads in {} tasks",
                source.topic,
                text::consumer_offset(source.consumer_offset),
                text::optional(source.thread_concurrency),
                text::optional(source.spread)
            ),
        ));
    }
    if let Some(destination) = &spec.destination {
        rows.push((
            "Destination",
            format!(
                "{} bucket {} at {}, {}, signing region {}",
                text::store_type(destination.store_type),
                destination.bucket,
                text::or_none(&destination.endpoint),
                text::addressing_style(destination.addressing_style),
                text::or_none(&destination.signing_region)
            ),
        ));
        if let Some(v1::StoreCredentials {
            kind: Some(v1::store_credentials::Kind::AccessKey(key)),
        }) = &destination.credentials
        {
            rows.push((
                "AccessKey",
                format!("ID {}, secret {}", secret(key.id.as_ref()), secret(key.secret.as_ref())),
            ));
        }
    }
    if let Some(runtime) = &spec.runtime {
        rows.push((
            "Runtime",
            format!(
                "VPC {}, vSwitch {}, failure policy {}",
                text::or_none(&runtime.vpc_id),
                text::or_none(&runtime.vswitch_id),
                text::failure_policy(runtime.failure_handling_policy)
            ),
        ));
    }
    if let Some(resources) = &spec.resources {
        rows.push((
            "Groups",
            format!(
                "{}, {}",
                text::or_none(&resources.task_consumer_group),
                text::or_none(&resources.connector_consumer_group)
            ),
        ));
        let named = |topic: &Option<v1::ConnectorTopic>| {
            topic.as_ref().map(|topic| topic.name.clone()).unwrap_or_default()
        };
        let mut topics: Vec<_> = [
            &resources.offset_topic,
            &resources.config_topic,
            &resources.status_topic,
            &resources.abnormal_data_topic,
            &resources.dead_letter_queue_topic,
        ]
        .into_iter()
        .map(named)
        .filter(|name| !name.is_empty())
        .collect();
        topics.dedup();
        rows.push((
            "Topics",
            format!(
                "{} (created {})",
                topics.join(", "),
                text::resource_creation(resources.creation)
            ),
        ));
    }
    if let Some(output) = &spec.output {
        rows.push(("Objects", objects(output)));
    }
    rows
}

fn objects(output: &v1::ConnectorOutput) -> String {
    let mut text = text::output_format(output.format);
    if let Some(rotation) = &output.rotation {
        let mut limits = Vec::new();
        limits.extend(rotation.max_bytes.map(text::bytes));
        limits.extend(rotation.max_records.map(|records| text::plural(records, "record")));
        if rotation.max_age.is_some() {
            limits.push(format!("age {}", text::duration(rotation.max_age.as_ref())));
        }
        if rotation.idle.is_some() {
            limits.push(format!("idle {}", text::duration(rotation.idle.as_ref())));
        }
        text = format!("{text}, closed at {}", limits.join(", "));
    }
    if let Some(layout) = output.layout.as_ref().filter(|layout| !layout.prefix.is_empty()) {
        text = format!("{text}, under {}", layout.prefix);
    }
    if let Some(limit) = output.overflow.as_ref().and_then(|overflow| overflow.max_value_bytes) {
        text = format!("{text}, values up to {}", text::bytes(limit));
    }
    text
}

/// Where a secret is; never a value.
fn secret(secret: Option<&v1::Secret>) -> String {
    match secret.and_then(|secret| secret.source.as_ref()) {
        Some(Source::Environment(name)) => format!("in variable {name}"),
        Some(Source::File(path)) => format!("in file {path}"),
        Some(Source::Plain(_) | Source::Withheld(_)) => "given inline".to_owned(),
        None => text::NONE.to_owned(),
    }
}

fn conditions(conditions: &[v1::Condition]) -> Table {
    let mut table = output::table(&["TYPE", "STATUS", "SINCE", "REASON", "MESSAGE"]);
    for condition in conditions {
        let mut message = condition.message.clone();
        if !condition.remedy.is_empty() {
            message = format!("{message}\n-> {}", condition.remedy);
        }
        table.add_row([
            condition.r#type.clone(),
            text::condition_status(condition.status),
            text::age(condition.last_transition_time.as_ref()),
            text::or_none(&condition.reason),
            message,
        ]);
    }
    table
}

fn tasks(tasks: &[v1::TaskStatus]) -> Table {
    let mut table = output::table(&["TASK", "STATE", "AGENT", "ERROR"]);
    for task in tasks {
        let error = [task.error_code.as_str(), task.error_message.as_str()];
        let error: Vec<_> = error.into_iter().filter(|part| !part.is_empty()).collect();
        table.add_row([
            task.index.to_string(),
            text::task_state(task.state),
            text::or_none(&task.agent),
            text::or_none(&error.join(": ")),
        ]);
    }
    table
}

/// Topics and groups, with the settings that they need.
pub(super) fn resources(resources: &[v1::PlannedResource]) -> Table {
    let mut table =
        output::table(&["NAME", "PARTITIONS", "CLEANUP.POLICY", "STORAGE ENGINE", "FOR"]);
    for resource in resources {
        let group = resource.partitions == 0;
        let or_group = |text: String| if group { text::NONE.to_owned() } else { text };
        let roles: Vec<_> = resource.roles.iter().map(|role| text::resource_role(*role)).collect();
        table.add_row([
            resource.name.clone(),
            or_group(resource.partitions.to_string()),
            text::or_none(&resource.cleanup_policy),
            or_group(text::storage_engine(resource.storage_engine)),
            roles.join(", "),
        ]);
    }
    table
}

#[cfg(test)]
mod tests;
