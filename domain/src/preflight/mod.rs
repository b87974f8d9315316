//! The checks of a preflight: what is tried out before a connector runs.

mod page;

use std::fmt;
use std::str::FromStr;

use crate::ErrorCode;
use crate::error_code::Problem;
pub use page::table;

macro_rules! catalogue {
    ($( $variant:ident $name:literal $part:ident $subject:literal $passes:literal $otherwise:literal; )*) => {
        /// A check of a preflight.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Check {
            $( #[doc = $passes] $variant, )*
        }

        impl Check {
            /// Every check, in the order of the catalogue.
            pub const ALL: &[Check] = &[ $( Check::$variant, )* ];

            /// The stable name, for example `kafka.topic.read`.
            pub fn as_str(self) -> &'static str {
                match self { $( Check::$variant => $name, )* }
            }

            /// What is checked.
            pub fn part(self) -> Part {
                match self { $( Check::$variant => Part::$part, )* }
            }

            /// What each is about.
            fn subject(self) -> &'static str {
                match self { $( Check::$variant => $subject, )* }
            }

            /// When it passes.
            fn passes(self) -> &'static str {
                match self { $( Check::$variant => $passes, )* }
            }

            /// What it comes to where it does not.
            fn otherwise(self) -> &'static str {
                match self { $( Check::$variant => $otherwise, )* }
            }
        }
    };
}

/// What a check is about, and so who carries it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// What the control plane knows by itself.
    Service,
    /// Kafka, as an agent finds it.
    Kafka,
    /// The object store, as an agent finds it.
    Store,
}

