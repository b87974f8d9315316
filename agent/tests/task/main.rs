//! A task on real Kafka and the OSS emulator: what it does with the records
//! that it is given, and with the partitions that are taken from it.

#![allow(clippy::unwrap_used, reason = "a test may end at once")]

mod allocations;
mod announcements;
mod backlog;
mod chain;
mod checkpoints;
mod commits;
mod first_position;
mod flushing;
mod formats;
mod group;
mod interference;
mod layout;
mod leaving;
mod log_range;
mod lookahead;
mod memory;
mod moved_broker;
mod objects;
mod overflow;
mod overwriting;
mod pausing;
mod records;
mod resume;
mod rotation;
mod slow_broker;
mod starving;
mod steering;
mod truncation;
mod unfetchable;
mod updates;
mod world;
