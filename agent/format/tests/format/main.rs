//! Records to stored bytes and back: `round_trip`; and what becomes of stored
//! bytes that were damaged: `damage`.

// In a test, an unwrap is its failure.
#![allow(clippy::unwrap_used)]

mod damage;
mod round_trip;
mod support;
