//! The commands that talk to a control plane.

mod address;
mod advice;
mod agents;
pub(crate) mod complete;
mod connectors;
mod declarative;
mod describe;
mod everyday;
mod failure;
mod input;
mod instances;
mod json;
mod live;
pub(crate) mod names;
mod pages;
mod paging;
mod retry;
mod selection;
mod server;
mod state_file;
pub(crate) mod text;
mod verify;
mod watching;

use std::time::Duration;

use kafka2oss_proto::v1::agent_service_client::AgentServiceClient;
use kafka2oss_proto::v1::connector_service_client::ConnectorServiceClient;
use kafka2oss_proto::v1::instance_service_client::InstanceServiceClient;
use kafka2oss_proto::v1::server_service_client::ServerServiceClient;
use serde_json::Value;
use tonic::Request;
use tonic::transport::Channel;

pub(crate) use address::{Address, connect};
pub(crate) use agents::run as run_agents;
pub(crate) use connectors::run as run_connectors;
pub(crate) use declarative::{apply, delete, diff, edit, export};
pub(crate) use everyday::{get, wait};
pub(crate) use failure::Failure;
pub(crate) use instances::run as run_instances;
pub(crate) use pages::run as describe;
pub(crate) use server::run as run_server;
pub(crate) use state_file::{DevState, StateFile};
pub(crate) use verify::run as run_verify;

use crate::args::{ClientOptions, OutputFormat};
use crate::output::{self, Output};
use json::Described;
use retry::Retrying;
use selection::Selection;

/// One command's connection and the way it prints.
pub(crate) struct Client {
    channel: Retrying<Channel>,
    format: OutputFormat,
    timeout: Duration,
    out: Output,
}

impl Client {
    /// Connects to the control plane that the options name.
    pub(crate) async fn connect(options: &ClientOptions) -> Result<Self, Failure> {
        let address = address::resolve(options.address.as_deref());
        Ok(Self {
            channel: Retrying::new(connect(&address).await?, options.timeout),
            format: options.output,
            timeout: options.timeout,
            out: Output::new(options.no_headers),
        })
    }

    fn instances(&self) -> InstanceServiceClient<Retrying<Channel>> {
        InstanceServiceClient::new(self.channel.clone())
    }

    fn agents(&self) -> AgentServiceClient<Retrying<Channel>> {
        AgentServiceClient::new(self.channel.clone())
    }

    fn connectors(&self) -> ConnectorServiceClient<Retrying<Channel>> {
        ConnectorServiceClient::new(self.channel.clone())
    }

    fn server(&self) -> ServerServiceClient<Retrying<Channel>> {
        ServerServiceClient::new(self.channel.clone())
    }

    /// A request with the command's deadline, for calls with one answer.
    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.timeout);
        request
    }

    /// Whether tables have more columns than fit most terminals.
    fn is_wide(&self) -> bool {
        self.format == OutputFormat::Wide
    }

    /// Whether answers are printed as messages, for programs.
    fn is_json(&self) -> bool {
        matches!(self.format, OutputFormat::Json | OutputFormat::Yaml)
    }

    /// Whether a table is rewritten in place while it changes.
    fn is_live(&self) -> bool {
        matches!(self.format, OutputFormat::Table | OutputFormat::Wide) && output::is_rewritable()
    }

    /// Prints the names alone, where these are asked for; says whether they were.
    fn print_names<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<bool, Failure> {
        if self.format != OutputFormat::Name {
            return Ok(false);
        }
        for name in names {
            self.out.line(name)?;
        }
        Ok(true)
    }

    /// Prints a value as it was asked for.
    fn print_value(&self, value: &Value) -> Result<(), Failure> {
        Ok(self.out.value(value, self.format)?)
    }

    /// Prints one answer as JSON.
    fn print_json<M: Described>(&self, message: &M) -> Result<(), Failure> {
        self.print_value(&json::encode(message))
    }

    /// Prints one of many answers as JSON.
    fn print_json_line<M: Described>(&self, message: &M) -> Result<(), Failure> {
        if self.format == OutputFormat::Yaml {
            self.out.line("---")?;
            return self.print_json(message);
        }
        Ok(self.out.json(&json::encode(message), false)?)
    }
}
