//! Manifests as users give them.

use bolero::TypeGenerator;
use kafka2oss_fuzz::Near;
use kafka2oss_manifest::{differences, read, to_json, to_yaml};

const RIGHT: &str = "
apiVersion: kafka2oss.v1
kind: Connector
name: instances/dev/connectors/orders
labels: &labels {team: no, \"a b\": '010'}
desiredState: RUNNING
spec:
  source: {topic: orders, threadConcurrency: 12}
  destination:
    bucket: b
    credentials: {accessKey: {id: {environment: ID}, secret: {plain: hunter2}}}
  output:
    rotation: {maxBytes: \"1048576\", maxAge: 2s}
---
{\"apiVersion\": \"kafka2oss.v1\", \"kind\": \"Instance\", \"name\": \"instances/dev\",
 \"bootstrapServers\": [\"a:9092\"], \"connectorsDisabled\": true}
";

const WORDS: [&str; 24] = [
    "---\n",
    "...\n",
    "- ",
    ": ",
    "? ",
    "\n  ",
    "&a ",
    "*a ",
    "*labels ",
    "<<: ",
    "!!str ",
    "| \n",
    "> \n",
    "'",
    "\"",
    "{",
    "}",
    "[",
    "]",
    "# ",
    "%YAML 1.2\n",
    "null",
    "\\u0000",
    "\u{feff}",
];

#[derive(Debug, TypeGenerator)]
struct Given {
    near: Near,
}

#[test]
fn a_manifest_that_is_taken_is_what_it_is_written_as() {
    bolero::check!().with_type().for_each(|given: &Given| {
        let text = given.near.to_text(RIGHT, &WORDS);
        match read(&text) {
            Ok(manifests) => {
                let resources: Vec<_> =
                    manifests.into_iter().map(|manifest| manifest.resource).collect();
                for written in [to_yaml(&resources), to_json(&resources)] {
                    let again = read(&written).unwrap();
                    let again: Vec<_> = again.into_iter().map(|one| one.resource).collect();
                    assert_eq!(again, resources, "{written}");
                }
                for resource in &resources {
                    assert!(differences(Some(resource), Some(resource)).is_empty());
                }
            }
            Err(problems) => {
                let lines = text.lines().count() + 1;
                assert!(!problems.is_empty());
                for problem in problems {
                    assert!(problem.line <= lines, "{problem}");
                    assert!(!problem.words.contains("hunter2"), "{problem}");
                }
            }
        }
    });
}
