//! `test`.

use kafka2oss_proto::v1;
use v1::test_message_payload::Content;

use crate::args::TestArgs;
use crate::client::{Client, Failure, names, text};
use crate::output;

pub(super) async fn run(client: &Client, args: TestArgs) -> Result<(), Failure> {
    let TestArgs { name, partition, key, value, value_file, wait, repeat } = args;
    let payload = |content| v1::TestMessagePayload { content: Some(content) };
    let value = match value_file {
        Some(path) => {
            let bytes = std::fs::read(&path).map_err(|error| {
                Failure::Usage(format!("cannot read {}: {error}", path.display()))
            })?;
            Some(Content::Data(bytes))
        }
        None => value.map(Content::Text),
    };
    let request = client.request(v1::SendTestMessageRequest {
        name: names::connector(&name.name, name.instance.as_deref())?.to_string(),
        partition,
        key: key.map(Content::Text).map(payload),
        value: value.map(payload),
        request_id: repeat.id(),
        wait,
    });
    let answer = client.connectors().send_test_message(request).await?.into_inner();
    if client.is_json() {
        return client.print_json(&answer);
    }
    let mut rows = vec![
        ("Partition", answer.partition.to_string()),
        ("Offset", answer.offset.to_string()),
        ("Timestamp", text::time_millis(answer.timestamp.as_ref())),
    ];
    if !answer.object_key.is_empty() {
        rows.push(("Object", answer.object_key));
    }
    Ok(client.out.table(&output::properties(rows))?)
}
