//! What anyone may have written to the offset topic.

use bolero::TypeGenerator;
use kafka2oss_chain::{Checkpoint, CheckpointKey};
use kafka2oss_fuzz::{Near, Text};

/// What JSON and the forms of checkpoints are made of.
pub(crate) const WORDS: [&str; 18] = [
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "\"",
    "null",
    "1e400",
    "-0",
    "9223372036854775808",
    "\\u0000",
    "\\ud800",
    "\"kafka_offset\":1,",
    "\"more\":[],",
    "{\"a\":",
    "\"epoch\"",
    " ",
];

#[derive(Debug, TypeGenerator)]
struct Given {
    connector: Text,
    topic: Text,
    partition: i32,
    offset: i64,
    epoch: u64,
    near: Near,
}

/// A string of JSON.
pub(crate) fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|character| match character {
        '"' | '\\' => format!("\\{character}"),
        control if control.is_control() => format!("\\u{:04x}", u32::from(control)),
        other => other.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

#[test]
fn a_checkpoints_key_that_is_taken_is_what_it_would_be_written_as() {
    bolero::check!().with_type().for_each(|given: &Given| {
        let Given { connector, topic, partition, near, .. } = given;
        let right = format!(
            "[{},{{\"kafka_topic\":{},\"kafka_partition\":{partition},\"chain\":\"abcd2345\",\
             \"assignment\":\"a1\"}}]",
            quoted(&connector.of(&WORDS)),
            quoted(&topic.of(&WORDS)),
        );
        assert!(CheckpointKey::decode(right.as_bytes()).is_some());

        if let Some(read) = CheckpointKey::decode(&near.to(right, &WORDS)) {
            assert_eq!(CheckpointKey::decode(&read.encode()), Some(read));
        }
    });
}

#[test]
fn a_checkpoint_that_is_taken_is_what_it_would_be_written_as() {
    bolero::check!().with_type().for_each(|given: &Given| {
        let Given { connector, topic, offset, epoch, near, .. } = given;
        let right = format!(
            "{{\"kafka_offset\":{offset},\"next_key\":{},\"uid\":{},\"topic_id\":\"t\",\
             \"epoch\":{epoch}}}",
            quoted(&topic.of(&WORDS)),
            quoted(&connector.of(&WORDS)),
        );
        assert!(Checkpoint::decode(right.as_bytes()).is_some());

        if let Some(read) = Checkpoint::decode(&near.to(right, &WORDS)) {
            assert_eq!(Checkpoint::decode(&read.encode()), Some(read));
        }
    });
}
