//! What one peer, and all of them together, may have of the process at a time.
//!
//! A peer is an address: of what comes from one, some may be meant well and some not, so that
//! its part is bounded, and others keep theirs.

mod bytes;
mod pace;
mod seats;
mod weight;

pub(crate) use bytes::{Bytes, Share};
pub(crate) use pace::Pace;
pub(crate) use seats::{Full, Seat, Seats};
pub(crate) use weight::Declarations;
