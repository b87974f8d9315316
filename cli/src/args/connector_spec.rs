//! Flags for every parameter of a connector.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

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
    /// Label; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = values::label)]
    pub(crate) labels: Vec<(String, String)>,

    #[command(flatten, next_help_heading = "Source")]
    pub(crate) source: SourceFlags,
    #[command(flatten, next_help_heading = "Destination")]
    pub(crate) destination: DestinationFlags,
    #[command(flatten, next_help_heading = "Credentials")]
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
    #[arg(long)]
    pub(crate) allow_cross_region: bool,
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct AccessKeyFlags {
    /// AccessKey ID itself; see --access-key-secret-stdin
    #[arg(long, value_name = "ID", conflicts_with_all = ["access_key_id_env", "access_key_id_file"])]
    pub(crate) access_key_id: Option<String>,
    /// Environment variable of the agents that holds the AccessKey ID
    #[arg(long, value_name = "NAME", conflicts_with = "access_key_id_file")]
    pub(crate) access_key_id_env: Option<String>,
    /// File on the agents' hosts that holds the AccessKey ID
    #[arg(long, value_name = "PATH")]
    pub(crate) access_key_id_file: Option<String>,
    /// Environment variable of the agents that holds the AccessKey secret
    #[arg(long, value_name = "NAME", conflicts_with = "access_key_secret_file")]
    pub(crate) access_key_secret_env: Option<String>,
    /// File on the agents' hosts that holds the AccessKey secret
    #[arg(long, value_name = "PATH")]
    pub(crate) access_key_secret_file: Option<String>,
    /// Read the AccessKey secret itself from stdin. It is held in memory only:
    /// give it again when the status says CREDENTIALS_REQUIRED
    #[arg(long, conflicts_with_all = ["access_key_secret_env", "access_key_secret_file"])]
    pub(crate) access_key_secret_stdin: bool,
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
    /// Write records with larger values without their value; 6MiB by default
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub(crate) max_value_bytes: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Start {
    Latest,
    Earliest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Store {
    Oss,
    S3,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Addressing {
    VirtualHosted,
    Path,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailurePolicy {
    Log,
    Fail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Creation {
    Automatically,
    Manually,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Storage {
    Local,
    Cloud,
}
