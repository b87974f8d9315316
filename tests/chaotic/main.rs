//! The product's own binaries between real Kafka and a bucket, while processes
//! are killed and frozen, the store and the broker fail, agents come and go and
//! the output changes: at random, from a seed. In the end each record stands in
//! one object, as it is; in one at least, where the bucket overwrites.
//!
//! `plan` decides what happens, `runner` carries it out, `verdict` judges.
//! `tests/chaos` makes long runs of it; `settings` has what it can set.

mod connector;
mod flow;
mod journal;
mod plan;
mod processes;
mod runner;
mod settings;
mod shape;
mod store;
mod verdict;

use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::journal::Journal;
use crate::plan::Plan;
use crate::runner::Runner;
use crate::settings::{Extent, Settings, StoreKind};
use crate::verdict::Verdict;

/// Between these many cycles all has to work again for a moment, so that what
/// hangs is found near to its cause.
const SETTLE_EVERY: u64 = 10;

#[tokio::test(flavor = "multi_thread")]
async fn every_record_stands_in_one_object_whatever_is_killed_frozen_or_cut_off() -> Result<()> {
    let Settings { seed, extent, stores, echoes } = Settings::from_environment()?;
    let (mut cycles, mut verdict) = (0, Verdict::default());
    for (index, store) in stores.iter().enumerate() {
        let share = extent.share(index, stores.len());
        let mut journal = Journal::open(&format!("{store}-seed-{seed}"), echoes)?;
        let folder = journal.folder().display();
        eprintln!("chaos on {store} from seed {seed}; logs: {folder}");
        let failed = format!("chaos on {store} from seed {seed} failed; its logs: {folder}");
        let outcome = run(&mut journal, *store, seed, share).await;
        if let Err(error) = &outcome {
            // Before what led to it: who reads the beginning only sees the reason.
            eprintln!("{error:#}\n{}", journal.last()?);
        }
        let (carried_out, of_store) = outcome.with_context(|| failed.clone())?;
        cycles += carried_out;
        verdict.add(of_store);
        if let Some(wrong) = &verdict.wrong {
            eprintln!("cycles={cycles} {verdict}");
            bail!("{failed}\n{wrong}");
        }
        journal.remove()?;
    }
    eprintln!("cycles={cycles} {verdict}");
    Ok(())
}

/// Cycles on one store, and what came of them.
async fn run(
    journal: &mut Journal,
    store: StoreKind,
    seed: u64,
    extent: Extent,
) -> Result<(u64, Verdict)> {
    let mut runner = Runner::start(journal, store, seed).await?;
    let (start, mut cycles) = (Instant::now(), 0);
    for cycle in Plan::new(seed) {
        let is_over = match extent {
            Extent::Cycles(count) => cycles == count,
            Extent::Time(time) => cycles > 0 && start.elapsed() >= time,
        };
        if is_over {
            break;
        }
        cycles += 1;
        runner.cycle(cycles, &cycle).await?;
        if cycles % SETTLE_EVERY == 0 {
            runner.settle().await?;
        }
    }
    for (kind, count) in runner.counts() {
        eprintln!("{kind}: {count}");
    }
    let verdict = runner.finish().await?;
    eprintln!("on {store}: cycles={cycles} {verdict}");
    Ok((cycles, verdict))
}
