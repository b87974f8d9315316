//! Fuzz targets (`tests/targets`) for what parses bytes from outside: whatever
//! comes, nothing panics, and what is taken in is what was written.
//!
//! As part of `cargo test` each target runs for a second. To fuzz for longer,
//! one minute a target and one target at a time, with what was run shown:
//!
//! ```sh
//! export BOLERO_RANDOM_TEST_TIME_MS=60000
//! cargo test -p kafka2oss-fuzz --test targets -- --nocapture --test-threads 1
//! ```
//!
//! A failure prints its input and `BOLERO_RANDOM_SEED`; with that set, the
//! target of that name fails the same way at once. `dead_letters` needs the real
//! Kafka that `tests/run` puts in place; name another target to go without.
//!
//! Bytes at random hardly ever get past a parser's first check, so that targets
//! take what the product writes and change it: [`Near`], [`Text`].

mod near;
mod text;

pub use near::Near;
pub use text::{Part, Text};
