//! A cluster whose topics and groups can be deleted, and which does nothing else.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_kafka::{Committed, Creation, KafkaAdmin, TopicDescription, TopicPlan, Watermarks};

/// A cluster whose topics and groups can be deleted: each is there and empty.
#[derive(Default)]
pub(crate) struct FakeKafka {
    deleted: Mutex<Vec<String>>,
    after: Mutex<Option<After>>,
}

/// Called with a name after its deletion.
type After = Box<dyn Fn(&str) + Send>;

impl FakeKafka {
    /// Names of the topics and groups that were deleted.
    pub(crate) fn deleted(&self) -> Vec<String> {
        self.deleted.lock().expect("no test panics here").clone()
    }

    /// Calls this with each name after its deletion.
    pub(crate) fn after_each(&self, call: impl Fn(&str) + Send + 'static) {
        *self.after.lock().expect("no test panics here") = Some(Box::new(call));
    }

    fn delete(&self, name: &str) -> Result<(), Problem> {
        self.deleted.lock().expect("no test panics here").push(name.to_owned());
        if let Some(call) = &*self.after.lock().expect("no test panics here") {
            call(name);
        }
        Ok(())
    }

    fn refuse<T>() -> Result<T, Problem> {
        Err(Problem::new(ErrorCode::KafkaRequestFailed, "this cluster only deletes"))
    }
}

#[async_trait]
impl KafkaAdmin for FakeKafka {
    async fn cluster_id(&self) -> Result<Option<String>, Problem> {
        Self::refuse()
    }

    async fn describe_topic(&self, _: &str) -> Result<Option<TopicDescription>, Problem> {
        let description = TopicDescription {
            id: None,
            partitions: 1,
            cleanup_policy: None,
            max_message_bytes: None,
        };
        Ok(Some(description))
    }

    async fn create_topic(&self, _: &TopicPlan) -> Result<Creation, Problem> {
        Self::refuse()
    }

    async fn delete_topic(&self, topic: &str) -> Result<(), Problem> {
        self.delete(topic)
    }

    async fn delete_group(&self, group: &str) -> Result<(), Problem> {
        self.delete(group)
    }

    async fn watermarks(
        &self,
        _: &str,
        partitions: &[i32],
    ) -> Result<BTreeMap<i32, Watermarks>, Problem> {
        let empty = |partition: &i32| (*partition, Watermarks { beginning: 0, end: 0 });
        Ok(partitions.iter().map(empty).collect())
    }

    async fn offsets_for_times(
        &self,
        _: &str,
        _: &[i32],
        _: i64,
    ) -> Result<BTreeMap<i32, i64>, Problem> {
        Self::refuse()
    }

    async fn committed(
        &self,
        _: &str,
        _: &str,
        _: &[i32],
    ) -> Result<BTreeMap<i32, Committed>, Problem> {
        Self::refuse()
    }
}
