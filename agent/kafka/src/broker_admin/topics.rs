//! Requests about topics and the cluster. All block.

use rdkafka::bindings as c;
use rdkafka::types::RDKafkaErrorCode;

use super::{Client, settings};
use crate::admin::{Creation, TopicDescription, TopicPlan};
use crate::native::{Ask, Failure, Owned, c_string, call, items, text};
use c::rd_kafka_admin_op_t as Operation;

/// Kafka's id for "no topic id": 16 zero bytes, which a broker before 2.8
/// leaves there.
const NO_TOPIC_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

pub(super) fn cluster_id(client: &Client) -> Result<Option<String>, Failure> {
    // SAFETY: the client is live; the request is of the kind named.
    let event = unsafe {
        client.ask_any(Operation::RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER, |to| {
            c::rd_kafka_DescribeCluster(to.client, to.options, to.queue);
        })
    }?;
    // SAFETY: the event is live and answers this request; the text is copied.
    Ok(unsafe {
        let result = c::rd_kafka_event_DescribeCluster_result(event.as_ptr());
        if result.is_null() {
            None
        } else {
            text(c::rd_kafka_DescribeCluster_result_cluster_id(result))
        }
    })
}

pub(super) fn describe(client: &Client, topic: &str) -> Result<Option<TopicDescription>, Failure> {
    let Some((id, partitions)) = id_and_partitions(client, topic)? else { return Ok(None) };
    let settings = match settings::of_topic(client, topic) {
        Ok(settings) => settings,
        // Not every user may read settings, nor every broker answer.
        Err(Failure {
            code:
                RDKafkaErrorCode::UnsupportedFeature
                | RDKafkaErrorCode::UnsupportedVersion
                | RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed,
            words,
        }) => {
            tracing::debug!(topic, reason = words, "topic settings cannot be read");
            settings::Settings::new()
        }
        // Deleted between the two requests.
        Err(failure) if failure.code == RDKafkaErrorCode::UnknownTopicOrPartition => {
            return Ok(None);
        }
        Err(failure) => return Err(failure),
    };
    let cleanup_policy = settings.get("cleanup.policy").cloned();
    let max_message_bytes = settings.get("max.message.bytes").and_then(|limit| limit.parse().ok());
    Ok(Some(TopicDescription { id, partitions, cleanup_policy, max_message_bytes }))
}

/// The topic's id, if it exists and Kafka has ids: one request, where a broker was
/// found of late.
pub(super) fn id(client: &Client, topic: &str) -> Result<Option<Option<String>>, Failure> {
    Ok(id_and_partitions(client, topic)?.map(|(id, _)| id))
}

/// How many partitions the topic has, if it exists.
pub(super) fn partition_count(client: &Client, topic: &str) -> Result<Option<u32>, Failure> {
    Ok(id_and_partitions(client, topic)?.map(|(_, partitions)| partitions))
}

fn id_and_partitions(
    client: &Client,
    topic: &str,
) -> Result<Option<(Option<String>, u32)>, Failure> {
    let name = c_string(topic)?;
    let mut names = [name.as_ptr()];
    // SAFETY: one name, which lives until after the request.
    let topics = unsafe {
        Owned::take(
            c::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len()),
            c::rd_kafka_TopicCollection_destroy,
        )
    }?;
    // SAFETY: the client is live; the request is of the kind named.
    let event = unsafe {
        client.ask_any(Operation::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, |to| {
            c::rd_kafka_DescribeTopics(to.client, topics.as_ptr(), to.options, to.queue);
        })
    }?;
    // SAFETY: the event is live until this function's end, and answers this
    // request; descriptions and what they point to live as long as it, and all
    // of it is copied.
    unsafe {
        let result = c::rd_kafka_event_DescribeTopics_result(event.as_ptr());
        if result.is_null() {
            return Err(Failure::of(RDKafkaErrorCode::InvalidType));
        }
        let mut count = 0;
        let descriptions = c::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        let Some(description) = items(descriptions, count).first().copied() else {
            return Ok(None);
        };
        match Failure::from_error(c::rd_kafka_TopicDescription_error(description)) {
            Some(failure) if failure.code == RDKafkaErrorCode::UnknownTopicOrPartition => {
                return Ok(None);
            }
            Some(failure) => return Err(failure),
            None => {}
        }
        let mut partitions = 0;
        c::rd_kafka_TopicDescription_partitions(description, &mut partitions);
        let id = c::rd_kafka_TopicDescription_topic_id(description);
        let id = if id.is_null() { None } else { text(c::rd_kafka_Uuid_base64str(id)) };
        let id = id.filter(|id| !id.is_empty() && id != NO_TOPIC_ID);
        let id = id.as_deref().map(as_kafka_prints);
        Ok(Some((id, u32::try_from(partitions).unwrap_or(u32::MAX))))
    }
}

/// librdkafka prints ids in plain base64, Kafka in base64url.
fn as_kafka_prints(id: &str) -> String {
    id.replace('+', "-").replace('/', "_")
}

