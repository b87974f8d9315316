//! What the pieces may cost.

use gungraun::{Callgrind, Dhat, DhatMetric, EventKind, LibraryBenchmarkConfig};

/// By how many per cent of its instructions a piece may exceed what was measured of
/// it: more than another version of the compiler makes of it. One more copy of each
/// value shows at 10 KB, where `memcpy` takes an instruction a byte (`rep movsb`).
const TOLERANCE: u64 = 15;

/// What was measured of each function and case: instructions, and blocks of memory
/// that were allocated, of which not one more is allowed. Whoever makes a piece
/// cheaper, or has a reason to make it dearer, puts here what
/// `tests/benchmark/pieces/run --table` prints.
#[rustfmt::skip]
const MEASURED: [(&str, u64, u64); 29] = [
    ("append_lines plain_100", 130055, 0),
    ("append_lines plain_1k", 193094, 0),
    ("append_lines plain_10k", 884194, 0),
    ("append_lines json_100", 145190, 0),
    ("append_lines json_1k", 351194, 0),
    ("append_lines json_10k", 2475394, 0),
    ("append_lines chinese_100", 139194, 0),
    ("append_lines chinese_1k", 263894, 0),
    ("append_lines chinese_10k", 1575394, 0),
    ("append_lines binary_100", 197178, 0),
    ("append_lines binary_1k", 847978, 0),
    ("append_lines binary_10k", 8549278, 0),
    ("append_lines headers_100", 286355, 0),
    ("append_array plain_100", 130455, 0),
    ("append_array plain_1k", 193494, 0),
    ("append_array plain_10k", 884594, 0),
    ("bucket flat", 3191, 0),
    ("bucket hourly", 25192, 0),
    ("close none", 394587, 0),
    ("close gzip", 68055705, 3),
    ("close zstd", 25587445, 4),
    ("add_link flat", 11879, 18),
    ("add_link hourly", 22577, 22),
    ("key flat", 2947, 1),
    ("key hourly", 11221, 3),
    ("read_key hourly", 2406, 2),
    ("write_commit_metadata hourly", 7472, 8),
    ("read_commit_metadata hourly", 4887, 3),
    ("object_metadata flat", 10226, 20),
];

/// What was measured of a step of the control plane among 1,000 connectors, and among 10,000.
#[rustfmt::skip]
const STEPS: [(&str, u64); 4] = [
    ("reconcile of_1k", 31659),
    ("reconcile of_10k", 32003),
    ("take_report of_1k", 476396),
    ("take_report of_10k", 478524),
];

/// By how many per cent a step may be dearer among ten times as many connectors: a search in
/// an ordered index takes a few comparisons more.
const GROWTH: u64 = 15;

// What is counted is held to these numbers, and these do not grow.
const _: () = {
    assert!(STEPS[1].1 * 100 <= STEPS[0].1 * (100 + GROWTH));
    assert!(STEPS[3].1 * 100 <= STEPS[2].1 * (100 + GROWTH));
};

/// The limit of a step of the control plane. Hashes are drawn anew each time, so that its
/// instructions are the same but for a few per cent, and its allocations are not counted.
pub(crate) fn steady(step: &str) -> LibraryBenchmarkConfig {
    let (_, instructions) = *STEPS
        .iter()
        .find(|(name, ..)| *name == step)
        .unwrap_or_else(|| panic!("the table of steps has no line for {step}"));
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind(instructions));
    config
}

/// The limits of a piece; beyond them the run fails.
pub(crate) fn limits(piece: &str) -> LibraryBenchmarkConfig {
    let (_, instructions, blocks) = *MEASURED
        .iter()
        .find(|(name, ..)| *name == piece)
        .unwrap_or_else(|| panic!("the table of limits has no line for {piece}"));
    let mut dhat = Dhat::default();
    dhat.format([DhatMetric::TotalBlocks, DhatMetric::TotalBytes]);
    dhat.hard_limits([(DhatMetric::TotalBlocks, blocks)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind(instructions)).tool(dhat);
    config
}

fn callgrind(instructions: u64) -> Callgrind {
    let instructions = instructions * (100 + TOLERANCE) / 100;
    // The caches of a simulated CPU are of no interest here, and take time.
    let mut callgrind = Callgrind::with_args(["--cache-sim=no"]);
    callgrind.hard_limits([(EventKind::Ir, instructions)]);
    callgrind
}
