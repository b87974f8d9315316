//! What a connector should do.

use kafka2oss_proto::v1;
use v1::secret::Source;

use crate::client::text;

pub(super) fn rows(spec: &v1::ConnectorSpec) -> Vec<(&'static str, String)> {
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
            let mut row =
                format!("ID {}, secret {}", secret(key.id.as_ref()), secret(key.secret.as_ref()));
            if let Some(token) = &key.session_token {
                row.push_str(&format!(", session token {}", secret(Some(token))));
            }
            rows.push(("AccessKey", row));
        }
    }
    if let Some(runtime) = &spec.runtime {
        rows.push((
            "Runtime",
            format!(
                "VPC {}, vSwitch {}, failure policy {}, session timeout {}, store retry time {}",
                text::or_none(&runtime.vpc_id),
                text::or_none(&runtime.vswitch_id),
                text::failure_policy(runtime.failure_handling_policy),
                text::duration(runtime.session_timeout.as_ref()),
                text::duration(runtime.store_retry_time.as_ref())
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
        rows.extend(objects(output));
    }
    rows
}

fn objects(output: &v1::ConnectorOutput) -> Vec<(&'static str, String)> {
    let headers = if output.include_headers { "with" } else { "without" };
    let mut rows = vec![(
        "Objects",
        format!(
            "{}, compression {}, keys {}, values {}, {headers} headers",
            text::output_format(output.format),
            text::compression(output.compression),
            text::text_encoding(output.key_encoding),
            text::text_encoding(output.value_encoding)
        ),
    )];
    if let Some(rotation) = &output.rotation {
        rows.push(("Closed at", limits(rotation)));
    }
    if let Some(layout) = &output.layout {
        rows.push(("Layout", folders(layout)));
    }
    if let Some(overflow) = &output.overflow {
        let mut sizes = Vec::new();
        sizes.extend(overflow.max_value_bytes.map(|limit| {
            let policy = text::overflow_policy(overflow.policy);
            format!("values above {}: {policy}", text::bytes(limit))
        }));
        sizes.extend(
            overflow
                .max_record_bytes
                .map(|limit| format!("records above {}: abnormal data", text::bytes(limit))),
        );
        rows.push(("Overflow", text::or_none(&sizes.join(", "))));
    }
    rows
}

fn limits(rotation: &v1::RotationPolicy) -> String {
    let mut limits = Vec::new();
    limits.extend(rotation.max_bytes.map(text::bytes));
    limits.extend(rotation.max_records.map(|records| text::plural(records, "record")));
    if rotation.max_age.is_some() {
        limits.push(format!("age {}", text::duration(rotation.max_age.as_ref())));
    }
    if rotation.idle.is_some() {
        limits.push(format!("idle {}", text::duration(rotation.idle.as_ref())));
    }
    text::or_none(&limits.join(", "))
}

fn folders(layout: &v1::ObjectLayout) -> String {
    let mut parts = vec![format!("prefix {}", text::or_none(&layout.prefix))];
    if let Some(buckets) = &layout.time_buckets {
        parts.push(format!(
            "a folder each {}, {}, {}",
            text::time_bucket_length(buckets.length),
            text::time_bucket_style(buckets.style),
            text::or_none(&buckets.time_zone)
        ));
    }
    if layout.hash_prefix {
        parts.push("a hash in front of each key".to_owned());
    }
    parts.join(", ")
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