pub(super) fn create(client: &Client, plan: &TopicPlan) -> Result<Creation, Failure> {
    let topic = new_topic(plan)?;
    let mut topics = [topic.as_ptr()];
    // SAFETY: the client is live; the request is of the kind named and copies
    // the one topic.
    let event = unsafe {
        call(client.ptr(), Operation::RD_KAFKA_ADMIN_OP_CREATETOPICS, Ask::TheOneInCharge, |to| {
            c::rd_kafka_CreateTopics(
                to.client,
                topics.as_mut_ptr(),
                topics.len(),
                to.options,
                to.queue,
            );
        })
    };
    let event = match event {
        Ok(event) => event,
        Err(failure) => return refusal(failure),
    };
    // SAFETY: the event is live and answers this request.
    let failure = unsafe {
        let result = c::rd_kafka_event_CreateTopics_result(event.as_ptr());
        topic_failure(result, c::rd_kafka_CreateTopics_result_topics)?
    };
    failure.map_or(Ok(Creation::Created), refusal)
}

fn new_topic(plan: &TopicPlan) -> Result<Owned<c::rd_kafka_NewTopic_t>, Failure> {
    let name = c_string(&plan.name)?;
    let partitions = i32::try_from(plan.partitions)
        .map_err(|_| Failure::of(RDKafkaErrorCode::InvalidPartitions))?;
    // SAFETY: the name is copied; without a buffer no words are written.
    let topic = unsafe {
        Owned::take(
            c::rd_kafka_NewTopic_new(name.as_ptr(), partitions, -1, std::ptr::null_mut(), 0),
            c::rd_kafka_NewTopic_destroy,
        )
    }?;
    let limit = plan.max_message_bytes.map(|limit| ("max.message.bytes", limit.to_string()));
    for (name, value) in
        [("cleanup.policy", plan.cleanup_policy.to_owned())].into_iter().chain(limit)
    {
        let (name, value) = (c_string(name)?, c_string(&value)?);
        // SAFETY: the topic is live; both texts are copied.
        let code = unsafe {
            c::rd_kafka_NewTopic_set_config(topic.as_ptr(), name.as_ptr(), value.as_ptr())
        };
        Failure::from_code(code, None).map_or(Ok(()), Err)?;
    }
    Ok(topic)
}

/// What an error of CreateTopics says: an answer, or that there is none.
fn refusal(failure: Failure) -> Result<Creation, Failure> {
    use RDKafkaErrorCode as Native;
    match failure.code {
        Native::TopicAlreadyExists => Ok(Creation::AlreadyExists),
        Native::PolicyViolation
        | Native::TopicAuthorizationFailed
        | Native::ClusterAuthorizationFailed
        | Native::InvalidTopic
        | Native::InvalidPartitions
        | Native::InvalidReplicationFactor
        | Native::InvalidReplicaAssignment
        | Native::InvalidConfig
        | Native::InvalidRequest
        | Native::UnsupportedVersion
        | Native::UnsupportedFeature
        | Native::SecurityDisabled => Ok(Creation::Refused(failure.words)),
        _ => Err(failure),
    }
}

pub(super) fn delete(client: &Client, topic: &str) -> Result<(), Failure> {
    let name = c_string(topic)?;
    // SAFETY: the name is copied.
    let topic = unsafe {
        Owned::take(c::rd_kafka_DeleteTopic_new(name.as_ptr()), c::rd_kafka_DeleteTopic_destroy)
    }?;
    let mut topics = [topic.as_ptr()];
    // SAFETY: the client is live; the request is of the kind named and copies
    // the one topic.
    let event = unsafe {
        call(client.ptr(), Operation::RD_KAFKA_ADMIN_OP_DELETETOPICS, Ask::TheOneInCharge, |to| {
            c::rd_kafka_DeleteTopics(
                to.client,
                topics.as_mut_ptr(),
                topics.len(),
                to.options,
                to.queue,
            );
        })
    }?;
    // SAFETY: the event is live and answers this request.
    let failure = unsafe {
        let result = c::rd_kafka_event_DeleteTopics_result(event.as_ptr());
        topic_failure(result, c::rd_kafka_DeleteTopics_result_topics)?
    };
    match failure {
        Some(failure) if failure.code != RDKafkaErrorCode::UnknownTopicOrPartition => Err(failure),
        _ => Ok(()),
    }
}

type TopicResults = unsafe extern "C" fn(
    *const c::rd_kafka_event_t,
    *mut usize,
) -> *mut *const c::rd_kafka_topic_result_t;

/// The failure in the answer about one topic, if it is one.
///
/// # Safety
/// `result` is null or live, and `topics` reads it.
unsafe fn topic_failure(
    result: *const c::rd_kafka_event_t,
    topics: TopicResults,
) -> Result<Option<Failure>, Failure> {
    if result.is_null() {
        return Err(Failure::of(RDKafkaErrorCode::InvalidType));
    }
    // SAFETY: the result is live, and so is what is in it; words are copied.
    unsafe {
        let mut count = 0;
        let results = topics(result, &mut count);
        let Some(topic) = items(results, count).first().copied() else {
            return Err(Failure::of(RDKafkaErrorCode::InvalidType));
        };
        Ok(Failure::from_code(
            c::rd_kafka_topic_result_error(topic),
            text(c::rd_kafka_topic_result_error_string(topic)),
        ))
    }
}
