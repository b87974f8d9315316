//! The data plane of kafka2oss: runs the tasks that the control plane places
//! on this agent.

pub mod report;
pub mod task;
