//! `kafka2oss instances`.

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::ArgValueCompleter;

use super::{ClientOptions, ListFlags, RepeatFlags, values};
use crate::client::complete;

#[derive(Debug, Args)]
pub(crate) struct InstancesArgs {
    #[command(flatten)]
    pub(crate) options: ClientOptions,
    #[command(subcommand)]
    pub(crate) command: InstancesCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum InstancesCommand {
    /// Register a Kafka instance
    Create(Box<CreateInstanceArgs>),
    /// Show one instance
    Get {
        /// `ID`, or `instances/ID`
        #[arg(add = ArgValueCompleter::new(complete::instances))]
        name: String,
    },
    /// List the instances
    #[command(visible_alias = "ls")]
    List {
        /// Only those of this region
        #[arg(long)]
        region: Option<String>,
        #[command(flatten)]
        list: ListFlags,
    },
    /// Change an instance, also while its connectors run
    ///
    /// What flags name is changed, and nothing else. Where clients reach the brokers
    /// in another way, the tasks of its connectors start again with that, and go on
    /// where they stood. Region and VPC cannot be changed while it has connectors.
    Update(Box<UpdateInstanceArgs>),
    /// Remove an instance that has no connectors
    Delete {
        /// `ID`, or `instances/ID`
        #[arg(add = ArgValueCompleter::new(complete::instances))]
        name: String,
        /// Only if its etag is this one
        #[arg(long)]
        etag: Option<String>,
        #[command(flatten)]
        repeat: RepeatFlags,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateInstanceArgs {
    /// ID of the instance: 1 to 64 of A-Z, a-z, 0-9, `_` and `-`
    pub(crate) id: String,
    /// Broker to start from; repeat it, or separate several by commas
    #[arg(
        long = "bootstrap-servers",
        visible_alias = "bootstrap-server",
        value_name = "HOST:PORT"
    )]
    #[arg(value_delimiter = ',')]
    pub(crate) bootstrap_servers: Vec<String>,
    /// Region of the instance, for example cn-hangzhou
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// VPC of the instance; agents started with it run its connectors
    #[arg(long)]
    pub(crate) vpc_id: Option<String>,
    /// vSwitch of the instance
    #[arg(long)]
    pub(crate) vswitch_id: Option<String>,
    /// How to talk to the brokers; PLAINTEXT by default
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) security_protocol: Option<Security>,
    /// With a SASL protocol; PLAIN by default
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) sasl_mechanism: Option<Mechanism>,
    /// Refuse connectors on this instance
    #[arg(long)]
    pub(crate) connectors_disabled: bool,
    /// Allow a second instance of the same Kafka cluster
    #[arg(long)]
    pub(crate) allow_shared_cluster: bool,
    #[command(flatten)]
    pub(crate) about: AboutFlags,
    /// Label; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = values::label)]
    pub(crate) labels: Vec<(String, String)>,
    /// Check everything and create nothing
    #[arg(long)]
    pub(crate) validate_only: bool,
    #[command(flatten)]
    pub(crate) repeat: RepeatFlags,
    #[command(flatten, next_help_heading = "Credentials, read by the agents")]
    pub(crate) secrets: KafkaSecretFlags,
}

