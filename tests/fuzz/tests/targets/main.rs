//! One module for each thing that is read from outside; the crate's
//! documentation says how to run them for longer.

// In a test, an unwrap is its failure.
#![allow(clippy::unwrap_used)]

mod checkpoints;
mod commit_metadata;
mod dead_letters;
mod filters;
mod keys;
mod manifests;
mod object_metadata;
mod objects;
mod positions;
mod protocol;
mod specs;
mod wire;
