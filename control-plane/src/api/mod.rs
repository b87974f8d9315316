//! The border: gRPC in, domain calls out. The only place that makes a
//! `tonic::Status`.

mod act;
mod agent_control;
mod agent_intent;
mod agents;
mod connectors;
mod context;
mod create;
mod create_instance;
mod entries;
pub(crate) mod error;
mod etag;
mod flush;
mod instances;
mod listing;
mod once;
mod paging;
mod parts;
mod preflight;
mod quota;
mod repeats;
mod request;
mod reset_offsets;
mod resume_partition;
pub(crate) mod server;
mod stream;
mod tail;
mod test_message;
mod update;
mod update_instance;
mod watch;

pub(crate) use agent_control::AgentControl;
pub(crate) use agents::Agents;
pub(crate) use connectors::Connectors;
pub(crate) use context::Api;
pub(crate) use instances::Instances;
pub(crate) use server::Server;
pub(crate) use watch::{AgentServer, ConnectorServer};
