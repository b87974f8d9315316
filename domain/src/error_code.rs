//! The catalogue of error codes: stable names that logs, dead letters,
//! statuses and RPC errors carry, with what they mean and what a user can do.

mod page;

use std::fmt;
use std::str::FromStr;

pub use page::page;

macro_rules! catalogue {
    ($( $variant:ident $name:literal $retry:ident $meaning:literal $remedy:literal; )*) => {
        /// What is wrong, as a stable name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorCode {
            $( #[doc = $meaning] $variant, )*
        }

        impl ErrorCode {
            /// Every code, in the order of the catalogue.
            pub const ALL: &[ErrorCode] = &[ $( ErrorCode::$variant, )* ];

            /// The stable name, for example `STORE_BUCKET_NOT_FOUND`.
            pub fn as_str(self) -> &'static str {
                match self { $( ErrorCode::$variant => $name, )* }
            }

            /// What it means: one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $( ErrorCode::$variant => $meaning, )* }
            }

            /// Whether the service tries again by itself.
            pub fn retry(self) -> Retry {
                match self { $( ErrorCode::$variant => Retry::$retry, )* }
            }

            /// What the user can do: one sentence.
            pub fn remedy(self) -> &'static str {
                match self { $( ErrorCode::$variant => $remedy, )* }
            }
        }
    };
}

/// Whether the service tries again by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// It does, with back-off, until the cause is gone.
    Automatic,
    /// It waits for a decision or a new request.
    Manual,
}

