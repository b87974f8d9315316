//! What came of attacks.

use std::fmt;

use anyhow::Result;
use kafka2oss_figures::report::Report;

use super::attack::Kind;
use super::good::Served;

/// What came of one.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) kind: Kind,
    /// How often a second the peers did what they do.
    pub(super) hits: f64,
    /// What the good client saw meanwhile.
    pub(super) served: Served,
    /// Good agents without a lease.
    pub(super) gone: usize,
    /// Whether all good agents were there soon after.
    pub(super) there: bool,
    /// Memory in MiB: before, at its height, some seconds after.
    pub(super) before: f64,
    pub(super) most: f64,
    pub(super) after: f64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hits, served, gone, there, before, most, after, .. } = self;
        let there = if *there { "" } else { ", NOT ALL AGENTS CAME BACK" };
        write!(
            f,
            "{served}; {hits:.0} hits a second; {gone} agents gone{there}; {before:.0} MiB before, \
             {most:.0} at most, {after:.0} after"
        )
    }
}

/// Prints everything, the figures last.
pub(super) fn finish(mut report: Report, quiet: &Served, outcomes: &[Outcome]) -> Result<()> {
    let ratio = |outcome: &Outcome| outcome.served.p99 / quiet.p99;
    let row = |outcome: &Outcome| {
        let Outcome { kind, hits, served, gone, before, most, after, .. } = outcome;
        vec![
            kind.name(),
            format!("{hits:.0}"),
            format!("{:.1}", served.p50),
            format!("{:.1}", served.p99),
            format!("{:.1}", ratio(outcome)),
            served.failed.to_string(),
            gone.to_string(),
            format!("{before:.0}, {most:.0}, {after:.0}"),
        ]
    };
    report.table(
        "hostile peers",
        &[
            "attack",
            "hits/s",
            "p50, ms",
            "p99, ms",
            "of quiet",
            "failed",
            "agents gone",
            "MiB before, at most, after",
        ],
        outcomes.iter().map(row).collect(),
    )?;
    report.figure("quiet_p99_ms", Some(quiet.p99));
    for outcome in outcomes {
        let name = outcome.kind.name().replace('-', "_");
        let Outcome { served, gone, there, most, after, .. } = outcome;
        report.figure(format!("{name}_p99_ms"), Some(served.p99));
        report.figure(format!("{name}_of_quiet"), Some(ratio(outcome)));
        report.figure(format!("{name}_failed"), Some(served.failed as f64));
        let lost = *gone as f64 + f64::from(u8::from(!there));
        report.figure(format!("{name}_agents_lost"), Some(lost));
        report.figure(format!("{name}_rss_mib"), Some(*most));
        report.figure(format!("{name}_rss_after_mib"), Some(*after));
    }
    let most = |of: &dyn Fn(&Outcome) -> f64| outcomes.iter().map(of).fold(0.0, f64::max);
    report.figure("hostile_of_quiet", Some(most(&ratio)));
    report.figure("hostile_rss_mib", Some(most(&|outcome| outcome.most)));
    report.figure("hostile_rss_after_mib", Some(most(&|outcome| outcome.after)));
    report.finish()
}
