//! Logs of control plane, agent and what they stand on; to stderr.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// What librdkafka warns of passes by itself, or shows in a status.
const QUIET: &str = "warn,librdkafka=error";

/// Warnings only, unless `verbose`; RUST_LOG wins over both.
pub(super) fn start(verbose: bool) {
    let default = if verbose { "info" } else { QUIET };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    // A second subscriber cannot be: this is the only place that sets one.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();
}
