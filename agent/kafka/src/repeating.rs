//! Administration in which a request that has met a passing failure is made again.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use tokio::time::{Instant, sleep};

use crate::admin::{
    BrokerSettings, Committed, Creation, KafkaAdmin, TopicDescription, TopicPlan, Watermarks,
};

/// Tries of one request.
const TRIES: usize = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// No request is made again later than this after the first one of all: whoever
/// waits for the whole has a limit, too. A request that the brokers do not answer
/// takes about 10 s.
const WITHIN: Duration = Duration::from_secs(15);

/// Repeats what can be made again whatever became of it. A topic whose creation was
/// not answered exists then, and does not count as made.
pub(crate) struct Repeating<'a> {
    admin: &'a dyn KafkaAdmin,
    began: Instant,
}

impl<'a> Repeating<'a> {
    pub(crate) fn new(admin: &'a dyn KafkaAdmin) -> Self {
        Self { admin, began: Instant::now() }
    }

    async fn repeat<T, F>(&self, request: impl Fn() -> F) -> Result<T, Problem>
    where
        F: Future<Output = Result<T, Problem>>,
    {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_times(TRIES - 1)
            // So that not all who met the same restart come back at once.
            .with_jitter()
            .build();
        for pause in pauses {
            let problem = match request().await {
                Err(problem) if is_passing(problem.code) => problem,
                ended => return ended,
            };
            if self.began.elapsed() + pause > WITHIN {
                return Err(problem);
            }
            tracing::debug!(%problem, "a request to the brokers is repeated");
            sleep(pause).await;
        }
        request().await
    }
}

/// Whether the same request may well work a moment later, with nothing changed.
fn is_passing(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::KafkaUnreachable
            | ErrorCode::KafkaBrokerUnreachable
            | ErrorCode::KafkaRequestFailed
    )
}

#[async_trait]
impl KafkaAdmin for Repeating<'_> {
    async fn cluster_id(&self) -> Result<Option<String>, Problem> {
        self.repeat(|| self.admin.cluster_id()).await
    }

    async fn broker_settings(&self) -> Result<BrokerSettings, Problem> {
        self.repeat(|| self.admin.broker_settings()).await
    }

    async fn describe_topic(&self, topic: &str) -> Result<Option<TopicDescription>, Problem> {
        self.repeat(|| self.admin.describe_topic(topic)).await
    }

    async fn create_topic(&self, plan: &TopicPlan) -> Result<Creation, Problem> {
        self.repeat(|| self.admin.create_topic(plan)).await
    }

    async fn delete_topic(&self, topic: &str) -> Result<(), Problem> {
        self.repeat(|| self.admin.delete_topic(topic)).await
    }

    async fn delete_group(&self, group: &str) -> Result<(), Problem> {
        self.repeat(|| self.admin.delete_group(group)).await
    }

    async fn watermarks(
        &self,
        topic: &str,
        partitions: &[i32],
    ) -> Result<BTreeMap<i32, Watermarks>, Problem> {
        self.repeat(|| self.admin.watermarks(topic, partitions)).await
    }

    async fn offsets_for_times(
        &self,
        topic: &str,
        partitions: &[i32],
        timestamp: i64,
    ) -> Result<BTreeMap<i32, i64>, Problem> {
        self.repeat(|| self.admin.offsets_for_times(topic, partitions, timestamp)).await
    }

    async fn committed(
        &self,
        group: &str,
        topic: &str,
        partitions: &[i32],
    ) -> Result<BTreeMap<i32, Committed>, Problem> {
        self.repeat(|| self.admin.committed(group, topic, partitions)).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Fails so often with this code, then knows no topic.
    struct Failing(Mutex<(usize, ErrorCode)>);

    #[async_trait]
    impl KafkaAdmin for Failing {
        async fn cluster_id(&self) -> Result<Option<String>, Problem> {
            Ok(None)
        }

        async fn describe_topic(&self, _: &str) -> Result<Option<TopicDescription>, Problem> {
            let mut left = self.0.lock().expect("no panic before");
            match left.0.checked_sub(1) {
                Some(rest) => {
                    left.0 = rest;
                    Err(Problem::new(left.1, "it fails"))
                }
                None => Ok(None),
            }
        }

        async fn create_topic(&self, _: &TopicPlan) -> Result<Creation, Problem> {
            Ok(Creation::AlreadyExists)
        }

        async fn delete_topic(&self, _: &str) -> Result<(), Problem> {
            Ok(())
        }

        async fn delete_group(&self, _: &str) -> Result<(), Problem> {
            Ok(())
        }

        async fn watermarks(
            &self,
            _: &str,
            _: &[i32],
        ) -> Result<BTreeMap<i32, Watermarks>, Problem> {
            Ok(BTreeMap::new())
        }

        async fn committed(
            &self,
            _: &str,
            _: &str,
            _: &[i32],
        ) -> Result<BTreeMap<i32, Committed>, Problem> {
            Ok(BTreeMap::new())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_repeated_and_what_is_refused_or_lasts_is_not() {
        for (failures, code, left, works) in [
            (1, ErrorCode::KafkaUnreachable, 0, true),
            (TRIES - 1, ErrorCode::KafkaRequestFailed, 0, true),
            (TRIES, ErrorCode::KafkaRequestFailed, 0, false),
            (2, ErrorCode::KafkaTopicAuthorizationFailed, 1, false),
            (2, ErrorCode::KafkaAuthenticationFailed, 1, false),
        ] {
            let admin = Failing(Mutex::new((failures, code)));
            let outcome = Repeating::new(&admin).describe_topic("t").await;
            assert_eq!(outcome.is_ok(), works, "{failures} {code}");
            assert_eq!(admin.0.lock().expect("no panic before").0, left, "{failures} {code}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_time_for_all_nothing_is_repeated() {
        let admin = Failing(Mutex::new((2, ErrorCode::KafkaUnreachable)));
        let repeating = Repeating::new(&admin);
        tokio::time::advance(WITHIN).await;
        assert!(repeating.describe_topic("t").await.is_err());
        assert_eq!(admin.0.lock().expect("no panic before").0, 1);
    }
}
