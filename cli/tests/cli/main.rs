//! The built program as its user meets it.

mod client;
mod demo;
mod program;
mod stop;
mod usage;
