//! What is shown: of each connector as it is, of what changes to those who
//! watch, and of its last log lines and dead letters.

pub(crate) mod events;
pub(crate) mod status;
pub(crate) mod tape;
