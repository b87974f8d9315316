//! `kafka2oss connectors`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use clap_complete::ArgValueCompleter;

use super::{
    ClientOptions, ConnectorFlags, FieldFlags, ListFlags, Preflight, RepeatFlags, Severity,
    WatchFlags, values,
};
use crate::client::complete;

#[derive(Debug, Args)]
pub(crate) struct ConnectorsArgs {
    #[command(flatten)]
    pub(crate) options: ClientOptions,
    #[command(subcommand)]
    pub(crate) command: ConnectorsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConnectorsCommand {
    /// Create a connector; nothing runs before `deploy`
    Create(Box<CreateArgs>),
    /// Show what `create` and `deploy` would make
    Preview(Box<PreviewArgs>),
    /// Check everything that a connector needs, before it runs
    ///
    /// Of a connector that exists, or, with flags or a file, of one that is to be made.
    /// Agent, Kafka and store are asked, and nothing is left behind. Exit status 1 when
    /// a check fails; docs/preflight.md lists the checks.
    Validate(Box<PreviewArgs>),
    /// Show one connector
    Get {
        #[command(flatten)]
        name: NameArgs,
        #[command(flatten)]
        watch: WatchFlags,
    },
    /// List connectors
    #[command(visible_alias = "ls")]
    List {
        /// Only those of this instance
        #[arg(long, short, add = ArgValueCompleter::new(complete::instances))]
        instance: Option<String>,
        /// Only those in this state, for example RUNNING; may be repeated
        #[arg(long = "state", value_name = "STATE")]
        states: Vec<String>,
        #[command(flatten)]
        list: ListFlags,
        #[command(flatten)]
        watch: WatchFlags,
    },
    /// Change fields of a connector: those that flags name
    Update(Box<UpdateArgs>),
    /// Start a connector for the first time
    Deploy(DeployArgs),
    /// Stop consumption at a closed object
    Pause(TransitionArgs),
    /// Go on where `pause` stopped
    Resume(TransitionArgs),
    /// Wait, within --timeout, until everything that is in the topic by now stands in
    /// objects, and print those that were written meanwhile
    Flush(NameArgs),
    /// Let a partition go on that has stopped
    ResumePartition(ResumePartitionArgs),
    /// Start anew somewhere else; only while paused. Objects stay: what is read
    /// again is written again, under other keys
    ResetOffsets(ResetOffsetsArgs),
    /// Stop a connector and remove the topics and groups that the service made
    /// for it; objects stay
    Delete(DeleteArgs),
    /// Print connectors as they are, then every change
    Watch(WatchArgs),
    /// Print a connector's log
    Logs(LogsArgs),
    /// The records that went to an error topic
    #[command(subcommand, alias = "dead-letter")]
    DeadLetters(DeadLettersCommand),
    /// Write one test message to the source topic
    Test(TestArgs),
    /// Show how far each partition is
    Progress {
        #[command(flatten)]
        name: NameArgs,
        #[command(flatten)]
        watch: WatchFlags,
    },
}

/// The connector that a command is about.
#[derive(Debug, Clone, Args)]
pub(crate) struct NameArgs {
    /// `INSTANCE/CONNECTOR`, or the whole resource name
    #[arg(add = ArgValueCompleter::new(complete::connectors))]
    pub(crate) name: String,
    /// The connector's instance, where the name does not say it
    #[arg(long, short, add = ArgValueCompleter::new(complete::instances))]
    pub(crate) instance: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// `INSTANCE/CONNECTOR`, or the whole resource name; may stand in the file
    pub(crate) name: Option<String>,
    /// The connector's instance, where the name does not say it
    #[arg(long, short)]
    pub(crate) instance: Option<String>,
    #[command(flatten)]
    pub(crate) connector: ConnectorFlags,
    /// Check everything and create nothing
    #[arg(long)]
    pub(crate) validate_only: bool,
    #[command(flatten)]
    pub(crate) repeat: RepeatFlags,
}

#[derive(Debug, Args)]
pub(crate) struct PreviewArgs {
    /// `INSTANCE/CONNECTOR`, or the whole resource name; may stand in the file
    pub(crate) name: Option<String>,
    /// The connector's instance, where the name does not say it
    #[arg(long, short)]
    pub(crate) instance: Option<String>,
    #[command(flatten)]
    pub(crate) connector: ConnectorFlags,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    #[command(flatten)]
    pub(crate) name: NameArgs,
    /// Only if its etag is this one
    #[arg(long)]
    pub(crate) etag: Option<String>,
    /// Set a field, or a part with everything in it, to its default: its path,
    /// for example spec.output.rotation.max_records; may be repeated
    #[arg(long = "default", value_name = "PATH")]
    pub(crate) defaults: Vec<String>,
    #[command(flatten)]
    pub(crate) fields: FieldFlags,
    #[command(flatten)]
    pub(crate) repeat: RepeatFlags,
}

#[derive(Debug, Args)]
pub(crate) struct TransitionArgs {
    #[command(flatten)]
    pub(crate) name: NameArgs,
    /// Wait, within --timeout, until it is done
    #[arg(long, short)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) repeat: RepeatFlags,
}

#[derive(Debug, Args)]
pub(crate) struct DeployArgs {
    #[command(flatten)]
    pub(crate) transition: TransitionArgs,
    /// Check before what it needs, as `validate` does: strict refuses where a check
    /// fails, warn writes that to the connector's log; as the control plane is set
    /// without it
    #[arg(long, value_enum)]
    pub(crate) preflight: Option<Preflight>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("action").required(true).args(["retry", "skip"]))]
