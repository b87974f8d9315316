//! The command line.

mod choices;
mod connector_spec;
mod connectors;
mod declarative;
mod dev;
#[cfg(test)]
mod documented;
mod everyday;
mod instances;
pub(crate) mod values;
mod verify;

use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::ArgValueCompleter;

pub(crate) use choices::{
    Addressing, Compressor, Creation, Encoding, FailurePolicy, FolderLength, Folders, Format,
    Overflow, Preflight, Severity, Start, Storage, Store,
};
pub(crate) use connector_spec::{
    AccessKeyFlags, ConnectorFlags, DestinationFlags, FieldFlags, ObjectFlags, ResourceFlags,
    RuntimeFlags, SourceFlags,
};
pub(crate) use connectors::{
    ConnectorsArgs, ConnectorsCommand, CreateArgs, DeadLettersArgs, DeadLettersCommand, DeleteArgs,
    DeletionFlags, DeployArgs, LogsArgs, NameArgs, PreviewArgs, ResetOffsetsArgs,
    ResumePartitionArgs, TailArgs, TestArgs, TransitionArgs, UpdateArgs, WatchArgs,
};
pub(crate) use declarative::{
    ApplyArgs, DeleteFilesArgs, DiffArgs, EditArgs, ExportArgs, ExportKind, FileFlags, PruneFlags,
};
pub(crate) use dev::DevArgs;
pub(crate) use everyday::{
    CompletionArgs, DescribeArgs, GetArgs, ResourceKind, WaitArgs, WaitGoal, WatchFlags,
};
pub(crate) use instances::{
    CreateInstanceArgs, InstancesArgs, InstancesCommand, KafkaSecretFlags, Mechanism, Security,
    UpdateInstanceArgs,
};
pub(crate) use verify::VerifyArgs;

use crate::client::complete;

/// Kafka topics into OSS and S3 buckets: continuously, every record once.
#[derive(Debug, Parser)]
#[command(name = "kafka2oss", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = crate::exit_status::ExitStatus::help())]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything in this process, to develop and to try it out
    Dev(DevArgs),
    /// Kafka instances: the sources of connectors
    #[command(alias = "instance")]
    Instances(InstancesArgs),
    /// Agents: the processes that run connectors
    #[command(alias = "agent")]
    Agents(AgentsArgs),
    /// Connectors: from one topic to one bucket each
    #[command(alias = "connector")]
    Connectors(ConnectorsArgs),
    /// The control plane itself
    Server(ServerArgs),
    /// List instances, connectors or agents, or show one of them
    Get(GetArgs),
    /// Show one page about an instance, a connector or an agent: all that people ask about it
    ///
    /// Of a connector also its conditions with what to do about them, the worst partitions,
    /// the last warnings and lines of its log, and the last dead letters.
    Describe(DescribeArgs),
    /// Wait until a connector is in a state, or gone
    Wait(WaitArgs),
    /// Have instances and connectors be as files say
    ///
    /// Every document is checked by the control plane before anything is changed. Then
    /// instances and connectors that are missing are created, and those that differ are
    /// changed; the rest stays untouched. A file is the whole truth about what it names:
    /// fields that are not in it go back to their defaults, but for desiredState, which
    /// then stays what it is.
    Apply(Box<ApplyArgs>),
    /// Show what `apply` would change
    Diff(Box<DiffArgs>),
    /// Delete the instances and connectors that files name; objects stay
    Delete(Box<DeleteFilesArgs>),
    /// Change an instance or a connector in an editor: KAFKA2OSS_EDITOR, VISUAL, EDITOR, or vi
    ///
    /// Shows it as YAML and sends what was made of it, if nobody has changed it meanwhile.
    /// What is refused is shown again, with the reason. Leaving it as it is ends.
    Edit(EditArgs),
    /// Print instances and connectors as files that `apply` takes
    ///
    /// YAML, or a list of JSON with --output json. Applied again they change nothing.
    /// Inline secrets are printed as withheld, which means the ones that are there.
    Export(Box<ExportArgs>),
    /// Check that each record of a connector's topic stands in its objects
    /// exactly once, as it is
    ///
    /// Reads topic and bucket from this host and changes neither. Exit status 0
    /// when nothing is wrong, 1 when something is, 2 when it could not be told.
    Verify(Box<VerifyArgs>),
    /// Print a script that completes commands, options and names of resources in a shell
    Completion(CompletionArgs),
}

impl Command {
    /// Whether what it says is for programs, also where it fails.
    pub(crate) fn is_json(&self) -> bool {
        let options = match self {
            Self::Dev(_) | Self::Completion(_) => return false,
            Self::Instances(args) => &args.options,
            Self::Agents(args) => &args.options,
            Self::Connectors(args) => &args.options,
            Self::Server(args) => &args.options,
            Self::Get(args) => &args.options,
            Self::Describe(args) => &args.options,
            Self::Wait(args) => &args.options,
            Self::Apply(args) => &args.options,
            Self::Diff(args) => &args.options,
            Self::Delete(args) => &args.options,
            Self::Edit(args) => &args.options,
            Self::Export(args) => &args.options,
            Self::Verify(args) => &args.options,
        };
        options.output == OutputFormat::Json
    }
}

