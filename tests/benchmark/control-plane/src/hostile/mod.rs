//! Hostile peers, one kind after the other, beside a good client and good agents:
//! `tests/bench hostile`.
//!
//! The peers are a process of their own at another address of this host, with the lowest
//! priority: elsewhere they would be on other machines, and take nothing from the good client
//! but what they take of the control plane.

pub(crate) mod attack;
mod figures;
mod good;
mod speech;
mod wire;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use kafka2oss_figures::machine::Machine;
use kafka2oss_figures::report::{Report, mib};
use kafka2oss_figures::resident::{forget_peak, peak_resident_bytes, resident_bytes};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use self::attack::Kind;
use self::figures::{Outcome, finish};
use self::good::Good;
use crate::bound::until;
use crate::options;
use crate::world::World;

/// Connectors and agents of the control plane.
const CONNECTORS: u32 = 200;
const AGENTS: u32 = 20;
/// So short that a lease that ends within an attack shows.
const LEASE: [&str; 4] = ["--lease", "6s", "--heartbeat-interval", "1s"];
/// From an attack's start until it is measured.
const RAMP: Duration = Duration::from_secs(2);
/// Within this time after an attack the good agents are all there again.
const CALM: Duration = Duration::from_secs(30);

/// What can be chosen of a run against hostile peers.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Each attack for a third of the time
    #[arg(long)]
    quick: bool,

    /// How long each attack is measured, in seconds [default: 15, 5 with --quick]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,

    /// Only this attack; may be given more than once
    #[arg(long, value_enum)]
    only: Vec<Kind>,

    /// The control plane [default: kafka2oss-control-plane beside this program]
    #[arg(long)]
    control_plane: Option<std::path::PathBuf>,
}

/// Runs the attacks and prints what came of them, the figures last.
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let report = Report::default();
    report.line(Machine::this())?;
    report.line(format_args!("sizes       {CONNECTORS} connectors on {AGENTS} agents"))?;
    let seconds = options.seconds.unwrap_or(if options.quick { 5 } else { 15 });
    let steady = Duration::from_secs(seconds);
    let plane = LEASE.map(str::to_owned).into();
    let control_plane = options.control_plane.clone();
    let sizes = options::Options::of_size(CONNECTORS, AGENTS, control_plane, plane);
    let world = World::start(&sizes, CONNECTORS, AGENTS).await?;
    world.deploy_all(0..CONNECTORS).await?;
    world.settle().await?;

    let mut good = Good::new(&world).await?;
    // What is done for the first time is not what is compared.
    good.serve(RAMP).await?;
    let quiet = good.serve(steady).await?;
    report.line(format_args!("\nquiet\n  {quiet}"))?;
    let mut outcomes = Vec::new();
    for kind in Kind::value_variants() {
        if options.only.is_empty() || options.only.contains(kind) {
            let outcome = attack(&world, &mut good, *kind, steady).await;
            let outcome =
                outcome.with_context(|| format!("{}\n{}", kind.name(), world.plane.log_tail()))?;
            report.line(format_args!("\n{}\n  {outcome}", kind.name()))?;
            outcomes.push(outcome);
        }
    }
    finish(report, &quiet, &outcomes)?;
    Ok(ExitCode::SUCCESS)
}

/// One attack.
async fn attack(
    world: &World,
    good: &mut Good<'_>,
    kind: Kind,
    steady: Duration,
) -> Result<Outcome> {
    let pid = world.plane.pid()?;
    let before = mib(resident_bytes(pid)?);
    forget_peak(pid)?;
    let attackers = Attackers::start(world, kind)?;
    sleep(RAMP).await;
    let began = Instant::now();
    let served = good.serve(steady).await?;
    let gone = good.gone(kind).await?;
    let seconds = (RAMP + began.elapsed()).as_secs_f64();
    let most = mib(peak_resident_bytes(pid)?);
    let hits = attackers.stop().await?;
    let there = until(CALM, || world.fleet.is_there_but(kind.taken())).await.is_ok();
    sleep(steady / 2).await;
    let after = mib(resident_bytes(pid)?);
    let hits = hits as f64 / seconds;
    Ok(Outcome { kind, hits, served, gone, there, before, most, after })
}

/// The process of the hostile peers.
struct Attackers(Child);

impl Attackers {
    fn start(world: &World, kind: Kind) -> Result<Self> {
        let mut command = Command::new("nice");
        command.args(["-n", "19"]).arg(std::env::current_exe()?).arg("attack").arg(kind.name());
        command.arg(world.plane.address().to_string());
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let child = command.kill_on_drop(true).spawn().context("cannot start the attackers")?;
        Ok(Self(child))
    }

    /// Ends it. Returns how often it did what it does.
    async fn stop(mut self) -> Result<u64> {
        // That is its sign.
        drop(self.0.stdin.take());
        let output = self.0.wait_with_output().await?;
        ensure!(output.status.success(), "the attackers failed: {}", output.status);
        let text = String::from_utf8(output.stdout)?;
        text.trim().parse().context("the attackers said nothing")
    }
}
