//! Flags for every parameter of a connector.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::choices::{
    Addressing, Compressor, Creation, Encoding, FailurePolicy, FolderLength, Folders, Format,
    Overflow, Start, Storage, Store,
};
use super::values;

/// What a connector is made of: a file, flags, or both; a flag wins over the
/// file. Nothing is required here: the control plane answers with everything
/// that is missing or wrong at once.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ConnectorFlags {
    /// Connector as JSON (message kafka2oss.v1.Connector); `-` reads stdin.
    /// Flags win over it
    #[arg(long, short, value_name = "PATH")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) fields: FieldFlags,
}

/// A flag for every field.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct FieldFlags {
    /// Label; may be repeated. An update replaces all labels
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = values::label)]
    pub(crate) labels: Vec<(String, String)>,
    /// What it is for, for people
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,

    #[command(flatten, next_help_heading = "Source")]
    pub(crate) source: SourceFlags,
    #[command(flatten, next_help_heading = "Destination")]
    pub(crate) destination: DestinationFlags,
    #[command(flatten, next_help_heading = "Credentials, read by the agents")]
    pub(crate) access_key: AccessKeyFlags,
    #[command(flatten, next_help_heading = "Runtime")]
    pub(crate) runtime: RuntimeFlags,
    #[command(flatten, next_help_heading = "Topics and groups")]
    pub(crate) resources: ResourceFlags,
    #[command(flatten, next_help_heading = "Objects")]
    pub(crate) objects: ObjectFlags,
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SourceFlags {
    /// Topic to read
    #[arg(long)]
    pub(crate) topic: Option<String>,
    /// Where to start without committed offsets; latest by default
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) consumer_offset: Option<Start>,
    /// Partitions drained at once: 6 (default) or 12
    #[arg(long, value_name = "N")]
    pub(crate) thread_concurrency: Option<u32>,
    /// Tasks that share them; 2 by default
    #[arg(long, value_name = "N")]
    pub(crate) spread: Option<u32>,
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct DestinationFlags {
    /// Protocol of the store; oss by default
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) store_type: Option<Store>,
    /// Bucket to write to
    #[arg(long)]
    pub(crate) bucket: Option<String>,
    /// URL of the store; for OSS by default the internal endpoint of the
    /// instance's region
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// Region in the signature; the instance's by default
    #[arg(long, value_name = "REGION")]
    pub(crate) signing_region: Option<String>,
    /// Where the bucket stands in a URL; by default virtual-hosted for OSS,
    /// path for S3
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) addressing: Option<Addressing>,
    /// Allow an OSS endpoint of another region than the instance's
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true")]
    pub(crate) allow_cross_region: Option<bool>,
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct AccessKeyFlags {
    /// AccessKey ID itself; see --access-key-secret-stdin
    #[arg(long, value_name = "ID", conflicts_with_all = ["access_key_id_env", "access_key_id_file"])]
    pub(crate) access_key_id: Option<String>,
    /// Environment variable that holds the AccessKey ID
    #[arg(long, value_name = "NAME", conflicts_with = "access_key_id_file")]
    pub(crate) access_key_id_env: Option<String>,
    /// File that holds the AccessKey ID
    #[arg(long, value_name = "PATH")]
    pub(crate) access_key_id_file: Option<String>,
    /// Environment variable that holds the AccessKey secret
    #[arg(long, value_name = "NAME", conflicts_with = "access_key_secret_file")]
    pub(crate) access_key_secret_env: Option<String>,
    /// File that holds the AccessKey secret
    #[arg(long, value_name = "PATH")]
    pub(crate) access_key_secret_file: Option<String>,
    /// Read the AccessKey secret itself from stdin. It is held in memory only:
    /// give it again when the status says CREDENTIALS_REQUIRED
    #[arg(long, conflicts_with_all = ["access_key_secret_env", "access_key_secret_file"])]
    pub(crate) access_key_secret_stdin: bool,
    /// Environment variable that holds the session token of temporary credentials
    #[arg(long, value_name = "NAME", conflicts_with = "session_token_file")]
    pub(crate) session_token_env: Option<String>,
    /// File that holds the session token of temporary credentials
    #[arg(long, value_name = "PATH")]
    pub(crate) session_token_file: Option<String>,
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RuntimeFlags {
    /// VPC to run in; must be the instance's, and is by default
    #[arg(long)]
    pub(crate) vpc_id: Option<String>,
    /// vSwitch whose agents run it; the instance's by default
    #[arg(long)]
    pub(crate) vswitch_id: Option<String>,
    /// What becomes of a record that cannot be delivered: log (default) sends
    /// it to its error topic and goes on, fail stops its partition
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) failure_policy: Option<FailurePolicy>,
    /// A task that is not heard of for so long loses its partitions; 10s by
    /// default
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) session_timeout: Option<Duration>,
    /// With failure policy fail, a partition stops when the store has failed for
    /// so long; 10m by default
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) store_retry_time: Option<Duration>,
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ResourceFlags {
    /// Who makes topics and groups; automatically by default
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) creation: Option<Creation>,
    /// Group of the tasks: always connect-NAME
    #[arg(long, value_name = "GROUP")]
    pub(crate) task_consumer_group: Option<String>,
    /// Group for the internal topics; connect-cluster-NAME by default
    #[arg(long, value_name = "GROUP")]
    pub(crate) connector_consumer_group: Option<String>,
    /// Task site topic; connect-offset-NAME by default
    #[arg(long, value_name = "TOPIC")]
    pub(crate) offset_topic: Option<String>,
    #[arg(long, value_name = "N")]
    pub(crate) offset_topic_partitions: Option<u32>,
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) offset_topic_storage: Option<Storage>,
    /// Task configuration topic; connect-config-NAME by default
    #[arg(long, value_name = "TOPIC")]
    pub(crate) config_topic: Option<String>,
    #[arg(long, value_name = "N")]
    pub(crate) config_topic_partitions: Option<u32>,
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) config_topic_storage: Option<Storage>,
    /// Task status topic; connect-status-NAME by default
    #[arg(long, value_name = "TOPIC")]
    pub(crate) status_topic: Option<String>,
    #[arg(long, value_name = "N")]
    pub(crate) status_topic_partitions: Option<u32>,
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) status_topic_storage: Option<Storage>,
    /// Abnormal data topic; connect-error-NAME by default
    #[arg(long, value_name = "TOPIC")]
    pub(crate) abnormal_data_topic: Option<String>,
    #[arg(long, value_name = "N")]
    pub(crate) abnormal_data_topic_partitions: Option<u32>,
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) abnormal_data_topic_storage: Option<Storage>,
    /// Dead letter queue topic; connect-error-NAME by default
    #[arg(long, value_name = "TOPIC")]
    pub(crate) dead_letter_queue_topic: Option<String>,
    #[arg(long, value_name = "N")]
    pub(crate) dead_letter_queue_topic_partitions: Option<u32>,
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) dead_letter_queue_topic_storage: Option<Storage>,
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ObjectFlags {
    /// One JSON array an object (default), or one JSON object a line
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) format: Option<Format>,
    /// Compression of whole objects; none by default
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) compression: Option<Compressor>,
    /// How keys stand in JSON; utf8 by default
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) key_encoding: Option<Encoding>,
    /// How values stand in JSON; utf8 by default
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) value_encoding: Option<Encoding>,
    /// Write each record's headers
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true")]
    pub(crate) include_headers: Option<bool>,

    /// Close an object at this size, for example 32MiB (default)
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub(crate) max_bytes: Option<u64>,
    /// Close an object at this many records; no limit by default
    #[arg(long, value_name = "N")]
    pub(crate) max_records: Option<u64>,
    /// Close an object at this age, for example 60s (default)
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) max_age: Option<Duration>,
    /// Close an object when no record came for so long; 10s by default
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) idle: Option<Duration>,

    /// In front of every object's key, as it is
    #[arg(long)]
    pub(crate) prefix: Option<String>,
    /// Folders by the records' time: none (default), hive
    /// (year=2026/month=01/...) or plain (2026/01/...)
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) time_buckets: Option<Folders>,
    /// How long a folder of time is; hour by default
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) time_bucket_length: Option<FolderLength>,
    /// Time zone of these folders, for example Asia/Shanghai; UTC by default
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: Option<String>,
    /// Put four hexadecimal digits, another for each object, in front of every
    /// key: stores limit the rate of requests to neighbouring keys
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true")]
    pub(crate) hash_prefix: Option<bool>,

    /// What becomes of larger values: spill (default) writes each to an object
    /// of its own, omit leaves it out
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) overflow: Option<Overflow>,
    /// Values above this size overflow; 6MiB by default
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub(crate) max_value_bytes: Option<u64>,
    /// Larger records are abnormal data; no limit by default
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub(crate) max_record_bytes: Option<u64>,
}
