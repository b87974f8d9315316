//! Kafka's administration over the Kafka protocol.

mod answering;
mod groups;
mod members;
mod offsets;
mod operations;
mod settings;
mod topics;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::Instance;
use rdkafka::ClientConfig;
use rdkafka::bindings::rd_kafka_admin_op_t;
use rdkafka::types::RDKafka;

use self::answering::Answering;
pub use self::members::{GroupMember, GroupMembers};
pub use self::offsets::LogPlace;
use crate::admin::{
    Broker, BrokerSettings, Committed, Creation, KafkaAdmin, Operations, TopicDescription,
    TopicPlan, Watermarks,
};
use crate::async_producer::AsyncProducer;
use crate::calls;
use crate::config::client_config;
use crate::error_memory::ErrorMemory;
use crate::native::{Ask, Event, Failure, Submission, addresses, answering_broker, call};
use crate::per_instance::Connect;
use crate::right::Right;

/// Kafka's administration over the Kafka protocol. Each request takes up to
/// about 10 s where brokers do not answer.
pub struct BrokerAdmin {
    client: Arc<Client>,
}

/// rdkafka's admin client never serves its main queue, so that nobody hears
/// why connections fail; a producer that is served does.
struct Client {
    producer: AsyncProducer,
    memory: ErrorMemory,
    config: ClientConfig,
    answering: Answering,
}

impl Client {
    fn ptr(&self) -> *mut RDKafka {
        self.producer.client().native_ptr()
    }

    /// As [`call`], of whatever broker answers.
    ///
    /// # Safety
    /// `submit` makes the request of kind `operation` with what the submission holds.
    unsafe fn ask_any(
        &self,
        operation: rd_kafka_admin_op_t,
        submit: impl Fn(&Submission),
    ) -> Result<Event, Failure> {
        self.answering.ask(
            Instant::now(),
            // SAFETY: the client is live.
            || unsafe { answering_broker(self.ptr()) },
            |broker, patience| {
                // SAFETY: the client is live, and the rest by this function's contract.
                unsafe { call(self.ptr(), operation, Ask::Broker(broker, patience), &submit) }
            },
        )
    }
}

impl Connect for BrokerAdmin {
    async fn connect(instance: &Instance) -> Result<Self, Problem> {
        BrokerAdmin::connect(instance).await
    }
}

impl fmt::Debug for BrokerAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerAdmin").finish_non_exhaustive()
    }
}

impl BrokerAdmin {
    /// A client for an instance, with its secrets resolved anew. Brokers are
    /// connected to by the first request.
    ///
    /// # Errors
    /// Secrets that cannot be read, settings that librdkafka does not take (a
    /// CA that is none, for example).
    pub async fn connect(instance: &Instance) -> Result<Self, Problem> {
        let config = client_config(instance).await?;
        let memory = ErrorMemory::of(&config);
        let producer =
            AsyncProducer::create(config.clone(), memory.clone(), "cannot make a Kafka client")
                .await?;
        Ok(Self {
            client: Arc::new(Client { producer, memory, config, answering: Answering::default() }),
        })
    }

    /// Where a place is in partitions of a topic; every one or an error.
    ///
    /// # Errors
    /// What the brokers or librdkafka say.
    pub async fn offsets(
        &self,
        topic: &str,
        partitions: &[i32],
        place: LogPlace,
    ) -> Result<BTreeMap<i32, i64>, Problem> {
        let (name, partitions) = (topic.to_owned(), partitions.to_vec());
        let what = match place {
            LogPlace::Beginning => format!("cannot read where topic `{topic}` begins"),
            LogPlace::End => format!("cannot read where topic `{topic}` ends"),
            LogPlace::StableEnd => {
                format!("cannot read the last stable offsets of topic `{topic}`")
            }
        };
        self.request(what, Right::on_topic("DESCRIBE", topic), move |client| {
            offsets::of(client, &name, &partitions, place)
        })
        .await
    }

