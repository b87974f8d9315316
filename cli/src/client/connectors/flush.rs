//! `flush`: waits until everything that is in the topic stands in objects.

use kafka2oss_proto::v1;
use kafka2oss_proto::v1::flush_connector_response::Event;

use crate::args::NameArgs;
use crate::client::{Client, Failure, names, text};
use crate::output::Bar;

pub(super) async fn run(client: &Client, args: NameArgs) -> Result<(), Failure> {
    let name = names::connector(&args.name, args.instance.as_deref())?.to_string();
    let timeout = prost_types::Duration::try_from(client.timeout).ok();
    let request = v1::FlushConnectorRequest { name, timeout };
    let mut stream = client.connectors().flush_connector(request).await?.into_inner();
    let mut bar = Bar::new();
    let mut summary = None;
    while let Some(answer) = stream.message().await? {
        if client.is_json() && !matches!(answer.event, Some(Event::Heartbeat(()))) {
            client.print_json_line(&answer)?;
        }
        match answer.event {
            Some(Event::Progress(progress)) => show(&mut bar, &progress),
            Some(Event::Objects(objects)) if !client.is_json() => {
                bar.clear();
                for line in objects.partitions.iter().flat_map(lines) {
                    client.out.line(line)?;
                }
            }
            Some(Event::Summary(last)) => summary = Some(last),
            Some(Event::Objects(_) | Event::Heartbeat(())) | None => {}
        }
    }
    bar.clear();
    let Some(summary) = summary else {
        return Err(Failure::Failed("the flush ended before it was told what came of it".into()));
    };
    if !client.is_json() {
        client.out.line(sum(&summary))?;
    }
    if summary.complete { Ok(()) } else { Err(Failure::Failed(unreached(&summary))) }
}

fn show(bar: &mut Bar, progress: &v1::FlushProgress) {
    let (reached, total) = (progress.partitions_reached, progress.partitions_total);
    let words = format!("{reached} of {} reached", text::plural(total, "partition"));
    let count = |number: i32| u64::try_from(number).unwrap_or_default();
    bar.show(count(reached), Some(count(total)), &words);
}

/// The objects of one partition.
fn lines(objects: &v1::FlushedObjects) -> Vec<String> {
    let line = |object: &v1::FlushedObject| {
        let v1::FlushedObject { object_key, extent, records } = object;
        let extent = extent.unwrap_or_default();
        let offsets = format!("{} to {}", extent.first_offset, extent.next_offset);
        let records = records.map(|records| format!(", {}", text::plural(records, "record")));
        format!("{object_key}  (offsets {offsets}{})", records.unwrap_or_default())
    };
    let partial = (!objects.complete)
        .then(|| format!("(partition {}: there may be earlier ones)", objects.partition));
    partial.into_iter().chain(objects.objects.iter().map(line)).collect()
}

fn sum(summary: &v1::FlushSummary) -> String {
    let partitions = text::plural(summary.partitions_total, "partition");
    let reached = match summary.complete {
        true => format!("flushed: all of {partitions}"),
        false => format!("flushed: {} of {partitions}", summary.partitions_reached),
    };
    let more = if summary.objects_complete { "" } else { " or more" };
    format!("{reached}; {}{more} written meanwhile", text::plural(summary.objects, "object"))
}

fn unreached(summary: &v1::FlushSummary) -> String {
    let left = summary.partitions_total - summary.partitions_reached;
    let why = summary.unreached.iter().map(|one| {
        let v1::FlushedPartition { partition, error_code, error_message, .. } = one;
        format!("\n  partition {partition}: {error_code}: {error_message}")
    });
    let why: String = why.collect();
    format!("{} stopped and cannot be flushed:{why}", text::plural(left, "partition"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_lines_with_their_offsets() {
        let object = |key: &str, records| v1::FlushedObject {
            object_key: key.to_owned(),
            extent: Some(v1::Extent { first_offset: 3, next_offset: 8 }),
            records,
        };
        let objects = v1::FlushedObjects {
            partition: 2,
            objects: vec![object("a", Some(5)), object("b", None)],
            complete: false,
        };
        let expected = [
            "(partition 2: there may be earlier ones)",
            "a  (offsets 3 to 8, 5 records)",
            "b  (offsets 3 to 8)",
        ];
        assert_eq!(lines(&objects), expected);
    }

    #[test]
    fn what_cannot_be_flushed_is_named() {
        let summary = v1::FlushSummary {
            partitions_total: 2,
            partitions_reached: 1,
            unreached: vec![v1::FlushedPartition {
                partition: 1,
                error_code: "RECORD_NOT_UTF8".to_owned(),
                error_message: "record at offset 7".to_owned(),
                ..Default::default()
            }],
            objects: 1,
            ..Default::default()
        };
        assert_eq!(sum(&summary), "flushed: 1 of 2 partitions; 1 object or more written meanwhile");
        let expected = "1 partition stopped and cannot be flushed:\n  partition 1: RECORD_NOT_UTF8: \
                        record at offset 7";
        assert_eq!(unreached(&summary), expected);
    }
}
