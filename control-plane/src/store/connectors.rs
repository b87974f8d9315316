//! Family `0x03`: connectors, that is their intent and what must not be
//! learned twice.
//!
//! - Key: `instances/{instance_id}/connectors/{connector_id}`.
//! - Value: [`ConnectorRecord`].
//! - Lifetime: CreateConnector until its resources are removed after
//!   DeleteConnector.

use kafka2oss_proto::v1;

/// A connector. Plain secrets are withheld from it.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ConnectorRecord {
    /// Form of this value.
    #[prost(uint32, tag = "1")]
    pub(crate) form: u32,
    /// The connector as the API shows it, without status. Always set.
    #[prost(message, optional, tag = "2")]
    pub(crate) connector: Option<v1::Connector>,
    /// Opened by Deploy; with its start once an agent has read it, and never
    /// another one after that.
    #[prost(message, optional, tag = "3")]
    pub(crate) epoch: Option<v1::Epoch>,
    /// Topics that agents have made for it, by the broker's own answer.
    #[prost(string, repeated, tag = "4")]
    pub(crate) created_topics: Vec<String>,
    /// What the last preparation of this epoch came to; absent before the
    /// first.
    #[prost(message, optional, tag = "5")]
    pub(crate) preparation: Option<Preparation>,
    /// What the user asked for with Delete; absent before.
    #[prost(message, optional, tag = "6")]
    pub(crate) deletion: Option<Deletion>,
}

/// What a preparation came to.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Preparation {
    /// Nothing is wrong any more: tasks may run.
    #[prost(bool, tag = "1")]
    pub(crate) ready: bool,
    /// What must be cured first.
    #[prost(message, repeated, tag = "2")]
    pub(crate) problems: Vec<v1::Problem>,
    /// What is not as it should be.
    #[prost(message, repeated, tag = "3")]
    pub(crate) warnings: Vec<v1::Problem>,
    /// What the user has to make by hand.
    #[prost(message, repeated, tag = "4")]
    pub(crate) missing_resources: Vec<v1::PlannedResource>,
    /// As the probes found it.
    #[prost(enumeration = "v1::DeliveryGuarantee", tag = "5")]
    pub(crate) delivery_guarantee: i32,
    /// Why it is not exactly once.
    #[prost(string, tag = "6")]
    pub(crate) delivery_guarantee_reason: String,
}

/// How a connector is to be deleted.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Deletion {
    /// Error topics go even if they hold records.
    #[prost(bool, tag = "1")]
    pub(crate) delete_error_topics: bool,
    /// Topics and groups stay; no agent is needed.
    #[prost(bool, tag = "2")]
    pub(crate) orphan_resources: bool,
    /// Agents that had tasks of it when its placement was removed.
    #[prost(string, repeated, tag = "3")]
    pub(crate) agents: Vec<String>,
    /// Why resources could not be removed yet.
    #[prost(message, repeated, tag = "4")]
    pub(crate) problems: Vec<v1::Problem>,
}

impl ConnectorRecord {
    /// The connector; empty only in a damaged store.
    pub(crate) fn connector(&self) -> &v1::Connector {
        static EMPTY: std::sync::LazyLock<v1::Connector> =
            std::sync::LazyLock::new(v1::Connector::default);
        self.connector.as_ref().unwrap_or(&EMPTY)
    }

    /// Its spec.
    pub(crate) fn spec(&self) -> &v1::ConnectorSpec {
        static EMPTY: std::sync::LazyLock<v1::ConnectorSpec> =
            std::sync::LazyLock::new(v1::ConnectorSpec::default);
        self.connector().spec.as_ref().unwrap_or(&EMPTY)
    }

    /// Its uid.
    pub(crate) fn uid(&self) -> &str {
        &self.connector().uid
    }

    /// Its full name.
    pub(crate) fn name(&self) -> &str {
        &self.connector().name
    }

    /// The topics that belong to it: the three internal ones, then its error
    /// topics.
    pub(crate) fn topics(&self) -> [&str; 5] {
        fn name(topic: &Option<v1::ConnectorTopic>) -> &str {
            topic.as_ref().map_or("", |topic| topic.name.as_str())
        }
        let Some(resources) = &self.spec().resources else { return [""; 5] };
        [
            name(&resources.offset_topic),
            name(&resources.config_topic),
            name(&resources.status_topic),
            name(&resources.abnormal_data_topic),
            name(&resources.dead_letter_queue_topic),
        ]
    }

    /// Whether its epoch's start is fixed.
    pub(crate) fn start_is_fixed(&self) -> bool {
        self.epoch.as_ref().is_some_and(|epoch| epoch.fixed_time.is_some())
    }

    /// Whether tasks may run: the start is fixed and nothing is in the way.
    pub(crate) fn is_prepared(&self) -> bool {
        self.start_is_fixed() && self.preparation.as_ref().is_some_and(|known| known.ready)
    }
}

super::family! {
    /// Connectors.
    Connectors = 0x03, form 1, ConnectorRecord
}