catalogue! {
    // Requests
    RequestInvalid "REQUEST_INVALID" Manual
        "The request breaks rules of the API."
        "Correct the fields that the violations name and send it again.";
    FieldRequired "SPEC_FIELD_REQUIRED" Manual
        "A required field is not set."
        "Set the field.";
    FieldInvalid "SPEC_FIELD_INVALID" Manual
        "A field's value is outside of what is allowed."
        "Use a value that the message names.";
    ExpressionInvalid "EXPRESSION_INVALID" Manual
        "A filter or an order is none over the fields of the resource."
        "Correct the place that the message names; docs/filters.md has the grammar and the fields.";
    BucketNameIllegal "SPEC_BUCKET_NAME_ILLEGAL" Manual
        "The bucket's name is not legal for this type of store."
        "Name a bucket that follows the rule in the message; where the store is S3 with other names, set store_type S3.";
    EndpointInvalid "SPEC_ENDPOINT_INVALID" Manual
        "The endpoint is not the URL of an S3-compatible API."
        "Use the URL that the message prints.";
    EndpointRegionMismatch "SPEC_ENDPOINT_REGION_MISMATCH" Manual
        "The endpoint is in another region than the Kafka instance."
        "Use a bucket in the instance's region, or set allow_cross_region.";
    VpcMismatch "SPEC_VPC_MISMATCH" Manual
        "The connector's VPC is not the instance's."
        "Leave vpc_id empty or give the instance's.";
    ConcurrencyNotAllowed "SPEC_CONCURRENCY_NOT_ALLOWED" Manual
        "The consumer thread concurrency is not one of the allowed values."
        "Use one of the values in the message.";
    SecretInlineRefused "SECRET_INLINE_REFUSED" Manual
        "An inline secret came over a connection without TLS that is not loopback."
        "Give a reference (environment or file) that the agents resolve, or connect over loopback.";
    FieldNotUpdatable "FIELD_NOT_UPDATABLE" Manual
        "The field cannot be changed."
        "Create another connector, or update the fields that the message names.";
    ResourceNotFound "RESOURCE_NOT_FOUND" Manual
        "There is no resource of that name."
        "Check the name; List shows what there is.";
    ResourceExists "RESOURCE_EXISTS" Manual
        "A resource of that name exists."
        "Choose another ID, or delete the resource first.";
    RequestIdReused "REQUEST_ID_REUSED" Manual
        "The request ID was used before with another request."
        "Use a new request ID.";
    QuotaExceeded "QUOTA_EXCEEDED" Manual
        "The instance may not have more connectors or tasks than it has."
        "Delete connectors that are not needed, lower their spread, or raise max_connectors or max_tasks of the instance.";
    EtagMismatch "ETAG_MISMATCH" Manual
        "The resource has changed since it was read."
        "Read it again and repeat the change with its etag.";
    WrongState "WRONG_STATE" Manual
        "The connector's state does not allow the action."
        "The message names the states that do.";
    StartNotFixed "START_NOT_FIXED" Manual
        "The connector's start has not been read yet, so a test message could be missed."
        "Wait until the connector is RUNNING.";
    InstanceHasConnectors "INSTANCE_HAS_CONNECTORS" Manual
        "The instance still has connectors."
        "Delete its connectors first.";
    InstanceConnectorsDisabled "INSTANCE_CONNECTORS_DISABLED" Manual
        "Connectors are disabled on this instance."
        "Update the instance with connectors_disabled = false.";
    PreflightFailed "PREFLIGHT_FAILED" Manual
        "Something that the connector needs is not there or not allowed, so it was not deployed."
        "Cure what the checks that the message names say, or deploy it with preflight WARN or OFF: it starts by itself once what it needs is there.";
    FlushIncomplete "FLUSH_INCOMPLETE" Manual
        "Not every record that stood in the topic when a flush began stands in an object within its time."
        "Look at the partitions that the message names, and flush again, with more time where they are behind.";
    TooManyRequests "TOO_MANY_REQUESTS" Automatic
        "The control plane has as many requests under way as it allows."
        "Repeat the request after a moment.";
    TooManyConnections "TOO_MANY_CONNECTIONS" Automatic
        "As many connections are open as the control plane allows, in all or of one address, and more are closed as they come."
        "End what opens connections without need, or raise --max-connections or --max-connections-of-peer.";
    ConnectionsNotAccepted "CONNECTIONS_NOT_ACCEPTED" Automatic
        "The system gives the control plane no more connections, as when it has as many files open as it may."
        "Raise the limit on open files (LimitNOFILE in its unit, ulimit -n) or lower --max-connections; it tries again by itself.";
    TooManyStreams "TOO_MANY_STREAMS" Automatic
        "As many calls are open as the control plane allows, in all or of one address."
        "End calls that nobody waits for, then repeat the request; several clients behind one address share its part.";
    TooManyBytes "TOO_MANY_BYTES" Automatic
        "Too many long messages are under way, in all or of one address."
        "Repeat the request after a moment, or send less in one message.";
    RequestLate "REQUEST_LATE" Automatic
        "A message did not come within its time after its call was opened or its first byte was there."
        "Check the network between the caller and the control plane, then repeat the request.";
    TooManyWatches "TOO_MANY_WATCHES" Manual
        "As many watches of connectors are open as the control plane allows, in all or of one address."
        "End watches that nobody reads, or raise --max-watches or --max-watches-of-peer.";
    Internal "INTERNAL" Automatic
        "The control plane failed to carry out the request."
        "Repeat the request; the control plane's log has the cause under the request's ID.";
    StorageFailed "STORAGE_FAILED" Automatic
        "The control plane could not write to its data folder, and ends."
        "Mend or replace the disk of --data-dir (the control plane's log and the kernel's say what is wrong with it); whoever runs the control plane starts it again, then repeat the request: whether it was carried out shows then.";
    StorageFull "STORAGE_FULL" Automatic
        "There is no room left for the control plane's data folder, and it ends."
        "Make room on the disk of --data-dir, or raise the quota or the limit on the size of files; whoever runs the control plane starts it again, then repeat the request: whether it was carried out shows then.";
    StorageLost "STORAGE_LOST" Manual
        "The control plane's data folder has lost data, so it does not start (exit status 65)."
        "Restore a backup of the whole folder; or start it once with --accept-loss, to go on with what the log says is left.";
    LogsNotKept "LOGS_NOT_KEPT" Automatic
        "Lines of connectors' logs were not written to the control plane's data folder, and will be missing after a restart; nothing else is concerned."
        "Look at the disk of --data-dir: the message says what is wrong with it.";
    ProcessFailed "PROCESS_FAILED" Automatic
        "A part of the control plane or of an agent that has to run all the time has ended, and the process ends with it."
        "Whoever runs the process starts it again, and it goes on where it stands; report what its log says of the panic.";
    // Agents
    AgentNoneInPool "AGENT_NONE_IN_POOL" Automatic
        "No agent with free capacity is connected in the connector's pool."
        "Start an agent with this VPC ID and vSwitch ID, or one more if those there are full.";
    AgentNotGone "AGENT_NOT_GONE" Manual
        "The agent is connected, or its lease has not run out: it may run tasks."
        "Have it drained with DrainAgent, stop it, and wait until its state is GONE.";
    AgentHasTasks "AGENT_HAS_TASKS" Automatic
        "Tasks of the agent, which is gone, have no other agent yet."
        "Wait until other agents have taken them over, which takes seconds; GetAgent names their connectors.";
    AgentTimeout "AGENT_TIMEOUT" Automatic
        "An agent did not answer a command in time."
        "Check the agent's log and its network; the command is repeated.";
    TestMessageUncertain "TEST_MESSAGE_UNCERTAIN" Manual
        "A test message was sent, and it is not known whether it stands in the topic."
        "Look for it in the topic; repeated with the same request ID it is never written twice, and is answered once its agent tells what became of it; another ID writes it in any case.";
    AgentStalled "AGENT_STALLED" Manual
        "An agent is connected, and a task on it does nothing."
        "Restart the agent: it goes on where it stands; its log up to then shows whether its host lacks CPU.";
    AgentUnresponsive "AGENT_UNRESPONSIVE" Automatic
        "An agent is connected, and does not answer what it was assigned: it runs what it was assigned before."
        "Restart the agent: it goes on where it stands; its log up to then shows whether its host lacks CPU or its disk hangs.";
    TaskDied "TASK_DIED" Automatic
        "A task has ended by a fault of the agent's program."
        "Nothing: it starts again after some seconds, and goes on where it stands; report what the agent's log says of the panic.";
    AgentUnsupported "AGENT_UNSUPPORTED" Automatic
        "The agent is too old for what it was assigned."
        "Upgrade the agents of the pool.";
    // Credentials
    CredentialsRequired "CREDENTIALS_REQUIRED" Manual
        "The inline credentials were lost with the process that held them."
        "Give them again with UpdateConnector, mask `credentials`; a reference is never lost.";
    SecretUnreadable "SECRET_UNREADABLE" Automatic
        "The agent cannot read a secret where its reference points."
        "Set the environment variable or create the file on every agent of the pool.";
    // Kafka
    KafkaUnreachable "KAFKA_UNREACHABLE" Automatic
        "No broker of the instance can be reached."
        "Check that the brokers run, bootstrap_servers, the route from the agents' vSwitch to the address in the message, and that its listener speaks the instance's security protocol.";
    KafkaBrokerUnreachable "KAFKA_BROKER_UNREACHABLE" Automatic
        "A broker cannot be reached at the address that the brokers give for it."
        "Check that this broker runs; if it does, have it advertise an address on this listener that the agents' vSwitch reaches (advertised.listeners), or open the route to the one in the message.";
    KafkaSecurityMismatch "KAFKA_SECURITY_MISMATCH" Automatic
        "The address speaks another protocol than the instance's security protocol."
        "Update the instance with the security protocol of the listener behind the address in the message, or with the address of a listener that speaks the instance's.";
    KafkaTlsFailed "KAFKA_TLS_FAILED" Automatic
        "A broker and the agent do not trust each other's certificates."
        "Give the instance the CA that has signed the brokers' certificates, and addresses that stand in them; where the brokers ask for a client's certificate (ssl.client.auth), give one that they trust and that has not expired, with its private key.";
    KafkaAuthenticationFailed "KAFKA_AUTHENTICATION_FAILED" Automatic
        "The brokers refuse the agent's credentials."
        "Check user name, password and SASL mechanism of the instance; with OAUTHBEARER, that whatever renews the token does so, and that the brokers trust who signs it.";
    KafkaTopicNotFound "KAFKA_TOPIC_NOT_FOUND" Automatic
        "The source topic does not exist."
        "Create the topic, or create the connector with the right name.";
    KafkaTopicAuthorizationFailed "KAFKA_TOPIC_AUTHORIZATION_FAILED" Automatic
        "The brokers refuse access to a topic."
        "Allow the instance's user the operation that the message names.";
    KafkaGroupAuthorizationFailed "KAFKA_GROUP_AUTHORIZATION_FAILED" Automatic
        "The brokers refuse access to the consumer group."
        "Allow the instance's user the operation on the group that the message names: READ for a connector to run.";
    KafkaGroupInUse "KAFKA_GROUP_IN_USE" Automatic
        "Somebody else uses the connector's consumer group: a consumer that is none of its tasks is a member, or another connector commits to it."
        "Stop the consumer or the connector that the message names, or give it another group; what it had flows again by itself.";
    KafkaTransactionOpen "KAFKA_TRANSACTION_OPEN" Automatic
        "A producer's transaction has been open for longer than brokers allow by default, and nothing behind it can be read."
        "Find it with kafka-transactions.sh find-hanging and end it with abort; the partition goes on by itself.";
    PartitionUnowned "PARTITION_UNOWNED" Automatic
        "A partition of the topic is no task's, so that nothing reads it."
        "Nothing, if it passes: the task leaves the group once to have its partitions given out anew; else restart the agents of the pool, one after the other.";
    PartitionStalled "PARTITION_STALLED" Automatic
        "Records wait in a partition, and none was taken for longer than it can need."
        "Look at the message and the connector's log for what it waits for: a broker, the store, memory; where nothing else is wrong, restart the agent that has it.";
    KafkaResourceMissing "KAFKA_RESOURCE_MISSING" Automatic
        "A topic that the connector needs does not exist and cannot be made by the service."
        "Create each resource that the status lists, with exactly these settings; the connector starts when they exist.";
    KafkaTopicMisconfigured "KAFKA_TOPIC_MISCONFIGURED" Automatic
        "A topic of the connector does not have the required settings."
        "Change the topic as the message says.";
    KafkaInternalTopicUnusable "KAFKA_INTERNAL_TOPIC_UNUSABLE" Automatic
        "An internal topic is missing or not compacted; the data path goes on without it."
        "Create it or change it as the message says.";
    KafkaRequestFailed "KAFKA_REQUEST_FAILED" Automatic
        "The brokers answered a request with an error."
        "The message has the brokers' answer; the request is repeated.";
    KafkaClientStuck "KAFKA_CLIENT_STUCK" Automatic
        "Calls of the agent's Kafka client have not come back; where there are many, no more are made."
        "Where it does not pass within minutes, restart the agent and send its log to whoever maintains it; the message says which calls.";
    KafkaTopicRecreated "TOPIC_RECREATED" Manual
        "The source topic was deleted and created again."
        "Pause the connector and use ResetOffsets to start on the new topic; its objects stay.";
    KafkaOffsetOutOfRange "KAFKA_OFFSET_OUT_OF_RANGE" Automatic
        "Retention removed records before they were read."
        "Raise the topic's retention or thread_concurrency; the lost range is in the message.";
    KafkaLogTruncated "KAFKA_LOG_TRUNCATED" Manual
        "The brokers have lost records that were read: the partition's log ends before the position, or has other records there."
        "Check the brokers for an unclean leader election; then pause the connector and use ResetOffsets.";
    KafkaFenced "KAFKA_FENCED" Automatic
        "Another group member took this task's place."
        "Nothing, if the task was moved; else look for a second agent with the same id.";
    KafkaNoTopicIds "KAFKA_NO_TOPIC_IDS" Automatic
        "The brokers have no topic ids (before 2.8), so a recreated topic cannot be told."
        "Upgrade the brokers for exactly-once.";
    KafkaNoStaticMembers "KAFKA_NO_STATIC_MEMBERS" Automatic
        "The brokers have no static group members (before 2.3), so a task that was left behind cannot be fenced."
        "Upgrade the brokers for exactly-once.";
    KafkaMetadataLost "KAFKA_METADATA_LOST" Automatic
        "The brokers changed or dropped what a commit carries besides its offset, so the next object cannot be announced."
        "Use brokers that keep commit metadata of up to 4,096 bytes (offset.metadata.max.bytes) for exactly-once.";
    KafkaOffsetsRetentionShort "KAFKA_OFFSETS_RETENTION_SHORT" Automatic
        "The brokers forget the offsets of a group without members soon."
        "Raise offsets.retention.minutes as the message says.";
    KafkaClusterShared "KAFKA_CLUSTER_SHARED" Manual
        "Another instance names the same Kafka cluster, so that two connectors could use the same groups and topics."
        "Create the connector on the other instance, or register this one with allow_shared_cluster.";
    PositionLost "POSITION_LOST" Manual
        "The group holds no position for a partition that had one."
        "Pause the connector and use ResetOffsets with the start that you want.";
    EpochAhead "EPOCH_AHEAD" Automatic
        "The partition's committed position is of a later start than this task's."
        "Nothing: it goes on when its assignment has caught up.";
    // Store
    StoreUnreachable "STORE_UNREACHABLE" Automatic
        "The object store cannot be reached."
        "Check the endpoint's host and port and the route from the agents' vSwitch to it; the message says how far the request came.";
    StoreCertificateUntrusted "STORE_CERTIFICATE_UNTRUSTED" Automatic
        "The object store's certificate is not one that the agent's host trusts."
        "Have who signed it in the trusted certificates of the agents' host or, where they have SSL_CERT_FILE, in that file; where the message says that it is expired or for another name, renew it or correct the endpoint.";
    StoreUnavailable "STORE_UNAVAILABLE" Automatic
        "The object store answered with a server error."
        "Nothing, if it passes; else ask the store's operator.";
    StoreFull "STORE_FULL" Automatic
        "The object store has no room: its disks are full, or a quota is used up."
        "Have the store's operator add room or raise the quota of the bucket or the user; it goes on by itself.";
    StoreThrottled "STORE_THROTTLED" Automatic
        "The object store limits the rate of requests or bytes."
        "Raise max_bytes and max_age so that there are fewer objects, or ask for a higher limit.";
    StoreBucketNotFound "STORE_BUCKET_NOT_FOUND" Automatic
        "The bucket does not exist."
        "Create the bucket, in the region of the endpoint.";
    StoreAccessDenied "STORE_ACCESS_DENIED" Automatic
        "The credentials do not allow the request."
        "Allow the credentials the action on the resource that the message names; docs/permissions.md has the whole policy.";
    StoreCredentialsInvalid "STORE_CREDENTIALS_INVALID" Automatic
        "The object store does not know the AccessKey ID, the secret does not match it, or its session token is expired or not its own."
        "Give the right credentials, with a fresh session token if they are temporary: in the files or variables of the references, or with UpdateConnector.";
    StoreRegionWrong "STORE_REGION_WRONG" Automatic
        "Requests are signed for another region than the bucket's."
        "Create the connector with the region that the message names as its signing_region.";
    StoreEndpointWrong "STORE_ENDPOINT_WRONG" Automatic
        "The bucket is served at another endpoint."
        "Create the connector with the endpoint that the message names.";
    StoreEndpointRestricted "STORE_ENDPOINT_RESTRICTED" Automatic
        "The account may not use this public endpoint for data."
        "Use the internal endpoint from within the VPC, or a domain that is bound to the bucket.";
    StoreClockSkewed "STORE_CLOCK_SKEWED" Automatic
        "The agent's clock and the store's differ by more than 15 minutes."
        "Set the clock of the agent's host.";
    StoreIntegrityMismatch "STORE_INTEGRITY_MISMATCH" Automatic
        "The object store received other bytes than were sent."
        "Look for faulty memory or a proxy on the way; the upload is repeated.";
    StoreObjectForeign "STORE_OBJECT_FOREIGN" Manual
        "An object that is not of this chain stands under the key."
        "Move the object away or give the connector another prefix; it is never overwritten.";
    StoreRequestRejected "STORE_REQUEST_REJECTED" Automatic
        "The object store rejects a request."
        "Look up the store's own code, which the message has; its operator finds the request by its ID.";
    StoreNotCreateOnly "STORE_NOT_CREATE_ONLY" Automatic
        "The object store overwrote an object although it was told not to."
        "Use a store with conditional writes for exactly-once.";
    StoreVersioningOn "STORE_VERSIONING_ON" Automatic
        "The OSS bucket's versioning is enabled or suspended, so that OSS ignores the create-only header."
        "Use a bucket of OSS that never had versioning for exactly-once.";
    StoreProbeLeft "STORE_PROBE_LEFT" Manual
        "A small object that tried out what the bucket allows could not be deleted."
        "Delete what the message names, or leave it: nothing reads it, and the next try uses it again.";
    // Records
    RecordNotUtf8 "RECORD_NOT_UTF8" Manual
        "Key or value of a record is not UTF-8 and JSON cannot hold it."
        "Under LOG it is in the dead letter queue topic; under FAIL use ResumePartition with SKIP, or set key_encoding and value_encoding so that any bytes fit, and then ResumePartition with RETRY.";
    RecordHeadersUnreadable "RECORD_HEADERS_UNREADABLE" Manual
        "Headers of a record cannot be read: there are more than 100,000, or their bytes are damaged."
        "Under LOG it is in the dead letter queue topic without its headers, which the source topic still has; under FAIL use ResumePartition with SKIP, or set include_headers to false and no max_record_bytes, and then ResumePartition with RETRY.";
    RecordTooLarge "RECORD_TOO_LARGE" Manual
        "A record is larger than max_record_bytes."
        "Under LOG it is in the abnormal data topic; under FAIL use ResumePartition with SKIP, or raise max_record_bytes and then ResumePartition with RETRY.";
    RecordTooLargeToFetch "RECORD_TOO_LARGE_TO_FETCH" Manual
        "A batch of the topic is larger than what the agent fetches: 100 MB, or max_record_bytes (512 MiB where that is not set) as far as half of the agent's memory budget goes."
        "Under LOG the abnormal data topic has a record in its place, without key and value; under FAIL raise what the message names and then use ResumePartition with RETRY, or leave the record out by ResumePartition with SKIP.";
    RecordSkipped "RECORD_SKIPPED" Manual
        "A record was left out, as ResumePartition with SKIP said."
        "Nothing: the line in the log keeps partition and offset of what was left out.";
    DeadLetterUndeliverable "DEAD_LETTER_UNDELIVERABLE" Automatic
        "A record could not be written to its error topic, so its partition waits."
        "Check that the error topic exists, accepts records of this size, and that the user may write to it.";
}

/// A name that is not in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no error code")]
pub struct UnknownErrorCode(String);

impl FromStr for ErrorCode {
    type Err = UnknownErrorCode;

    fn from_str(name: &str) -> Result<Self, UnknownErrorCode> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.as_str() == name)
            .ok_or_else(|| UnknownErrorCode(name.to_owned()))
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is wrong in one case: a code of the catalogue and the case's own
/// words, with names and numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Problem {
    /// The code.
    pub code: ErrorCode,
    /// What is wrong here.
    pub message: String,
}

impl Problem {
    /// A problem of this code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_code_is_found_by_its_name_and_names_are_distinct() {
        let mut names = HashSet::new();
        for code in ErrorCode::ALL {
            assert!(names.insert(code.as_str()), "{code} stands twice");
            assert_eq!(code.as_str().parse(), Ok(*code));
        }
    }

    #[test]
    fn every_code_says_what_it_means_and_what_helps_in_a_sentence() {
        for code in ErrorCode::ALL {
            for text in [code.meaning(), code.remedy()] {
                assert!(text.ends_with('.') && text.len() > 10, "{code}: {text}");
            }
        }
    }
}
