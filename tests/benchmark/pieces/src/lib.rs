//! The pieces of work that a record and an object cost, each as a function that
//! benchmarks call.
//!
//! - [`records`]: batches of records, and putting them into a body.
//! - [`object`]: from a full body to what is put.
//! - [`chain`]: adding a link, and the texts that go with it.
//!
//! `benches/time` measures how long they take (Criterion), `benches/instructions`
//! counts their instructions and allocations (Valgrind) and holds them against
//! limits. What goes in is the same on every machine and in every run.

pub mod chain;
pub mod object;
pub mod records;