/// What every command that talks to a control plane takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClientOptions {
    /// Address of the control plane; without it that of the `kafka2oss dev`
    /// that runs, else 127.0.0.1:7250
    #[arg(long, global = true, env = "KAFKA2OSS_ADDRESS", value_name = "HOST:PORT")]
    pub(crate) address: Option<String>,
    /// How to print answers; wide has more columns, json and yaml are the API's messages
    /// as proto3 JSON has them, name is the resource names alone
    #[arg(long, short, global = true, value_enum, default_value_t)]
    pub(crate) output: OutputFormat,
    /// Leave out the header of tables
    #[arg(long, global = true)]
    pub(crate) no_headers: bool,
    /// How long to wait for an answer, for example 30s or 2m
    #[arg(long, global = true, value_parser = values::duration, default_value = "30s")]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum OutputFormat {
    #[default]
    Table,
    Wide,
    Json,
    Yaml,
    Name,
}

#[derive(Debug, Args)]
pub(crate) struct AgentsArgs {
    #[command(flatten)]
    pub(crate) options: ClientOptions,
    #[command(subcommand)]
    pub(crate) command: AgentsCommand,
}

#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    #[command(flatten)]
    pub(crate) options: ClientOptions,
    #[command(subcommand)]
    pub(crate) command: ServerCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServerCommand {
    /// Show its version, its store, and the limits that callers meet
    Info,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AgentsCommand {
    /// List the agents that the control plane has seen
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        list: ListFlags,
        #[command(flatten)]
        watch: WatchFlags,
    },
    /// Print agents as they are, then every change
    Watch {
        /// Only those for which this holds, for example 'state != CONNECTED'; what it
        /// does not hold for any more is shown as left
        #[arg(long, value_name = "EXPRESSION")]
        filter: Option<String>,
    },
    /// Show one agent
    Get {
        /// `ID`, or `agents/ID`
        #[arg(add = ArgValueCompleter::new(complete::agents))]
        name: String,
        #[command(flatten)]
        watch: WatchFlags,
    },
    /// Have an agent give its tasks to other agents, and take no new ones
    ///
    /// Tasks move at a pace, as far as others have room; one that has nowhere to go
    /// runs on. This holds until `undrain`, whatever restarts. `agents list` shows
    /// DRAINED once the agent runs nothing and can be stopped.
    Drain {
        /// `ID`, or `agents/ID`
        #[arg(add = ArgValueCompleter::new(complete::agents))]
        name: String,
        #[command(flatten)]
        repeat: RepeatFlags,
    },
    /// Have an agent take tasks again
    Undrain {
        /// `ID`, or `agents/ID`
        #[arg(add = ArgValueCompleter::new(complete::agents))]
        name: String,
        #[command(flatten)]
        repeat: RepeatFlags,
    },
    /// Remove what is known of an agent that is gone
    Forget {
        /// `ID`, or `agents/ID`
        #[arg(add = ArgValueCompleter::new(complete::agents))]
        name: String,
        #[command(flatten)]
        repeat: RepeatFlags,
    },
    /// Move tasks from agents that are fuller than others of their pool
    ///
    /// Each move makes its connector's consumer group rebalance: so no more tasks
    /// move than need to, and of a pool one, or a hundredth of its tasks, in each
    /// rebalance interval of the control plane, 10s by default. The control plane
    /// does that by itself, too, unless it was started with --rebalance off.
    Rebalance(RebalanceArgs),
}

/// Of a request that changes something.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RepeatFlags {
    /// Makes a repetition of the same request harmless, whatever others have changed
    /// meanwhile; without it one is made up, for the repetitions of this command
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
}

impl RepeatFlags {
    /// The ID as requests have it.
    pub(crate) fn id(self) -> String {
        self.request_id.unwrap_or_else(new_request_id)
    }
}

/// An ID that no other request has.
pub(crate) fn new_request_id() -> String {
    ulid::Ulid::generate().to_string()
}

/// Which ones a list has, and in which order; docs/filters.md has the fields.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ListFlags {
    /// Only those for which this holds, for example 'state != RUNNING'
    #[arg(long, value_name = "EXPRESSION")]
    pub(crate) filter: Option<String>,
    /// By these fields, for example 'create_time desc'; by name without it
    #[arg(long, visible_aliases = ["sort-by", "order-by"], value_name = "FIELDS")]
    pub(crate) sort: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RebalanceArgs {
    /// VPC of the pool; without it and the vSwitch every pool
    #[arg(long)]
    pub(crate) vpc_id: Option<String>,
    /// vSwitch of the pool
    #[arg(long)]
    pub(crate) vswitch_id: Option<String>,
    /// Show which tasks would move, and move none
    #[arg(long)]
    pub(crate) plan: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn each_request_that_is_given_no_id_has_one_of_its_own() {
        let id = || RepeatFlags::default().id();
        assert_ne!(id(), id());
        assert_eq!(RepeatFlags { request_id: Some("a".to_owned()) }.id(), "a");
    }

    #[test]
    fn options_of_the_client_may_stand_after_the_command() {
        let cli = Cli::try_parse_from([
            "kafka2oss",
            "connectors",
            "list",
            "--output",
            "json",
            "--address",
            "a:1",
        ])
        .expect("it parses");
        let Command::Connectors(args) = cli.command else { panic!("another command") };
        assert_eq!(args.options.output, OutputFormat::Json);
        assert_eq!(args.options.address.as_deref(), Some("a:1"));
    }
}
