//! The built program as its user meets it.

mod busy;
mod changes;
mod client;
mod completion;
mod connector;
mod declarative;
mod demo;
mod describe;
mod everyday;
mod flush;
mod lists;
mod program;
mod real_services;
mod stop;
mod terminal;
mod usage;
mod validate;
mod verify;
