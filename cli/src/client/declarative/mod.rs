//! `apply`, `diff`, `delete` and `export`: instances and connectors by files.
//!
//! - [`sources`]: files into resources, each with its place.
//! - [`service`]: the calls, alike for both kinds.
//! - [`plan`]: what is there and what would be, by asking the control plane.
//! - [`prune`]: what no file names.
//! - [`report`]: what was done, as lines or as JSON.

mod apply;
mod delete;
mod diff;
mod edit;
mod export;
mod plan;
mod prune;
mod report;
mod service;
mod sources;

pub(crate) use apply::run as apply;
pub(crate) use delete::run as delete;
pub(crate) use diff::run as diff;
pub(crate) use edit::run as edit;
pub(crate) use export::run as export;

/// Exit status where something differs, in the way of diff(1).
const DIFFERS: u8 = 1;
/// Exit status where something was changed, for whoever asks for it.
const CHANGED: u8 = 3;
