//! The control plane over gRPC, as clients and agents see it: an in-process
//! server on a free port, its store in a temporary folder, and agents whose
//! answers are scripted.

mod agent;
mod agents;
mod connectors;
mod deletion;
mod logs;
mod requests;
mod secrets;
mod server;
mod serving;
mod watch;
