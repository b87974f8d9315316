//! Who is a member of a consumer group. Blocks.

use std::collections::BTreeSet;

use rdkafka::bindings as c;
use rdkafka::types::RDKafkaErrorCode;

use super::{Client, operations};
use crate::admin::Operations;
use crate::coordinator;
use crate::native::{Ask, Failure, REQUEST_TIMEOUT, Submission, c_string, call, items, text};
use crate::partition_list;
use c::rd_kafka_admin_op_t as Operation;
use c::rd_kafka_consumer_group_state_t as GroupState;

/// A consumer group and its members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupMembers {
    /// Every partition has the owner that it is to have. While the group rebalances,
    /// some belong to nobody for a moment.
    pub is_stable: bool,
    /// Its members; none where there is no such group.
    pub members: Vec<GroupMember>,
}

/// A member of a consumer group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupMember {
    /// Its `group.instance.id`; `None` of one that is not static.
    pub instance_id: Option<String>,
    /// Its `client.id`.
    pub client_id: String,
    /// Where it connects from, as the brokers say it: `/127.0.0.1`.
    pub host: String,
    /// The partitions of the topic that was asked for, of those that it has.
    pub partitions: BTreeSet<i32>,
}

/// The members of `group`, and what each has of `topic`.
pub(super) fn members(client: &Client, group: &str, topic: &str) -> Result<GroupMembers, Failure> {
    let code = |failure: &Failure| Some(failure.code);
    let read = |description| {
        // SAFETY: the description is live while this is called.
        unsafe { copied(description, topic) }
    };
    coordinator::ask(REQUEST_TIMEOUT, code, |_| describe_once(client, group, |_| {}, read))
}

/// The same, and what may be done to the group, where the brokers tell.
pub(super) fn members_and_allowed(
    client: &Client,
    group: &str,
    topic: &str,
) -> Result<(GroupMembers, Option<Operations>), Failure> {
    let code = |failure: &Failure| Some(failure.code);
    let also = |to: &Submission| {
        // SAFETY: the options are live while a request is submitted.
        unsafe { operations::ask_for(to) }
    };
    let read = |description| {
        let mut count = 0;
        // SAFETY: the description is live while this is called, and so are the operations.
        unsafe {
            let listed =
                c::rd_kafka_ConsumerGroupDescription_authorized_operations(description, &mut count);
            (copied(description, topic), operations::read(listed, count))
        }
    };
    coordinator::ask(REQUEST_TIMEOUT, code, |_| describe_once(client, group, also, read))
}

/// What `read` makes of the group's description, which lives while it is called; `also`
/// sets what else is asked for.
fn describe_once<T>(
    client: &Client,
    group: &str,
    also: impl Fn(&Submission),
    read: impl Fn(*const c::rd_kafka_ConsumerGroupDescription_t) -> T,
) -> Result<T, Failure> {
    let name = c_string(group)?;
    let mut names = [name.as_ptr()];
    // SAFETY: the client is live; the request is of the kind named and copies the one
    // name.
    let event = unsafe {
        call(
            client.ptr(),
            Operation::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS,
            Ask::Coordinator,
            |to| {
                also(to);
                c::rd_kafka_DescribeConsumerGroups(
                    to.client,
                    names.as_mut_ptr(),
                    names.len(),
                    to.options,
                    to.queue,
                );
            },
        )
    }?;
    // SAFETY: the event is live until this function's end and answers this request;
    // descriptions and what they point to live as long as it, and all of it is copied.
    unsafe {
        let result = c::rd_kafka_event_DescribeConsumerGroups_result(event.as_ptr());
        Ok(read(only_described(result)?))
    }
}

/// # Safety
/// `group` is live.
unsafe fn copied(
    group: *const c::rd_kafka_ConsumerGroupDescription_t,
    topic: &str,
) -> GroupMembers {
    // SAFETY: the description is live, and so is what it points to.
    unsafe {
        let count = c::rd_kafka_ConsumerGroupDescription_member_count(group);
        let members = (0..count).map(|index| {
            let member = c::rd_kafka_ConsumerGroupDescription_member(group, index);
            let assignment = c::rd_kafka_MemberDescription_assignment(member);
            let partitions = if assignment.is_null() {
                Vec::new()
            } else {
                partition_list::read(c::rd_kafka_MemberAssignment_partitions(assignment))
            };
            GroupMember {
                instance_id: text(c::rd_kafka_MemberDescription_group_instance_id(member)),
                client_id: text(c::rd_kafka_MemberDescription_client_id(member))
                    .unwrap_or_default(),
                host: text(c::rd_kafka_MemberDescription_host(member)).unwrap_or_default(),
                partitions: partitions.iter().filter_map(|one| one.of(topic)).collect(),
            }
        });
        let state = c::rd_kafka_ConsumerGroupDescription_state(group);
        GroupMembers {
            is_stable: state == GroupState::RD_KAFKA_CONSUMER_GROUP_STATE_STABLE,
            members: members.collect(),
        }
    }
}

/// The description of the one group that was asked for, which lives as long as
/// `result`.
///
/// # Safety
/// `result` is null or live.
unsafe fn only_described(
    result: *const c::rd_kafka_DescribeConsumerGroups_result_t,
) -> Result<*const c::rd_kafka_ConsumerGroupDescription_t, Failure> {
    if result.is_null() {
        return Err(Failure::of(RDKafkaErrorCode::InvalidType));
    }
    // SAFETY: the result is live, and so is what is in it.
    unsafe {
        let mut count = 0;
        let groups = c::rd_kafka_DescribeConsumerGroups_result_groups(result, &mut count);
        let Some(group) = items(groups, count).first().copied() else {
            return Err(Failure::of(RDKafkaErrorCode::InvalidType));
        };
        let error = c::rd_kafka_ConsumerGroupDescription_error(group);
        Failure::from_error(error).map_or(Ok(group), Err)
    }
}
