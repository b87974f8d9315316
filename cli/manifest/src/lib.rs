//! Manifests: files that say which instances and connectors there are to be.
//!
//! A document of YAML or JSON is one resource: `apiVersion`, `kind` and the fields of the
//! API's message as proto3 JSON. Each field is read as what it is in the API, so that a
//! label `no` is the text `no` and a number is no text.
//!
//! - [`read`]: text into resources; every problem with its place.
//! - [`to_yaml`], [`to_json`]: resources into text that reads as the same.
//! - [`differences`]: what differs between two resources, field by field.
//!
//! ```text
//! yaml       text -> nodes with their lines; bounded, whatever comes
//! typed      nodes -> a message, by its descriptor
//! document   kind and name
//! ```

mod compare;
mod document;
mod messages;
mod node;
mod problem;
mod resource;
mod typed;
mod write;
mod yaml;

pub use compare::{Difference, differences};
pub use document::{Manifest, read};
pub use messages::{descriptor, encode, text_field};
pub use problem::Problem;
pub use resource::{API_VERSION, Kind, Resource};
pub use write::{to_json, to_yaml, value_to_yaml};
pub use yaml::MAX_BYTES;
