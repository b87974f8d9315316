//! What the objects look like.

use kafka2oss_proto::{Count, v1};

use super::choices::wire;
use super::edit::{Edit, unless_empty};
use super::parts::duration;
use crate::args::{Folders, ObjectFlags};
use crate::client::Failure;

pub(super) fn output(
    edit: &mut Edit,
    spec: &mut v1::ConnectorSpec,
    flags: ObjectFlags,
) -> Result<(), Failure> {
    let ObjectFlags {
        format,
        compression,
        key_encoding,
        value_encoding,
        include_headers,
        max_bytes,
        max_records,
        max_age,
        idle,
        prefix,
        time_buckets,
        time_bucket_length,
        time_zone,
        hash_prefix,
        overflow,
        max_value_bytes,
        max_record_bytes,
    } = flags;
    let mut output = spec.output.take().unwrap_or_default();

    let mut fields = edit.part("spec.output");
    fields.set("format", &mut output.format, format.map(wire));
    fields.set("compression", &mut output.compression, compression.map(wire));
    fields.set("key_encoding", &mut output.key_encoding, key_encoding.map(wire));
    fields.set("value_encoding", &mut output.value_encoding, value_encoding.map(wire));
    fields.set("include_headers", &mut output.include_headers, include_headers);

    let mut part = output.rotation.take().unwrap_or_default();
    let mut fields = edit.part("spec.output.rotation");
    fields.set("max_bytes", &mut part.max_bytes, max_bytes.map(Count::to_wire));
    fields.set("max_records", &mut part.max_records, max_records.map(Count::to_wire));
    fields.set("max_age", &mut part.max_age, duration(max_age)?);
    fields.set("idle", &mut part.idle, duration(idle)?);
    output.rotation = unless_empty(part);

    let mut layout = output.layout.take().unwrap_or_default();
    let mut fields = edit.part("spec.output.layout");
    fields.set("prefix", &mut layout.prefix, prefix);
    fields.set("hash_prefix", &mut layout.hash_prefix, hash_prefix);
    if time_buckets == Some(Folders::None) {
        layout.time_buckets = None;
        fields.changed("time_buckets");
    }
    let mut part = layout.time_buckets.take().unwrap_or_default();
    let mut fields = edit.part("spec.output.layout.time_buckets");
    let style = time_buckets.filter(|folders| *folders != Folders::None);
    fields.set("style", &mut part.style, style.map(wire));
    fields.set("length", &mut part.length, time_bucket_length.map(wire));
    fields.set("time_zone", &mut part.time_zone, time_zone);
    layout.time_buckets = unless_empty(part);
    output.layout = unless_empty(layout);

    let mut part = output.overflow.take().unwrap_or_default();
    let mut fields = edit.part("spec.output.overflow");
    fields.set("policy", &mut part.policy, overflow.map(wire));
    fields.set("max_value_bytes", &mut part.max_value_bytes, max_value_bytes.map(Count::to_wire));
    fields.set(
        "max_record_bytes",
        &mut part.max_record_bytes,
        max_record_bytes.map(Count::to_wire),
    );
    output.overflow = unless_empty(part);

    spec.output = unless_empty(output);
    Ok(())
}
