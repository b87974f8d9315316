//! The built program as its user meets it.

mod client;
mod demo;
mod program;
mod real_services;
mod stop;
mod usage;
