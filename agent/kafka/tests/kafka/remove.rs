//! What is removed with a connector, and what is kept.

use std::time::Duration;

use anyhow::Result;
use kafka2oss_kafka::remove;
use kafka2oss_proto::agent::v1::{RemoveResources, TopicRemoval};
use kafka2oss_tests::kafka::shared_kafka;
use kafka2oss_tests::name::unique;
use kafka2oss_tests::produce::Record;
use kafka2oss_tests::wait::eventually;

use crate::support::{Allowed, connect};

#[tokio::test]
async fn an_error_topic_that_holds_records_is_kept_and_the_rest_is_removed() -> Result<()> {
    let kafka = shared_kafka().await?;
    let tests = kafka.admin()?;
    let [full, empty, status, absent] = ["full", "empty", "status", "absent"].map(unique);
    for topic in [&full, &empty, &status] {
        tests.create_topic(topic, 2, &[]).await?;
    }
    for topic in [&full, &status] {
        kafka.producer()?.send(topic, Record::new("x")).await?;
    }
    let removal = |topic: &str, only_if_empty| TopicRemoval { topic: topic.into(), only_if_empty };
    let request = RemoveResources {
        topics: vec![
            removal(&full, true),
            removal(&empty, true),
            removal(&status, false),
            removal(&absent, true),
        ],
        groups: vec![unique("connect")],
        ..RemoveResources::default()
    };

    let result = remove(&connect(&kafka.bootstrap()).await, &request, &Allowed).await;

    assert_eq!(result.problems, []);
    assert_eq!(result.kept, [full.as_str()]);
    assert_eq!(result.removed, [empty.clone(), status.clone(), absent, request.groups[0].clone()]);
    eventually("only the full topic is left", Duration::from_secs(20), async || {
        let topics = tests.topics().await?;
        let left = [&full, &empty, &status].map(|topic| topics.contains_key(topic));
        Ok((left == [true, false, false]).then_some(()))
    })
    .await
}
