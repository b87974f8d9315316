//! An instance or a connector, as files have them.

use std::collections::BTreeMap;
use std::fmt;

use kafka2oss_proto::v1;
use prost_reflect::MessageDescriptor;
use serde_json::Value;

use crate::messages;

/// What `apiVersion` has to be.
pub const API_VERSION: &str = "kafka2oss.v1";

/// What a manifest describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A Kafka instance.
    Instance,
    /// A connector.
    Connector,
}

/// An instance or a connector.
#[derive(Debug, Clone, PartialEq)]
pub enum Resource {
    /// A Kafka instance.
    Instance(Box<v1::Instance>),
    /// A connector.
    Connector(Box<v1::Connector>),
}

impl Kind {
    /// Both, in the order in which they can be made.
    pub const ALL: [Self; 2] = [Self::Instance, Self::Connector];

    /// As `kind` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "Instance",
            Self::Connector => "Connector",
        }
    }

    pub(crate) fn descriptor(self) -> MessageDescriptor {
        messages::descriptor(self.as_str())
    }

    /// Fields that only the service sets: they may stand in a file, as what was read from it
    /// has them, and mean nothing there.
    pub(crate) fn output_only(self) -> &'static [&'static str] {
        match self {
            Self::Instance => &["uid", "create_time", "update_time", "kafka_cluster_id"],
            Self::Connector => {
                &["uid", "create_time", "update_time", "generation", "status", "effective_spec"]
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Resource {
    /// Which of the two it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Instance(_) => Kind::Instance,
            Self::Connector(_) => Kind::Connector,
        }
    }

    /// `instances/{instance}` or `instances/{instance}/connectors/{connector}`.
    pub fn name(&self) -> &str {
        match self {
            Self::Instance(instance) => &instance.name,
            Self::Connector(connector) => &connector.name,
        }
    }

    /// The etag; empty where none is given.
    pub fn etag(&self) -> &str {
        match self {
            Self::Instance(instance) => &instance.etag,
            Self::Connector(connector) => &connector.etag,
        }
    }

    /// Sets the etag.
    pub fn set_etag(&mut self, etag: &str) {
        match self {
            Self::Instance(instance) => etag.clone_into(&mut instance.etag),
            Self::Connector(connector) => etag.clone_into(&mut connector.etag),
        }
    }

    /// Its labels.
    pub fn labels(&self) -> &BTreeMap<String, String> {
        match self {
            Self::Instance(instance) => &instance.labels,
            Self::Connector(connector) => &connector.labels,
        }
    }

    /// The name of the instance that it is, or belongs to.
    pub fn instance(&self) -> &str {
        let name = self.name();
        name.split_once("/connectors/").map_or(name, |(instance, _)| instance)
    }

    /// What a user can set of it: without what only the service knows, and without the etag,
    /// which is of one moment.
    pub fn settable(&self) -> Self {
        let mut settable = self.clone();
        // Each field is named: a new one does not compile before somebody has decided.
        match &mut settable {
            Self::Instance(instance) => {
                let v1::Instance {
                    name: _,
                    uid,
                    create_time,
                    update_time,
                    etag,
                    labels: _,
                    description: _,
                    max_connectors: _,
                    max_tasks: _,
                    region_id: _,
                    bootstrap_servers: _,
                    security_protocol: _,
                    sasl_mechanism: _,
                    kafka_credentials: _,
                    ca_certificate: _,
                    vpc_id: _,
                    vswitch_id: _,
                    connectors_disabled: _,
                    allow_shared_cluster: _,
                    kafka_cluster_id,
                    client_certificate: _,
                    oauth_token: _,
                } = &mut **instance;
                for text in [uid, etag, kafka_cluster_id] {
                    text.clear();
                }
                (*create_time, *update_time) = (None, None);
            }
            Self::Connector(connector) => {
                let v1::Connector {
                    name: _,
                    uid,
                    create_time,
                    update_time,
                    etag,
                    labels: _,
                    description: _,
                    generation,
                    spec: _,
                    desired_state: _,
                    status,
                    effective_spec,
                } = &mut **connector;
                uid.clear();
                etag.clear();
                (*create_time, *update_time, *generation) = (None, None, 0);
                (*status, *effective_spec) = (None, None);
            }
        }
        settable
    }

    /// Its message as proto3 JSON.
    pub fn fields(&self) -> Value {
        match self {
            Self::Instance(instance) => messages::encode("Instance", &**instance),
            Self::Connector(connector) => messages::encode("Connector", &**connector),
        }
    }
}

impl From<v1::Instance> for Resource {
    fn from(instance: v1::Instance) -> Self {
        Self::Instance(Box::new(instance))
    }
}

impl From<v1::Connector> for Resource {
    fn from(connector: v1::Connector) -> Self {
        Self::Connector(Box::new(connector))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_only_the_service_sets_are_in_the_messages() {
        for kind in Kind::ALL {
            for name in kind.output_only() {
                assert!(kind.descriptor().get_field_by_name(name).is_some(), "{kind}: {name}");
            }
        }
    }

    #[test]
    fn what_only_the_service_sets_is_not_settable() {
        let connector = v1::Connector {
            name: "instances/i/connectors/c".to_owned(),
            uid: "U".to_owned(),
            etag: "U-1".to_owned(),
            labels: [("team".to_owned(), "a".to_owned())].into(),
            generation: 3,
            status: Some(v1::ConnectorStatus::default()),
            effective_spec: Some(Box::default()),
            create_time: Some(prost_types::Timestamp::default()),
            ..v1::Connector::default()
        };
        let settable = Resource::from(connector.clone()).settable();
        let expected = v1::Connector {
            name: connector.name,
            labels: connector.labels,
            ..v1::Connector::default()
        };
        assert_eq!(settable, Resource::from(expected));
        assert_eq!(settable.instance(), "instances/i");
    }
}