    /// Kafka's id of a topic, the inner `None` where brokers have none (before 2.8);
    /// the outer one where there is no such topic. Less to ask than
    /// [`describe_topic`](KafkaAdmin::describe_topic).
    ///
    /// # Errors
    /// What the brokers or librdkafka say.
    pub async fn topic_id(&self, topic: &str) -> Result<Option<Option<String>>, Problem> {
        let name = topic.to_owned();
        let what = format!("cannot read the id of topic `{topic}`");
        self.request(what, Right::on_topic("DESCRIBE", topic), move |client| {
            topics::id(client, &name)
        })
        .await
    }

    /// How many partitions a topic has; `None` where there is no such topic.
    ///
    /// # Errors
    /// What the brokers or librdkafka say.
    pub async fn partition_count(&self, topic: &str) -> Result<Option<u32>, Problem> {
        let name = topic.to_owned();
        let what = format!("cannot read how many partitions topic `{topic}` has");
        self.request(what, Right::on_topic("DESCRIBE", topic), move |client| {
            topics::partition_count(client, &name)
        })
        .await
    }

    /// Who is a member of a group, and what each has of `topic`. After a failure this
    /// client is to be dropped within the hour, as [`Shared`](crate::Shared) does it.
    ///
    /// # Errors
    /// What the brokers or librdkafka say.
    pub async fn group_members(&self, group: &str, topic: &str) -> Result<GroupMembers, Problem> {
        let what = format!("cannot describe group `{group}`");
        let needs = Right::on_group("DESCRIBE", group);
        let (group, topic) = (group.to_owned(), topic.to_owned());
        self.request(what, needs, move |client| members::members(client, &group, &topic)).await
    }

    /// What keeps it from the brokers, if something did of late.
    pub(crate) fn cause(&self) -> Option<Problem> {
        self.client.memory.cause()
    }

    /// Runs a request that blocks where it may.
    async fn request<T: Send + 'static>(
        &self,
        what: String,
        needs: Right,
        request: impl FnOnce(&Client) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Problem> {
        let client = Arc::clone(&self.client);
        let request = move || {
            request(&client)
                .map_err(|failure| needs.named_in(client.memory.problem_of(&what, &failure)))
        };
        calls::of_clients().run("a request to the brokers", request).await?
    }
}

#[async_trait]
impl KafkaAdmin for BrokerAdmin {
    async fn cluster_id(&self) -> Result<Option<String>, Problem> {
        let needs = Right::on_cluster("DESCRIBE");
        self.request("cannot reach the cluster".into(), needs, topics::cluster_id).await
    }

    async fn broker_settings(&self) -> Result<BrokerSettings, Problem> {
        let (what, needs) =
            ("cannot read the brokers' settings", Right::on_cluster("DESCRIBE_CONFIGS"));
        self.request(what.into(), needs, settings::of_brokers).await
    }

    async fn describe_topic(&self, topic: &str) -> Result<Option<TopicDescription>, Problem> {
        let name = topic.to_owned();
        let what = format!("cannot describe topic `{topic}`");
        self.request(what, Right::on_topic("DESCRIBE", topic), move |client| {
            topics::describe(client, &name)
        })
        .await
    }

    async fn create_topic(&self, plan: &TopicPlan) -> Result<Creation, Problem> {
        let what = format!("cannot tell whether topic `{}` was created", plan.name);
        let plan = plan.clone();
        let needs = Right::on_topic("CREATE", &plan.name);
        self.request(what, needs, move |client| topics::create(client, &plan)).await
    }

    async fn delete_topic(&self, topic: &str) -> Result<(), Problem> {
        let name = topic.to_owned();
        let what = format!("cannot delete topic `{topic}`");
        self.request(what, Right::on_topic("DELETE", topic), move |client| {
            topics::delete(client, &name)
        })
        .await
    }

