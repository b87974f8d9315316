//! Rights of Kafka's access rules, named where one is missing.

use std::fmt;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;

/// A right that a request needs, in the words of Kafka's access rules: an operation on
/// a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    operation: &'static str,
    resource: Resource,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Resource {
    Topic(String),
    Group(String),
    Cluster,
}

impl Right {
    /// An operation, such as `READ`, on a topic.
    pub fn on_topic(operation: &'static str, topic: &str) -> Self {
        Self { operation, resource: Resource::Topic(topic.to_owned()) }
    }

    /// An operation on a consumer group.
    pub fn on_group(operation: &'static str, group: &str) -> Self {
        Self { operation, resource: Resource::Group(group.to_owned()) }
    }

    /// An operation on the cluster.
    pub fn on_cluster(operation: &'static str) -> Self {
        Self { operation, resource: Resource::Cluster }
    }

    /// The problem, with this right in its message if it is that a right is missing.
    #[must_use]
    pub fn named_in(&self, problem: Problem) -> Problem {
        let is_missing = matches!(
            problem.code,
            ErrorCode::KafkaTopicAuthorizationFailed | ErrorCode::KafkaGroupAuthorizationFailed
        );
        if !is_missing {
            return problem;
        }
        Problem::new(problem.code, format!("{}; it needs {self}", problem.message))
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, resource } = self;
        match resource {
            Resource::Topic(name) => write!(f, "{operation} on topic `{name}`"),
            Resource::Group(name) => write!(f, "{operation} on group `{name}`"),
            Resource::Cluster => write!(f, "{operation} on the cluster"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_missing_right_is_named() {
        let right = Right::on_topic("READ", "t");
        let refused = Problem::new(ErrorCode::KafkaTopicAuthorizationFailed, "cannot read");
        assert_eq!(right.named_in(refused).message, "cannot read; it needs READ on topic `t`");
        let other = Problem::new(ErrorCode::KafkaTopicNotFound, "cannot read");
        assert_eq!(right.named_in(other.clone()), other);
    }
}
