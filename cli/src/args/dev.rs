//! `kafka2oss dev`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::{Store, values};

/// Everything in one process: Kafka, OSS, control plane and an agent, each
/// embedded unless a real one is named.
#[derive(Debug, Clone, Args)]
pub(crate) struct DevArgs {
    /// Show it at work: a topic, a connector, records, and their objects
    #[arg(long)]
    pub(crate) demo: bool,
    /// End after the demo: status 0 if each record stands in the objects once
    #[arg(long, requires = "demo")]
    pub(crate) exit: bool,
    /// Records that the demo produces
    #[arg(long, value_name = "N", default_value_t = 1_000, requires = "demo")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) records: u64,
    /// Make this topic where it is missing, with 6 partitions unless said
    /// otherwise; may be repeated
    #[arg(long = "topic", value_name = "NAME[:PARTITIONS]", value_parser = values::topic)]
    pub(crate) topics: Vec<(String, u32)>,
    /// Address to serve gRPC at; by default 127.0.0.1:7250, or a free port
    /// where that is taken
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Use this Kafka (PLAINTEXT) instead of an embedded one
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) kafka: Option<String>,
    /// Use this object store instead of the OSS emulator; needs --bucket, and
    /// the AccessKey in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and
    /// AWS_SESSION_TOKEN if it is a temporary one
    #[arg(long, value_name = "URL", requires = "bucket")]
    pub(crate) endpoint: Option<String>,
    /// Protocol of that store
    #[arg(long, value_enum, ignore_case = true, default_value = "s3")]
    #[arg(requires = "endpoint")]
    pub(crate) store_type: Store,
    /// Bucket of that store; must exist
    #[arg(long, requires = "endpoint")]
    pub(crate) bucket: Option<String>,
    /// Region of that store [default: us-east-1]
    #[arg(long, requires = "endpoint")]
    pub(crate) region: Option<String>,
    /// File with the AccessKey ID, instead of AWS_ACCESS_KEY_ID
    #[arg(long, value_name = "PATH", requires_all = ["endpoint", "access_key_secret_file"])]
    pub(crate) access_key_id_file: Option<PathBuf>,
    /// File with the AccessKey secret, instead of AWS_SECRET_ACCESS_KEY
    #[arg(long, value_name = "PATH", requires_all = ["endpoint", "access_key_id_file"])]
    pub(crate) access_key_secret_file: Option<PathBuf>,
    /// Keep everything in this directory for the next start; only with --kafka,
    /// since the embedded Kafka forgets everything
    #[arg(long, value_name = "DIR", requires = "kafka")]
    pub(crate) keep: Option<PathBuf>,
    /// Log everything from level info on
    #[arg(long, short)]
    pub(crate) verbose: bool,
}
