//! The harness's own tests: the servers are real, keep their data, and go.

#![allow(clippy::unwrap_used, reason = "a test may end at once")]

mod broker;
mod end;
mod proxy;
mod store;
