//! A connector of `dev`, and records for it.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::program::Dev;

/// Writes one record; the embedded Kafka makes the topic.
pub(crate) fn produce(dev: &Dev, topic: &str, value: &[u8]) {
    let state = dev.state();
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", state["kafka"].as_str().expect("an address"))
        .create()
        .expect("a producer");
    producer
        .send(BaseRecord::to(topic).partition(0).key("k").payload(value))
        .expect("it is queued");
    producer.flush(Duration::from_secs(10)).expect("it is written");
}

/// Flags of a connector of `dev` from this topic.
fn flags(dev: &Dev, topic: &str) -> Vec<String> {
    let state = dev.state();
    let text = |name: &str| state[name].as_str().expect("a text").to_owned();
    let listed = dev.ask_json(&["connectors", "list"]);
    assert!(listed.is_object());
    ["--topic", topic, "--consumer-offset", "earliest", "--max-age", "1s", "--idle", "200ms"]
        .map(str::to_owned)
        .into_iter()
        .chain(["--endpoint".to_owned(), text("endpoint"), "--bucket".to_owned(), text("bucket")])
        .chain(["--access-key-id", "kafka2oss", "--access-key-secret-stdin"].map(str::to_owned))
        .collect()
}

/// Creates a connector with the emulator's AccessKey inline, and with more
/// flags.
pub(crate) fn create(dev: &Dev, name: &str, topic: &str, more: &[&str]) {
    let mut command = dev.client(&["connectors", "create", name]);
    command.args(flags(dev, topic)).args(more);
    let output = with_secret(&mut command);
    assert!(output.status.success(), "{output:?}");
}

/// Runs a command that reads the emulator's AccessKey secret from stdin.
pub(crate) fn with_secret(command: &mut Command) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(b"kafka2oss-dev\n").expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}
