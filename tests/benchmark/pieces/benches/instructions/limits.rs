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
    ("write_commit_metadata hourly", 6060, 8),
    ("read_commit_metadata hourly", 3552, 3),
    ("object_metadata flat", 10226, 20),
];

/// The limits of a piece; beyond them the run fails.
pub(crate) fn limits(piece: &str) -> LibraryBenchmarkConfig {
    let (_, instructions, blocks) = *MEASURED
        .iter()
        .find(|(name, ..)| *name == piece)
        .unwrap_or_else(|| panic!("the table of limits has no line for {piece}"));
    let instructions = instructions * (100 + TOLERANCE) / 100;
    // The caches of a simulated CPU are of no interest here, and take time.
    let mut callgrind = Callgrind::with_args(["--cache-sim=no"]);
    callgrind.hard_limits([(EventKind::Ir, instructions)]);
    let mut dhat = Dhat::default();
    dhat.format([DhatMetric::TotalBlocks, DhatMetric::TotalBytes]);
    dhat.hard_limits([(DhatMetric::TotalBlocks, blocks)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind).tool(dhat);
    config
}
