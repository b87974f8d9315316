//! The data plane of kafka2oss: runs the tasks that the control plane places
//! on this agent.

mod agent;
mod alarm;
mod assignment;
mod backoff;
mod boot;
mod clock;
mod commands;
mod control;
mod data_runtime;
mod environment;
mod internal_topics;
mod load;
mod options;
pub mod partition;
pub mod report;
mod supervision;
mod supervisor;
pub mod task;
#[cfg(test)]
mod testing;

pub use agent::{Agent, StopReason, Stopped, Superseded};
pub use alarm::Alarm;
pub use environment::{AdminFactory, BrokerAdmins, Environment};
pub use options::{DEFAULT_CONTROL_PLANE, OnShutdown, Options};
pub use supervision::Failed;
