//! The control plane over gRPC, as clients and agents see it: an in-process
//! server on a free port, its store in a temporary folder, and agents whose
//! answers are scripted.

mod agent;
mod agent_watches;
mod agents;
mod authority;
mod budgets;
mod clusters;
mod connectors;
mod dead_letters;
mod declarative;
mod deletion;
mod draining;
mod epochs;
mod figures;
mod flush;
mod instance_updates;
mod listeners;
mod lists;
mod logs;
mod preflight;
mod quotas;
mod rebalance;
mod request_ids;
mod requests;
mod reset_offsets;
mod resume_partition;
mod secrets;
mod server;
mod server_info;
mod serving;
mod test_messages;
mod updates;
mod watch;