catalogue! {
    Spec "spec" Service "field"
        "The spec holds nothing that is allowed and perhaps not meant."
        "WARN for each such field.";
    InstanceEnabled "instance.enabled" Service "instance"
        "The instance takes connectors."
        "FAIL where they are disabled.";
    InstanceCluster "instance.cluster" Service "instance"
        "No other instance with connectors is the same Kafka cluster, or it may be shared."
        "FAIL.";
    GroupUnshared "group.unshared" Service "group"
        "No other connector commits to the task consumer group."
        "FAIL, naming the connector.";
    PoolAgents "pool.agents" Service "pool"
        "An agent is connected in the connector's pool."
        "FAIL where none is.";
    PoolCapacity "pool.capacity" Service "pool"
        "The agents of the pool have room for all tasks of the connector."
        "FAIL where a task would find none.";
    PoolFeatures "pool.features" Service "pool"
        "Every agent of the pool can do what this control plane may ask for."
        "WARN, naming the agents that are too old.";
    KafkaConnect "kafka.connect" Kafka "bootstrap servers"
        "A bootstrap server answers, and takes the instance's security settings."
        "FAIL; every other check of Kafka is skipped.";
    KafkaBroker "kafka.broker" Kafka "each broker and its address"
        "The broker answers at the address that it advertises."
        "FAIL.";
    KafkaOffsetsRetention "kafka.offsets_retention" Kafka "cluster"
        "The brokers keep the offsets of a group without members for a day or more."
        "WARN, also where they do not tell.";
    KafkaStaticMembers "kafka.static_members" Kafka "cluster"
        "The brokers know static group members (2.3)."
        "WARN: the connector delivers at least once.";
    KafkaTopic "kafka.topic" Kafka "source topic"
        "The source topic exists and can be described."
        "FAIL.";
    KafkaTopicId "kafka.topic.id" Kafka "source topic"
        "The topic has an id (2.8)."
        "WARN: the connector delivers at least once.";
    KafkaTopicRead "kafka.topic.read" Kafka "source topic"
        "READ on the topic is allowed."
        "FAIL; SKIPPED where the brokers do not tell.";
    KafkaTopicDescribeConfigs "kafka.topic.describe_configs" Kafka "source topic"
        "DESCRIBE_CONFIGS on the topic is allowed."
        "WARN: its message sizes are not known; SKIPPED where the brokers do not tell.";
    KafkaTopicWrite "kafka.topic.write" Kafka "source topic"
        "WRITE on the topic is allowed."
        "WARN: test messages cannot be sent; SKIPPED where the brokers do not tell.";
    KafkaMessageSize "kafka.message_size" Kafka "source topic"
        "The agent fetches the largest batch that the topic takes."
        "WARN; SKIPPED where the topic's settings cannot be read.";
    KafkaTransactions "kafka.transactions" Kafka "source topic"
        "No open transaction holds records of the topic back."
        "WARN, naming the partitions; SKIPPED where the brokers do not tell.";
    KafkaGroupRead "kafka.group.read" Kafka "group"
        "READ on the task consumer group is allowed."
        "FAIL; SKIPPED where the brokers do not tell.";
    KafkaGroupOffsets "kafka.group.offsets" Kafka "group"
        "The group holds no offsets for the topic, or the connector's own."
        "WARN where it holds others, at which the connector would start.";
    KafkaGroupMembers "kafka.group.members" Kafka "group"
        "No member of the group is a stranger."
        "FAIL, naming the member; SKIPPED where the brokers do not tell.";
    KafkaInternalTopic "kafka.internal_topic" Kafka "each offset, configuration and status topic"
        "The topic is as it should be, or the brokers would create it."
        "FAIL where it has to be made by hand or has other partitions; WARN where it is not compacted.";
    KafkaInternalTopicWrite "kafka.internal_topic.write" Kafka "each of them that exists"
        "READ and WRITE on the topic are allowed."
        "WARN: data flows without it; SKIPPED where the brokers do not tell.";
    KafkaErrorTopic "kafka.error_topic" Kafka "each error topic"
        "The topic takes bad records of the source's size, or the brokers would create it."
        "FAIL where it has to be made by hand or would lose records; WARN where it takes less.";
    KafkaErrorTopicWrite "kafka.error_topic.write" Kafka "each of them that exists"
        "WRITE on the topic is allowed."
        "FAIL; SKIPPED where the brokers do not tell.";
    StoreConnect "store.connect" Store "endpoint"
        "The endpoint answers, and its certificate is trusted."
        "FAIL; every other check of the store is skipped.";
    StoreClock "store.clock" Store "endpoint"
        "The agent's clock and the store's are less than a minute apart."
        "WARN from a minute on, FAIL from 15 minutes on.";
    StoreCredentials "store.credentials" Store "bucket"
        "The agent has the credentials, and the store knows them."
        "FAIL.";
    StoreRegion "store.region" Store "bucket"
        "The bucket is in the region that requests are signed for, and at this endpoint."
        "FAIL, naming the right one.";
    StoreBucket "store.bucket" Store "bucket"
        "The bucket exists."
        "FAIL.";
    StorePut "store.put" Store "bucket"
        "A small object can be put under the connector's prefix."
        "FAIL.";
    StoreCreateOnly "store.create_only" Store "bucket"
        "The store refuses a second put of the same key."
        "WARN: the connector delivers at least once.";
    StoreHead "store.head" Store "bucket"
        "HEAD of an object is allowed."
        "FAIL.";
    StoreGet "store.get" Store "bucket"
        "GET of an object is allowed."
        "WARN: `kafka2oss verify` needs it.";
    StoreList "store.list" Store "bucket"
        "The bucket can be listed."
        "WARN: `kafka2oss verify` needs it.";
    StoreVersioning "store.versioning" Store "bucket"
        "The bucket keeps no versions, or the store refuses a second put all the same (S3)."
        "WARN on OSS: the connector delivers at least once; SKIPPED where it is not allowed to ask.";
    StoreObjectLock "store.object_lock" Store "bucket"
        "The bucket has no default retention."
        "WARN: what was tried out stays until it ends; SKIPPED where the store does not tell.";
    StoreDelete "store.delete" Store "bucket"
        "What was put can be deleted."
        "WARN, naming what stays.";
}

