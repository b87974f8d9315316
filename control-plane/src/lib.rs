//! The control plane of kafka2oss: it knows what should run where, and shows
//! what does. It never opens a connection to Kafka or to an object store:
//! whatever needs them runs on an agent, as a command on its stream.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use kafka2oss_control_plane::{ControlPlane, Options};
//!
//! let control_plane = ControlPlane::start(Options::at("data")).await?;
//! println!("listening on {}", control_plane.address());
//! control_plane.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! A request's way: `server` (limits) -> `api` (the border) -> `catalog`
//! (durable) -> `reconcile` (actions) -> `session` (agents); and back:
//! `session` -> `observe` -> `api` (lists, watches). What all of these read
//! is `known`; decisions are in `model`, which depends on nothing else here.

mod api;
mod budget;
mod catalog;
mod chance;
mod clock;
mod encoded;
mod fingerprint;
mod fleet;
mod journal;
mod known;
mod model;
mod named;
mod notice;
mod observe;
mod options;
mod permit;
#[cfg(feature = "pieces")]
#[doc(hidden)]
pub mod pieces;
mod reconcile;
mod secrets;
mod server;
mod session;
#[cfg(test)]
mod simulation;
mod store;
mod supervision;
mod tasks;
mod text;

pub use options::{Options, Preflight, Rebalancing};
pub use server::ControlPlane;
pub use supervision::Failure;