/// What it is for, and how much it may have.
#[derive(Debug, Args)]
pub(crate) struct AboutFlags {
    /// What it is for, for people
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// Connectors that it may have at most
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_connectors: Option<i32>,
    /// Tasks that its connectors may have at most, all together
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_tasks: Option<i32>,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateInstanceArgs {
    /// `ID`, or `instances/ID`
    #[arg(add = ArgValueCompleter::new(complete::instances))]
    pub(crate) name: String,
    /// Broker to start from; repeat it, or separate several by commas
    #[arg(
        long = "bootstrap-servers",
        visible_alias = "bootstrap-server",
        value_name = "HOST:PORT"
    )]
    #[arg(value_delimiter = ',')]
    pub(crate) bootstrap_servers: Vec<String>,
    /// Region of the instance, for example cn-hangzhou
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// VPC of the instance
    #[arg(long)]
    pub(crate) vpc_id: Option<String>,
    /// vSwitch of connectors that are created from now on
    #[arg(long)]
    pub(crate) vswitch_id: Option<String>,
    /// How to talk to the brokers
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) security_protocol: Option<Security>,
    /// With a SASL protocol
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) sasl_mechanism: Option<Mechanism>,
    /// Whether new connectors are refused on this instance
    #[arg(long, value_name = "BOOL")]
    pub(crate) connectors_disabled: Option<bool>,
    /// Whether a second instance of the same Kafka cluster is allowed
    #[arg(long, value_name = "BOOL")]
    pub(crate) allow_shared_cluster: Option<bool>,
    #[command(flatten)]
    pub(crate) about: AboutFlags,
    /// Label; may be repeated. All labels are replaced by those that are given
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = values::label)]
    pub(crate) labels: Vec<(String, String)>,
    /// Field of the API that gets its default, for example `labels` or
    /// `kafka_credentials`; may be repeated
    #[arg(long = "default", value_name = "FIELD")]
    pub(crate) defaults: Vec<String>,
    /// Only if its etag is this one
    #[arg(long)]
    pub(crate) etag: Option<String>,
    /// Check everything and change nothing
    #[arg(long)]
    pub(crate) validate_only: bool,
    #[command(flatten)]
    pub(crate) repeat: RepeatFlags,
    #[command(flatten, next_help_heading = "Credentials, read by the agents")]
    pub(crate) secrets: KafkaSecretFlags,
}

/// Where the secrets of an instance are; never their values.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct KafkaSecretFlags {
    /// Environment variable that holds the user name
    #[arg(long, value_name = "NAME", conflicts_with = "username_file")]
    pub(crate) username_env: Option<String>,
    /// File that holds the user name
    #[arg(long, value_name = "PATH")]
    pub(crate) username_file: Option<String>,
    /// Environment variable that holds the password
    #[arg(long, value_name = "NAME", conflicts_with = "password_file")]
    pub(crate) password_env: Option<String>,
    /// File that holds the password
    #[arg(long, value_name = "PATH")]
    pub(crate) password_file: Option<String>,
    /// File with the CA certificates (PEM) of the brokers
    #[arg(long, value_name = "PATH", conflicts_with = "ca_env")]
    pub(crate) ca_file: Option<String>,
    /// Environment variable with the CA certificates (PEM)
    #[arg(long, value_name = "NAME")]
    pub(crate) ca_env: Option<String>,
    /// File with the certificate (PEM) that is shown to brokers which ask for one
    #[arg(long, value_name = "PATH", conflicts_with = "client_certificate_env")]
    pub(crate) client_certificate_file: Option<String>,
    /// Environment variable with that certificate (PEM)
    #[arg(long, value_name = "NAME")]
    pub(crate) client_certificate_env: Option<String>,
    /// File with the private key (PEM) of that certificate
    #[arg(long, value_name = "PATH", conflicts_with = "client_key_env")]
    pub(crate) client_key_file: Option<String>,
    /// Environment variable with that key (PEM)
    #[arg(long, value_name = "NAME")]
    pub(crate) client_key_env: Option<String>,
    /// File with the password of that key, where it is encrypted
    #[arg(long, value_name = "PATH", conflicts_with = "client_key_password_env")]
    pub(crate) client_key_password_file: Option<String>,
    /// Environment variable with that password
    #[arg(long, value_name = "NAME")]
    pub(crate) client_key_password_env: Option<String>,
    /// File with the token (JWT) for OAUTHBEARER, which something else renews there
    #[arg(long, value_name = "PATH", conflicts_with = "oauth_token_env")]
    pub(crate) oauth_token_file: Option<String>,
    /// Environment variable with that token
    #[arg(long, value_name = "NAME")]
    pub(crate) oauth_token_env: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Security {
    #[value(name = "PLAINTEXT")]
    Plaintext,
    #[value(name = "SSL")]
    Ssl,
    #[value(name = "SASL_PLAINTEXT")]
    SaslPlaintext,
    #[value(name = "SASL_SSL")]
    SaslSsl,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mechanism {
    #[value(name = "PLAIN")]
    Plain,
    #[value(name = "SCRAM-SHA-256")]
    ScramSha256,
    #[value(name = "SCRAM-SHA-512")]
    ScramSha512,
    #[value(name = "OAUTHBEARER")]
    Oauthbearer,
}