/// What a check came to, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// All is as it should be.
    Pass,
    /// It was not checked.
    Skipped,
    /// Something is not as it should be, and the connector runs.
    Warn,
    /// The connector does not run, or not for long.
    Fail,
}

/// A finished check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which one.
    pub check: Check,
    /// The broker, topic, group, bucket or field that it is about.
    pub subject: String,
    /// What it came to.
    pub verdict: Verdict,
    /// What is wrong, if anything is.
    pub code: Option<ErrorCode>,
    /// What was found, with names and numbers.
    pub detail: String,
}

impl Finding {
    /// All is as it should be.
    pub fn pass(check: Check, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        let (subject, detail) = (subject.into(), detail.into());
        Self { check, subject, verdict: Verdict::Pass, code: None, detail }
    }

    /// It was not checked, and why.
    pub fn skipped(check: Check, subject: impl Into<String>, why: impl Into<String>) -> Self {
        let (subject, detail) = (subject.into(), why.into());
        Self { check, subject, verdict: Verdict::Skipped, code: None, detail }
    }

    /// The connector runs with this problem.
    pub fn warn(check: Check, subject: impl Into<String>, problem: Problem) -> Self {
        Self::wrong(check, subject.into(), Verdict::Warn, problem)
    }

    /// The connector does not run with this problem.
    pub fn fail(check: Check, subject: impl Into<String>, problem: Problem) -> Self {
        Self::wrong(check, subject.into(), Verdict::Fail, problem)
    }

    /// A check that failed, and the others of its part, which cannot be carried out then.
    pub fn alone(check: Check, subject: impl Into<String>, problem: Problem) -> Vec<Self> {
        let others = Check::ALL.iter().copied().filter(|other| other.part() == check.part());
        let others = others.filter(|other| *other != check);
        let skipped = others.map(|other| Self::skipped(other, "", format!("{check} failed")));
        std::iter::once(Self::fail(check, subject, problem)).chain(skipped).collect()
    }

    fn wrong(check: Check, subject: String, verdict: Verdict, problem: Problem) -> Self {
        let Problem { code, message } = problem;
        Self { check, subject, verdict, code: Some(code), detail: message }
    }
}

/// A name that is no check's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no check of a preflight")]
pub struct UnknownCheck(String);

impl FromStr for Check {
    type Err = UnknownCheck;

    fn from_str(name: &str) -> Result<Self, UnknownCheck> {
        let mut all = Self::ALL.iter().copied();
        all.find(|check| check.as_str() == name).ok_or_else(|| UnknownCheck(name.to_owned()))
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_check_is_found_by_its_name_and_names_are_distinct() {
        let mut names = HashSet::new();
        for check in Check::ALL {
            assert!(names.insert(check.as_str()), "{check} stands twice");
            assert_eq!(check.as_str().parse(), Ok(*check));
        }
        assert_eq!("kafka.moon".parse::<Check>(), Err(UnknownCheck("kafka.moon".to_owned())));
    }

    #[test]
    fn a_check_without_which_no_other_goes_has_those_of_its_part_skipped() {
        let problem = Problem::new(ErrorCode::KafkaUnreachable, "silent");
        let found = Finding::alone(Check::KafkaConnect, "k1:9092", problem);
        let kafkas = Check::ALL.iter().filter(|check| check.part() == Part::Kafka);
        assert_eq!(found.len(), kafkas.count());
        assert_eq!((found[0].check, found[0].verdict), (Check::KafkaConnect, Verdict::Fail));
        for other in &found[1..] {
            assert_eq!((other.check.part(), other.verdict), (Part::Kafka, Verdict::Skipped));
            assert_eq!(other.detail, "kafka.connect failed");
        }
    }

    #[test]
    fn the_worst_verdict_is_the_greatest() {
        let all = [Verdict::Warn, Verdict::Pass, Verdict::Fail, Verdict::Skipped];
        assert_eq!(all.into_iter().max(), Some(Verdict::Fail));
        assert!(Verdict::Warn > Verdict::Skipped && Verdict::Skipped > Verdict::Pass);
    }
}
