//! The built program as its user meets it.

mod changes;
mod client;
mod connector;
mod declarative;
mod demo;
mod everyday;
mod lists;
mod program;
mod real_services;
mod stop;
mod usage;
mod validate;
mod verify;
