//! `kafka2oss verify`.

use std::path::PathBuf;

use clap::Args;

use super::{AccessKeyFlags, ClientOptions, KafkaSecretFlags, values};

const STATUSES: &str = "\
Exit status:
  0  nothing is wrong, and every record that was in the topic stands in an object or in
     an error topic
  1  something is wrong; with --complete also: no object stands yet for a record
  2  it could not be verified
  3  nothing is wrong so far, and no object stands yet for some records: those that a
     connector which runs is about to write, or all that came since it does not";

#[derive(Debug, Args)]
#[command(after_help = STATUSES)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) options: ClientOptions,
    /// `INSTANCE/CONNECTOR`, or the whole resource name
    #[arg(required_unless_present = "connector_file")]
    pub(crate) name: Option<String>,
    /// The connector's instance, where the name does not say it
    #[arg(long, short, requires = "name")]
    pub(crate) instance: Option<String>,
    /// Connector as `connectors get --output json` printed it, instead of asking
    /// a control plane
    #[arg(long, value_name = "PATH", requires = "instance_file", conflicts_with = "name")]
    pub(crate) connector_file: Option<PathBuf>,
    /// Instance as `instances get --output json` printed it
    #[arg(long, value_name = "PATH", requires = "connector_file")]
    pub(crate) instance_file: Option<PathBuf>,
    /// First offset of a partition of which nothing has to be there yet; by
    /// default the connector's committed one. May be repeated
    #[arg(long = "until", value_name = "PARTITION=OFFSET", value_parser = values::partition_offset)]
    pub(crate) until: Vec<(i32, i64)>,
    /// Insist on objects for every record that was in the topic when the verification
    /// began: status 1, not 3, if there are none for some
    #[arg(long)]
    pub(crate) complete: bool,
    /// The output settings have been changed since the start: whether headers
    /// stand there, and which values are left out, is not held against records
    #[arg(long)]
    pub(crate) output_changed: bool,
    /// A prefix that the layout has had before; may be repeated
    #[arg(long = "former-prefix", value_name = "PREFIX")]
    pub(crate) former_prefixes: Vec<String>,
    /// The layout has had a hash prefix before
    #[arg(long)]
    pub(crate) former_hash_prefix: bool,
    /// Most examples of each kind of finding
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) examples: usize,

    #[command(flatten)]
    pub(crate) reach: ReachFlags,
    #[command(
        flatten,
        next_help_heading = "AccessKey, read on this host instead of the connector's"
    )]
    pub(crate) access_key: AccessKeyFlags,
    #[command(
        flatten,
        next_help_heading = "Kafka credentials, read on this host instead of the instance's"
    )]
    pub(crate) kafka_secrets: KafkaSecretFlags,
}

/// How this host reaches what the agents may reach otherwise.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ReachFlags {
    /// Broker to start from instead of the instance's; repeat it, or separate
    /// several by commas
    #[arg(long = "bootstrap-servers", value_name = "HOST:PORT", value_delimiter = ',')]
    pub(crate) bootstrap_servers: Vec<String>,
    /// URL of the store instead of the connector's
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
}