pub(crate) struct ResumePartitionArgs {
    #[command(flatten)]
    pub(crate) name: NameArgs,
    /// Partition that has stopped
    #[arg(long, value_name = "N")]
    pub(crate) partition: i32,
    /// Try again what it has stopped at
    #[arg(long)]
    pub(crate) retry: bool,
    /// Leave out the record that it has stopped at: it will stand in no object
    #[arg(long, requires = "offset")]
    pub(crate) skip: bool,
    /// The record's offset, so that no other is ever left out
    #[arg(long, value_name = "OFFSET", requires = "skip", conflicts_with = "retry")]
    pub(crate) offset: Option<i64>,
    #[command(flatten)]
    pub(crate) repeat: RepeatFlags,
}

#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("to").required(true).args(["earliest", "latest", "timestamp", "offsets"])
)]
pub(crate) struct ResetOffsetsArgs {
    #[command(flatten)]
    pub(crate) name: NameArgs,
    /// Start at the beginning of each partition
    #[arg(long)]
    pub(crate) earliest: bool,
    /// Start at the end of each partition
    #[arg(long)]
    pub(crate) latest: bool,
    /// Start at the first record of each partition at this time or later, for
    /// example 2026-01-31T23:00:00Z
    #[arg(long, value_name = "RFC3339", value_parser = values::timestamp)]
    pub(crate) timestamp: Option<jiff::Timestamp>,
    /// Start a partition at this offset; may be repeated. Others go on where
    /// they are
    #[arg(long = "offset", value_name = "PARTITION=OFFSET")]
    #[arg(value_parser = values::partition_offset)]
    pub(crate) offsets: Vec<(i32, i64)>,
    /// Only if its etag is this one
    #[arg(long)]
    pub(crate) etag: Option<String>,
    #[command(flatten)]
    pub(crate) repeat: RepeatFlags,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLettersCommand {
    /// List the last ones, the newest first
    #[command(visible_alias = "ls")]
    List(DeadLettersArgs),
    /// Print the last ones in the order of their arrival, with --follow new ones,
    /// too
    Tail(TailArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    pub(crate) name: NameArgs,
    /// Only if its etag is this one
    #[arg(long)]
    pub(crate) etag: Option<String>,
    #[command(flatten)]
    pub(crate) how: DeletionFlags,
    /// Wait, within --timeout, until it is gone
    #[arg(long, short)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) repeat: RepeatFlags,
}

/// What becomes of what the service made for a connector that is deleted.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct DeletionFlags {
    /// Remove the service's own error topics even if they hold records
    #[arg(long)]
    pub(crate) delete_error_topics: bool,
    /// Finish without an agent; topics and groups stay behind
    #[arg(long)]
    pub(crate) orphan_resources: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Only those of this instance
    #[arg(long, short)]
    pub(crate) instance: Option<String>,
    /// Only those for which this holds, for example 'state != RUNNING'; what it
    /// does not hold for any more is shown as left
    #[arg(long, value_name = "EXPRESSION")]
    pub(crate) filter: Option<String>,
    /// With progress by partition (for --output json)
    #[arg(long)]
    pub(crate) partitions: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeadLettersArgs {
    #[command(flatten)]
    pub(crate) name: NameArgs,
    #[command(flatten)]
    pub(crate) which: EntryFlags,
}

/// Which of a connector's lines or dead letters; docs/filters.md has the fields.
#[derive(Debug, Clone, Args)]
pub(crate) struct EntryFlags {
    /// Only those for which this holds, for example 'partition = 3'
    #[arg(long, value_name = "EXPRESSION")]
    pub(crate) filter: Option<String>,
    /// Past ones of this time or later only: 2026-01-31T23:00:00Z, or how long ago, as 10m
    #[arg(long, value_name = "TIME", value_parser = values::since)]
    pub(crate) since: Option<jiff::Timestamp>,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    pub(crate) tail: TailArgs,
    /// Only lines that are so bad or worse
    #[arg(long, value_enum)]
    pub(crate) severity: Option<Severity>,
}

#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    #[command(flatten)]
    pub(crate) name: NameArgs,
    /// Go on with new ones
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Start with at most this many past ones
    #[arg(long, short = 'n', value_name = "N")]
    pub(crate) lines: Option<u32>,
    #[command(flatten)]
    pub(crate) which: EntryFlags,
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    pub(crate) name: NameArgs,
    /// Partition to write to; the partitioner chooses without it
    #[arg(long, value_name = "N")]
    pub(crate) partition: Option<i32>,
    /// Key; none without it
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// Value; a tombstone without it
    #[arg(long)]
    pub(crate) value: Option<String>,
    /// File with the value, any bytes
    #[arg(long, value_name = "PATH", conflicts_with = "value")]
    pub(crate) value_file: Option<PathBuf>,
    /// Wait, within --timeout, until the object that holds it is visible
    #[arg(long, short)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) repeat: RepeatFlags,
}
