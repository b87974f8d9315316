//! What is measured, scenario by scenario.

mod deploy_all;
mod idle;
mod list;
mod rates;
mod replace;
mod resync;
mod watch;

use std::process::ExitCode;

use anyhow::Result;
use kafka2oss_figures::machine::Machine;
use kafka2oss_figures::report::Report;

use crate::figures::{Figures, Value};
use crate::options::{Options, Scenario};
use crate::pacing::not_within;
use crate::world::World;

/// Runs the scenarios and prints what came of them, the figures last.
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let enforce = options.enforce;
    let report = Report::default();
    report.line(Machine::this())?;
    report.line(format_args!(
        "sizes       {} connectors of {} partitions in {} tasks, {} agents",
        options.connectors(),
        crate::fleet::PARTITIONS,
        crate::fleet::SPREAD,
        options.agents()
    ))?;
    if let Some(path) = &options.control_plane {
        report.line(format_args!("measured    {}", path.display()))?;
    }
    let mut suite = Suite {
        options,
        report,
        figures: Figures::default(),
        world: None,
        gave_up: false,
        resident: Vec::new(),
    };
    suite.run().await?;
    let all_met = suite.figures.finish(suite.report)?;
    Ok(if all_met || !enforce { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A run.
struct Suite {
    options: Options,
    report: Report,
    figures: Figures,
    /// Of the whole size, with everything running.
    world: Option<World>,
    /// It did not come to run within the bound.
    gave_up: bool,
    /// What the control plane of the whole size had of memory at the end of scenarios,
    /// in MiB.
    resident: Vec<f64>,
}

impl Suite {
    async fn run(&mut self) -> Result<()> {
        if self.begin(Scenario::DeployAll)? {
            deploy_all::run(self).await?;
        }
        if self.begin(Scenario::Rates)? {
            rates::run(self).await?;
        }
        if self.begin(Scenario::List)? {
            list::run(self).await?;
        }
        if self.begin(Scenario::Idle)? {
            idle::run(self).await?;
        }
        if self.begin(Scenario::Resync)? {
            resync::run(self).await?;
        }
        if self.begin(Scenario::Replace)? {
            replace::run(self).await?;
        }
        if !self.resident.is_empty() {
            let most = self.resident.iter().copied().fold(0.0, f64::max);
            self.figure("rss_mib", most)?;
        }
        self.world = None;
        if self.begin(Scenario::Watch)? {
            watch::run(self).await?;
        }
        Ok(())
    }

    fn begin(&self, scenario: Scenario) -> Result<bool> {
        let runs = self.options.runs(scenario);
        if runs {
            self.report.line(format_args!("\n{scenario:?}"))?;
        }
        Ok(runs)
    }

    /// Keeps a figure.
    fn figure(&mut self, name: &str, value: impl Into<Value>) -> Result<()> {
        self.figures.add(&self.report, name, value)
    }

    /// Takes out the world of the whole size, with everything running; made where there
    /// is none. `None` where it does not come to run. Put it back with [`Suite::keep`].
    async fn take(&mut self) -> Result<Option<World>> {
        if let Some(world) = self.world.take() {
            return Ok(Some(world));
        }
        if self.gave_up {
            return Ok(None);
        }
        let connectors = self.options.connectors();
        let made = async {
            let world = World::start(&self.options, connectors, self.options.agents()).await?;
            world.deploy_all(0..connectors).await?;
            world.settle().await?;
            anyhow::Ok(world)
        };
        match made.await {
            Ok(world) => Ok(Some(world)),
            Err(error) if not_within(&error).is_some() => {
                self.report.line(format_args!("  {connectors} do not run: {error:#}"))?;
                self.gave_up = true;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Keeps the world for the next scenario.
    fn keep(&mut self, world: World) -> Result<()> {
        self.resident.push(world.resident_mib()?);
        self.world = Some(world);
        Ok(())
    }
}

/// What came of a wait: a value, or that it took too long.
///
/// # Errors
/// Any other failure.
fn outcome<T: Into<Value>>(result: Result<T>) -> Result<Value> {
    result.map(Into::into).or_else(|error| match not_within(&error) {
        Some(not) => Ok(not.into()),
        None => Err(error),
    })
}
