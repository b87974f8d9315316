//! Access rules of a broker: which user may do what.

use std::ffi::CString;
use std::ptr;

use anyhow::{Result, anyhow, ensure};
use rdkafka::admin::AdminClient;
use rdkafka::bindings as c;
use rdkafka::client::DefaultClientContext;

/// What may be done to something, in the words of Kafka's access rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names of Kafka's own operations")]
pub enum Operation {
    Read,
    Write,
    Create,
    Delete,
    Describe,
    DescribeConfigs,
}

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// A topic.
    Topic(String),
    /// A consumer group.
    Group(String),
    /// The cluster as a whole.
    Cluster,
}

const ANSWER_LIMIT_MS: i32 = 20_000;

/// Allows a user of SASL something. Returns when the controller has it; a broker may
/// take a moment more.
pub(crate) fn allow(
    client: &AdminClient<DefaultClientContext>,
    user: &str,
    operation: Operation,
    resource: &Resource,
) -> Result<()> {
    use c::rd_kafka_AclOperation_t as Native;
    use c::rd_kafka_ResourceType_t as Kind;
    let operation = match operation {
        Operation::Read => Native::RD_KAFKA_ACL_OPERATION_READ,
        Operation::Write => Native::RD_KAFKA_ACL_OPERATION_WRITE,
        Operation::Create => Native::RD_KAFKA_ACL_OPERATION_CREATE,
        Operation::Delete => Native::RD_KAFKA_ACL_OPERATION_DELETE,
        Operation::Describe => Native::RD_KAFKA_ACL_OPERATION_DESCRIBE,
        Operation::DescribeConfigs => Native::RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS,
    };
    // In the protocol, the number 4 is the cluster; librdkafka calls it the broker.
    let (kind, name) = match resource {
        Resource::Topic(name) => (Kind::RD_KAFKA_RESOURCE_TOPIC, name.as_str()),
        Resource::Group(name) => (Kind::RD_KAFKA_RESOURCE_GROUP, name.as_str()),
        Resource::Cluster => (Kind::RD_KAFKA_RESOURCE_BROKER, "kafka-cluster"),
    };
    let (name, principal) = (CString::new(name)?, CString::new(format!("User:{user}"))?);
    // SAFETY: the client lives; the rule copies its texts and is freed here, as is the
    // queue; the answer is read while it lives and freed.
    unsafe {
        let rule = c::rd_kafka_AclBinding_new(
            kind,
            name.as_ptr(),
            c::rd_kafka_ResourcePatternType_t::RD_KAFKA_RESOURCE_PATTERN_LITERAL,
            principal.as_ptr(),
            c"*".as_ptr(),
            operation,
            c::rd_kafka_AclPermissionType_t::RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW,
            ptr::null_mut(),
            0,
        );
        ensure!(!rule.is_null(), "librdkafka does not take the rule");
        let native = client.inner().native_ptr();
        let queue = c::rd_kafka_queue_new(native);
        c::rd_kafka_CreateAcls(native, [rule].as_mut_ptr(), 1, ptr::null(), queue);
        let event = c::rd_kafka_queue_poll(queue, ANSWER_LIMIT_MS);
        c::rd_kafka_AclBinding_destroy(rule);
        c::rd_kafka_queue_destroy(queue);
        ensure!(!event.is_null(), "no answer to CreateAcls");
        let outcome = created(event);
        c::rd_kafka_event_destroy(event);
        outcome
    }
}

/// # Safety
/// `event` is live.
unsafe fn created(event: *mut c::rd_kafka_event_t) -> Result<()> {
    // SAFETY: by this function's contract; what is in the event lives as long as it.
    unsafe {
        let failed = c::rd_kafka_event_error(event);
        ensure!(failed == c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR, "{failed:?}");
        let result = c::rd_kafka_event_CreateAcls_result(event);
        let mut count = 0;
        let results = c::rd_kafka_CreateAcls_result_acls(result, &raw mut count);
        ensure!(count == 1, "one rule was asked for, not {count}");
        let error = c::rd_kafka_acl_result_error(*results);
        if error.is_null() { Ok(()) } else { Err(anyhow!("{:?}", c::rd_kafka_error_code(error))) }
    }
}
