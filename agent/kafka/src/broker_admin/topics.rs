//! Requests about topics and the cluster. All block.

use std::ffi::c_char;

use rdkafka::bindings as c;
use rdkafka::types::RDKafkaErrorCode;

use super::{Client, operations, settings};
use crate::admin::{Creation, Operations, TopicDescription, TopicPlan};
use crate::native::{
    Ask, Failure, Owned, REQUEST_TIMEOUT, Submission, c_string, call, items, text,
};
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

/// An answer of one broker.
pub(super) fn reach(client: &Client, broker: i32) -> Result<(), Failure> {
    let ask = Ask::Broker(broker, REQUEST_TIMEOUT);
    // SAFETY: the client is live; the request is of the kind named.
    let event = unsafe {
        call(client.ptr(), Operation::RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER, ask, |to| {
            c::rd_kafka_DescribeCluster(to.client, to.options, to.queue);
        })
    };
    event.map(drop)
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

/// What may be done to the topic; nothing where there is no such topic.
pub(super) fn allowed(client: &Client, topic: &str) -> Result<Option<Operations>, Failure> {
    let read = |description| {
        let mut count = 0;
        // SAFETY: the description is live while this is called.
        let listed =
            unsafe { c::rd_kafka_TopicDescription_authorized_operations(description, &mut count) };
        // SAFETY: `count` of them live as long as the description.
        unsafe { operations::read(listed, count) }
    };
    let also = |to: &Submission| {
        // SAFETY: the options are live while a request is submitted.
        unsafe { operations::ask_for(to) }
    };
    Ok(described(client, topic, also, read)?.flatten())
}

fn id_and_partitions(
    client: &Client,
    topic: &str,
) -> Result<Option<(Option<String>, u32)>, Failure> {
    described(
        client,
        topic,
        |_| {},
        |description| {
            let mut partitions = 0;
            // SAFETY: the description is live while this is called, and texts are copied.
            let id = unsafe {
                c::rd_kafka_TopicDescription_partitions(description, &mut partitions);
                let id = c::rd_kafka_TopicDescription_topic_id(description);
                if id.is_null() { None } else { text(c::rd_kafka_Uuid_base64str(id)) }
            };
            let id = id.filter(|id| !id.is_empty() && id != NO_TOPIC_ID);
            let id = id.as_deref().map(as_kafka_prints);
            (id, u32::try_from(partitions).unwrap_or(u32::MAX))
        },
    )
}

/// What `read` makes of the topic's description, which lives while it is called; `also`
/// sets what else is asked for.
fn described<T>(
    client: &Client,
    topic: &str,
    also: impl Fn(&Submission),
    read: impl FnOnce(*const c::rd_kafka_TopicDescription_t) -> T,
) -> Result<Option<T>, Failure> {
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
            also(to);
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
        Ok(Some(read(description)))
    }
}

/// librdkafka prints ids in plain base64, Kafka in base64url.
fn as_kafka_prints(id: &str) -> String {
    id.replace('+', "-").replace('/', "_")
}

pub(super) fn create(client: &Client, plan: &TopicPlan) -> Result<Creation, Failure> {
    request_creation(client, plan, Creating::ForGood)
}

/// What would become of it.
pub(super) fn try_create(client: &Client, plan: &TopicPlan) -> Result<Creation, Failure> {
    request_creation(client, plan, Creating::OnTrial)
}

/// Whether the brokers carry a creation out, or only say what would become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Creating {
    ForGood,
    OnTrial,
}

fn request_creation(
    client: &Client,
    plan: &TopicPlan,
    creating: Creating,
) -> Result<Creation, Failure> {
    let topic = new_topic(plan)?;
    let mut topics = [topic.as_ptr()];
    let mut set = Ok(());
    // SAFETY: the client is live; the request is of the kind named and copies
    // the one topic.
    let event = unsafe {
        call(client.ptr(), Operation::RD_KAFKA_ADMIN_OP_CREATETOPICS, Ask::TheOneInCharge, |to| {
            if creating == Creating::OnTrial {
                set = on_trial(to);
            }
            // Without the setting the topic would be made.
            if set.is_err() {
                return;
            }
            c::rd_kafka_CreateTopics(
                to.client,
                topics.as_mut_ptr(),
                topics.len(),
                to.options,
                to.queue,
            );
        })
    };
    set?;
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

/// # Safety
/// All that `to` names is live.
unsafe fn on_trial(to: &Submission) -> Result<(), Failure> {
    let mut words: [c_char; 256] = [0; 256];
    // SAFETY: by this function's contract, and the buffer's size is told.
    let code = unsafe {
        c::rd_kafka_AdminOptions_set_validate_only(to.options, 1, words.as_mut_ptr(), words.len())
    };
    Failure::from_code(code, None).map_or(Ok(()), Err)
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
