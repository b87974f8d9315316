//! What is seen of a connector.

use comfy_table::Table;
use kafka2oss_domain::ErrorCode;
use kafka2oss_proto::v1;

use crate::client::connectors::resume_commands;
use crate::client::text;
use crate::output;

pub(super) fn rows(
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
    let mut partitions = match status.topic_partitions {
        Some(all) => format!("{} of {all} assigned", status.partitions_assigned),
        None => format!("{} assigned", status.partitions_assigned),
    };
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
    if totals.lost_offsets > 0 {
        written =
            format!("{written}; {} lost to retention", text::plural(totals.lost_offsets, "offset"));
    }
    let ago = |time| format!("{} ago, {}", text::age(Some(time)), text::time(Some(time)));
    let mut rows = vec![("State", state)];
    rows.extend(status.state_time.as_ref().map(|since| ("Since", ago(since))));
    rows.extend([
        (
            "Generation",
            format!("{} (observed: {})", connector.generation, status.observed_generation),
        ),
        ("Delivery", guarantee),
        ("Tasks", format!("{} of {} ready", status.tasks_ready, status.tasks_desired)),
        ("Partitions", partitions),
        ("Lag", status.total_lag.map_or_else(|| text::NONE.to_owned(), text::count)),
        ("Written", written),
    ]);
    rows.extend(
        status
            .oldest_unwritten_time
            .as_ref()
            .map(|oldest| ("Unwritten", format!("the oldest of {}", ago(oldest)))),
    );
    if let (Some(records), Some(bytes)) = (status.records_per_second, status.bytes_per_second) {
        rows.push(("Taken in", text::rate(records, bytes)));
    }
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

/// The partitions that wait for a decision: where, why, what to do about it, and
/// the command lines of the decision. `None` when there is none.
pub(super) fn stopped(name: &str, partitions: &[v1::PartitionProgress]) -> Option<Table> {
    let mut table = output::table(&["PARTITION", "OFFSET", "ERROR", "WHAT TO DO"]);
    let stopped = partitions.iter().filter(|seen| seen.state() == v1::PartitionState::Stopped);
    for partition in stopped {
        let mut lines = vec![partition.error_message.clone()];
        if let Ok(code) = partition.error_code.parse::<ErrorCode>() {
            lines.push(format!("-> {}", code.remedy()));
        }
        lines.extend(resume_commands(name, partition));
        table.add_row([
            partition.partition.to_string(),
            text::optional(partition.position),
            text::or_none(&partition.error_code),
            lines.join("\n"),
        ]);
    }
    (!table.is_empty()).then_some(table)
}

pub(super) fn conditions(conditions: &[v1::Condition]) -> Table {
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

pub(super) fn tasks(tasks: &[v1::TaskStatus]) -> Table {
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
