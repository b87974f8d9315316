//! What can be chosen of a run.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

/// Creates and deploys a second, in steady load.
pub(crate) const RATE: u32 = 100;

/// What can be chosen of a run.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// A tenth of everything: 1,000 connectors, 100 agents
    #[arg(long)]
    quick: bool,

    /// Only this scenario; may be given more than once
    #[arg(long, value_enum)]
    only: Vec<Scenario>,

    /// Connectors [default: 10000, 1000 with --quick]
    #[arg(long)]
    connectors: Option<u32>,

    /// Agents [default: 1000, 100 with --quick]
    #[arg(long)]
    agents: Option<u32>,

    /// Sizes that `deploy-all` measures, in connectors, each with its part of the agents
    /// [default: a tenth, three tenths and all of --connectors]
    #[arg(long, value_delimiter = ',')]
    sizes: Vec<u32>,

    /// Watchers [default: as many as agents]
    #[arg(long)]
    watchers: Option<u32>,

    /// Connectors that are watched [default: 1000, or --connectors where that is less]
    #[arg(long)]
    watched: Option<u32>,

    /// How long each steady load lasts, in seconds [default: 10, 4 with --quick]
    #[arg(long)]
    seconds: Option<u64>,

    /// How long `idle` looks, in seconds: whole leases, since what is done once a lease is
    /// part of it
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    idle: u64,

    /// What each wait takes at most, in seconds [default: 300, 45 with --quick]
    #[arg(long)]
    bound: Option<u64>,

    /// Lease of the scenario `replace`, in seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(6..))]
    lease: u64,

    /// Ends with an error when a figure fails its goal
    #[arg(long)]
    pub(crate) enforce: bool,

    /// The control plane [default: kafka2oss-control-plane beside this program]
    #[arg(long)]
    pub(crate) control_plane: Option<PathBuf>,

    /// What else the control plane is told.
    #[arg(skip)]
    pub(crate) plane: Vec<String>,
}

/// A scenario by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// All are deployed at once, at several sizes
    DeployAll,
    /// 100 are created a second, then 100 deployed
    Rates,
    /// The whole list, page by page
    List,
    /// Nothing but reports
    Idle,
    /// The control plane is killed and comes back
    Resync,
    /// A tenth of the agents vanishes
    Replace,
    /// Many watch
    Watch,
}

impl Options {
    /// A world of this size, and what its control plane is and is told.
    pub(crate) fn of_size(
        connectors: u32,
        agents: u32,
        control_plane: Option<PathBuf>,
        plane: Vec<String>,
    ) -> Self {
        Self {
            quick: true,
            only: Vec::new(),
            connectors: Some(connectors),
            agents: Some(agents),
            sizes: Vec::new(),
            watchers: None,
            watched: None,
            seconds: None,
            idle: 1,
            bound: None,
            lease: 6,
            enforce: false,
            control_plane,
            plane,
        }
    }

    pub(crate) fn runs(&self, scenario: Scenario) -> bool {
        self.only.is_empty() || self.only.contains(&scenario)
    }

    pub(crate) fn connectors(&self) -> u32 {
        self.connectors.unwrap_or(if self.quick { 1_000 } else { 10_000 }).max(1)
    }

    pub(crate) fn agents(&self) -> u32 {
        self.agents.unwrap_or(if self.quick { 100 } else { 1_000 }).max(2)
    }

    /// Agents of a world of so many connectors.
    pub(crate) fn agents_for(&self, connectors: u32) -> u32 {
        let part = u64::from(connectors) * u64::from(self.agents()) / u64::from(self.connectors());
        u32::try_from(part).unwrap_or(u32::MAX).max(2)
    }

    /// In rising order.
    pub(crate) fn sizes(&self) -> Vec<u32> {
        let all = self.connectors();
        let mut sizes = self.sizes.clone();
        if sizes.is_empty() {
            sizes = vec![all / 10, all * 3 / 10, all];
        }
        sizes.retain(|size| *size > 0);
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    pub(crate) fn watchers(&self) -> u32 {
        self.watchers.unwrap_or_else(|| self.agents())
    }

    pub(crate) fn watched(&self) -> u32 {
        self.watched.unwrap_or_else(|| self.connectors().min(1_000)).max(1)
    }

    /// How long a steady load lasts.
    pub(crate) fn steady(&self) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or(if self.quick { 4 } else { 10 }).max(1))
    }

    /// Connectors that are created at a steady rate, beside those that are there: for as
    /// long as a steady load lasts, and a tenth of all at most, so that they change little.
    pub(crate) fn created(&self) -> u32 {
        let steady = u32::try_from(self.steady().as_secs()).unwrap_or(u32::MAX);
        steady.saturating_mul(RATE).min((self.connectors() / 10).max(RATE))
    }

    /// What a wait takes at most.
    pub(crate) fn bound(&self) -> Duration {
        Duration::from_secs(self.bound.unwrap_or(if self.quick { 45 } else { 300 }))
    }

    /// How long the scenario `idle` looks.
    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs(self.idle)
    }

    /// Lease of the scenario `replace`.
    pub(crate) fn short_lease(&self) -> Duration {
        Duration::from_secs(self.lease)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    fn options(arguments: &[&str]) -> Options {
        let program = ["bench"].into_iter();
        let command = Command::try_parse_from(program.chain(arguments.iter().copied()));
        command.expect("legal").options
    }

    #[test]
    fn a_quick_run_is_a_tenth() {
        let (whole, quick) = (options(&[]), options(&["--quick"]));
        assert_eq!((whole.connectors(), whole.agents()), (10_000, 1_000));
        assert_eq!((quick.connectors(), quick.agents()), (1_000, 100));
        assert_eq!(whole.sizes(), [1_000, 3_000, 10_000]);
        assert_eq!(quick.agents_for(300), 30);
        assert_eq!((whole.created(), quick.created()), (1_000, 100));
    }

    #[test]
    fn sizes_rise_and_are_there_once() {
        let options = options(&["--sizes", "500,250,500,0", "--connectors", "500"]);
        assert_eq!(options.sizes(), [250, 500]);
    }
}
