//! `kafka2oss get`, `wait` and `completion`.

use clap::{Args, ValueEnum};
use clap_complete::{ArgValueCompleter, Shell};
use kafka2oss_proto::v1::ConnectorState;

use super::{ClientOptions, ListFlags, NameArgs};
use crate::client::complete;

/// What `get` is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResourceKind {
    #[value(alias = "instance")]
    Instances,
    #[value(alias = "connector")]
    Connectors,
    #[value(alias = "agent")]
    Agents,
}

#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    #[command(flatten)]
    pub(crate) options: ClientOptions,
    /// What to show
    #[arg(value_enum)]
    pub(crate) kind: ResourceKind,
    /// Only this one, with all that is known of it
    #[arg(conflicts_with_all = ["filter", "sort"])]
    #[arg(add = ArgValueCompleter::new(complete::of_the_kind_before))]
    pub(crate) name: Option<String>,
    /// The connector's instance; without a name only connectors of it
    #[arg(long, short, add = ArgValueCompleter::new(complete::instances))]
    pub(crate) instance: Option<String>,
    #[command(flatten)]
    pub(crate) list: ListFlags,
    #[command(flatten)]
    pub(crate) watch: WatchFlags,
}

#[derive(Debug, Args)]
pub(crate) struct DescribeArgs {
    #[command(flatten)]
    pub(crate) options: ClientOptions,
    /// What to describe
    #[arg(value_enum)]
    pub(crate) kind: ResourceKind,
    /// `INSTANCE/CONNECTOR`, or the ID of an instance or an agent, or a whole resource name
    #[arg(add = ArgValueCompleter::new(complete::of_the_kind_before))]
    pub(crate) name: String,
    /// The connector's instance, where the name does not say it
    #[arg(long, short, add = ArgValueCompleter::new(complete::instances))]
    pub(crate) instance: Option<String>,
}

/// Whether to go on with what changes.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct WatchFlags {
    /// Go on with every change: on a terminal the table is rewritten in place, elsewhere
    /// each change is a line
    #[arg(long, short)]
    pub(crate) watch: bool,
}

const WAIT_STATUSES: &str = "\
Exit status:
  0  it came in time
  4  the connector is not there
  9  it did not come within --timeout, and what stands in the way is printed";

#[derive(Debug, Args)]
#[command(after_help = WAIT_STATUSES)]
pub(crate) struct WaitArgs {
    #[command(flatten)]
    pub(crate) options: ClientOptions,
    #[command(flatten)]
    pub(crate) name: NameArgs,
    /// What to wait for: state=RUNNING or any other state, or delete
    #[arg(long = "for", value_name = "state=STATE|delete", value_parser = goal)]
    pub(crate) goal: WaitGoal,
}

/// What `wait` waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitGoal {
    State(ConnectorState),
    Gone,
}

fn goal(given: &str) -> Result<WaitGoal, String> {
    if given == "delete" {
        return Ok(WaitGoal::Gone);
    }
    let name = given.strip_prefix("state=").unwrap_or_default().to_ascii_uppercase();
    let name = name.trim_start_matches("CONNECTOR_STATE_");
    ConnectorState::from_str_name(&format!("CONNECTOR_STATE_{name}"))
        .filter(|state| *state != ConnectorState::Unspecified)
        .map(WaitGoal::State)
        .ok_or_else(|| format!("`{given}` is neither of the form state=RUNNING nor delete"))
}

#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// Which shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_a_state_or_the_end() {
        assert_eq!(goal("delete"), Ok(WaitGoal::Gone));
        for given in ["state=running", "state=CONNECTOR_STATE_RUNNING"] {
            assert_eq!(goal(given), Ok(WaitGoal::State(ConnectorState::Running)));
        }
        for given in ["", "RUNNING", "state=", "state=asleep", "state=unspecified"] {
            assert!(goal(given).is_err(), "{given}");
        }
    }
}