    async fn delete_group(&self, group: &str) -> Result<(), Problem> {
        let name = group.to_owned();
        let what = format!("cannot delete group `{group}`");
        self.request(what, Right::on_group("DELETE", group), move |client| {
            groups::delete(client, &name)
        })
        .await
    }

    async fn watermarks(
        &self,
        topic: &str,
        partitions: &[i32],
    ) -> Result<BTreeMap<i32, Watermarks>, Problem> {
        let (name, partitions) = (topic.to_owned(), partitions.to_vec());
        let what = format!("cannot read the offsets of topic `{topic}`");
        self.request(what, Right::on_topic("DESCRIBE", topic), move |client| {
            offsets::watermarks(client, &name, &partitions)
        })
        .await
    }

    async fn offsets_for_times(
        &self,
        topic: &str,
        partitions: &[i32],
        timestamp: i64,
    ) -> Result<BTreeMap<i32, i64>, Problem> {
        let (name, partitions) = (topic.to_owned(), partitions.to_vec());
        let what = format!("cannot look up a time in topic `{topic}`");
        self.request(what, Right::on_topic("DESCRIBE", topic), move |client| {
            offsets::for_times(client, &name, &partitions, timestamp)
        })
        .await
    }

    async fn committed(
        &self,
        group: &str,
        topic: &str,
        partitions: &[i32],
    ) -> Result<BTreeMap<i32, Committed>, Problem> {
        let what = format!("cannot read the committed offsets of group `{group}`");
        let needs = Right::on_group("DESCRIBE", group);
        let (group, topic, partitions) = (group.to_owned(), topic.to_owned(), partitions.to_vec());
        self.request(what, needs, move |client| {
            groups::committed(client, &group, &topic, &partitions)
        })
        .await
    }

    fn connection_problem(&self) -> Option<Problem> {
        self.cause()
    }

    async fn brokers(&self) -> Result<Vec<Broker>, Problem> {
        let needs = Right::on_cluster("DESCRIBE");
        let list = |client: &Client| {
            // SAFETY: the client is live.
            let found = unsafe { addresses(client.ptr()) }?;
            Ok(found.into_iter().map(|(id, address)| Broker { id, address }).collect())
        };
        self.request("cannot list the brokers".into(), needs, list).await
    }

    async fn reach(&self, broker: &Broker) -> Result<(), Problem> {
        let needs = Right::on_cluster("DESCRIBE");
        let Broker { id, address } = broker.clone();
        let what = format!("broker {id} at `{address}` does not answer");
        self.request(what, needs, move |client| topics::reach(client, id)).await
    }

    async fn allowed_on_topic(&self, topic: &str) -> Result<Option<Operations>, Problem> {
        let name = topic.to_owned();
        let what = format!("cannot describe topic `{topic}`");
        self.request(what, Right::on_topic("DESCRIBE", topic), move |client| {
            topics::allowed(client, &name)
        })
        .await
    }

    async fn describe_group(
        &self,
        group: &str,
        topic: &str,
    ) -> Result<Option<(GroupMembers, Option<Operations>)>, Problem> {
        let what = format!("cannot describe group `{group}`");
        let needs = Right::on_group("DESCRIBE", group);
        let (group, topic) = (group.to_owned(), topic.to_owned());
        self.request(what, needs, move |client| {
            members::members_and_allowed(client, &group, &topic).map(Some)
        })
        .await
    }

    async fn try_create_topic(&self, plan: &TopicPlan) -> Result<Option<Creation>, Problem> {
        let what = format!("cannot tell whether topic `{}` could be created", plan.name);
        let plan = plan.clone();
        let needs = Right::on_topic("CREATE", &plan.name);
        self.request(what, needs, move |client| topics::try_create(client, &plan).map(Some)).await
    }

    async fn stable_ends(
        &self,
        topic: &str,
        partitions: &[i32],
    ) -> Result<Option<BTreeMap<i32, i64>>, Problem> {
        self.offsets(topic, partitions, LogPlace::StableEnd).await.map(Some)
    }
}
