//! What a run was made on, and of.

use std::fmt;
use std::process::Command;

use kafka2oss_figures::machine::{Machine, first_line};

/// The machine, and the versions of what ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    machine: Machine,
    java: String,
    librdkafka: String,
}

impl Setting {
    /// This one. What cannot be told is left open.
    pub(crate) fn this() -> Self {
        Self {
            machine: Machine::this(),
            java: first_line(Command::new("java").arg("-version")),
            librdkafka: rdkafka::util::get_rdkafka_version().1,
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, java, librdkafka } = self;
        writeln!(f, "{machine}")?;
        write!(f, "versions    librdkafka {librdkafka}, Kafka 4.1.0, {java}")
    }
}
