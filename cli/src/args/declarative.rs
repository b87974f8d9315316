//! `kafka2oss apply`, `diff`, `delete` and `export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCompleter;

use super::{ClientOptions, DeletionFlags, values};
use crate::client::complete;

const APPLY_STATUSES: &str = "\
Exit status:
  0  everything is as the files say
  1  something was refused or failed; what was done is printed, and applying again goes on
  2  the command line or a file is wrong; nothing was changed
  3  with --detailed-exit-code: everything is as the files say, and something was
     changed, or would be with --dry-run
  8  no control plane answers; nothing was changed";

const DIFF_STATUSES: &str = "\
Exit status:
  0  nothing differs
  1  something differs
  2  it could not be told";

/// Which files to read.
#[derive(Debug, Args)]
pub(crate) struct FileFlags {
    /// File of YAML or JSON, or a folder of *.yaml, *.yml and *.json; `-` is stdin. May
    /// be repeated
    #[arg(long = "file", short = 'f', value_name = "PATH", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Folders within folders, too
    #[arg(long, short = 'R')]
    pub(crate) recursive: bool,
}

/// What is to go because no file names it.
#[derive(Debug, Args)]
pub(crate) struct PruneFlags {
    /// Delete connectors that carry the --selector's label and are in no file; objects
    /// stay
    #[arg(long, requires = "selector")]
    pub(crate) prune: bool,
    /// Label of all that the files manage; what is in them has to carry it
    #[arg(long, short = 'l', value_name = "KEY=VALUE", value_parser = values::label)]
    #[arg(requires = "prune")]
    pub(crate) selector: Option<(String, String)>,
    /// Delete instances that carry the label and are in no file, too
    #[arg(long, requires = "prune")]
    pub(crate) prune_instances: bool,
}

#[derive(Debug, Args)]
#[command(after_help = APPLY_STATUSES)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    pub(crate) options: ClientOptions,
    #[command(flatten)]
    pub(crate) files: FileFlags,
    #[command(flatten)]
    pub(crate) prune: PruneFlags,
    /// Delete what --prune finds without asking
    #[arg(long, short, requires = "prune")]
    pub(crate) yes: bool,
    /// Check everything, tell what would be done, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Exit with status 3 where something was changed
    #[arg(long)]
    pub(crate) detailed_exit_code: bool,
}

#[derive(Debug, Args)]
#[command(after_help = DIFF_STATUSES)]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    pub(crate) options: ClientOptions,
    #[command(flatten)]
    pub(crate) files: FileFlags,
    #[command(flatten)]
    pub(crate) prune: PruneFlags,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteFilesArgs {
    #[command(flatten)]
    pub(crate) options: ClientOptions,
    #[command(flatten)]
    pub(crate) files: FileFlags,
    /// Tell what would be deleted, and delete nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) how: DeletionFlags,
    /// Wait, each time within --timeout, until connectors are gone; where their instance
    /// is to be deleted that is waited for in any case
    #[arg(long, short)]
    pub(crate) wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EditArgs {
    #[command(flatten)]
    pub(crate) options: ClientOptions,
    /// `INSTANCE/CONNECTOR`, `instances/INSTANCE`, or a connector's whole resource name
    #[arg(add = ArgValueCompleter::new(complete::connectors))]
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) options: ClientOptions,
    /// What to print
    #[arg(value_enum, default_value_t)]
    pub(crate) kind: ExportKind,
    /// Only this instance, and connectors of it
    #[arg(long, short)]
    pub(crate) instance: Option<String>,
    /// Only what carries this label
    #[arg(long, short = 'l', value_name = "KEY=VALUE", value_parser = values::label)]
    pub(crate) selector: Option<(String, String)>,
    /// Only those for which this holds, for example 'topic = orders-*'; only with
    /// `instances` or `connectors`
    #[arg(long, value_name = "EXPRESSION")]
    pub(crate) filter: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ExportKind {
    #[default]
    All,
    #[value(alias = "instance")]
    Instances,
    #[value(alias = "connector")]
    Connectors,
}
