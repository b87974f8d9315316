//! Family `0x03`: connectors, that is their intent and what must not be
//! learned twice.
//!
//! - Key: `instances/{instance_id}/connectors/{connector_id}`.
//! - Value: [`ConnectorRecord`]. Form 2 added fields 7 to 11, which are empty
//!   in form 1. Fields 12 and 13 came after, and are empty in values before them.
//! - Lifetime: CreateConnector until its resources are removed after
//!   DeleteConnector.

use std::collections::BTreeMap;

use kafka2oss_domain::spec::Pool;
use kafka2oss_proto::agent;
use kafka2oss_proto::v1::{self, offset_reset::To};

/// A connector. Plain secrets are withheld from it.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ConnectorRecord {
    /// Form of this value.
    #[prost(uint32, tag = "1")]
    pub(crate) form: u32,
    /// The connector without status; its spec is the effective one. Always set.
    #[prost(message, optional, tag = "2")]
    pub(crate) connector: Option<v1::Connector>,
    /// Opened by Deploy or ResetOffsets; with its start once an agent has read
    /// it, and never another one after that.
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
    /// Partitions of which a commit in this epoch was reported, in their
    /// order. It only grows, and is durable before an assignment says so.
    #[prost(int32, repeated, tag = "7")]
    pub(crate) committed_partitions: Vec<i32>,
    /// Decisions about stopped partitions of this epoch that may not have
    /// been carried out yet: at most one a partition, in their order.
    #[prost(message, repeated, tag = "8")]
    pub(crate) resumes: Vec<agent::v1::PartitionResume>,
    /// Number of the last such decision; never goes back.
    #[prost(uint64, tag = "9")]
    pub(crate) last_resume: u64,
    /// Where ResetOffsets wants this epoch to start; absent in one that Deploy
    /// opened.
    #[prost(message, optional, tag = "10")]
    pub(crate) reset: Option<Reset>,
    /// The epoch before, whose tasks hold their partitions, paused, until this
    /// one is prepared.
    #[prost(message, optional, tag = "11")]
    pub(crate) superseded: Option<Superseded>,
    /// Names the inline secrets that stand withheld in the spec: drawn each time that some
    /// are given. Empty without any, and where versions before this field took them.
    #[prost(string, tag = "12")]
    pub(crate) secrets_id: String,
    /// The spec as the user gave it. Versions before this field did not keep it: then it
    /// is the effective one.
    #[prost(message, optional, tag = "13")]
    pub(crate) given: Option<v1::ConnectorSpec>,
}

/// Where an epoch is to start.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Reset {
    /// What the user asked for.
    #[prost(message, optional, tag = "1")]
    pub(crate) asked: Option<v1::OffsetReset>,
    /// Where offsets are asked for: those of the partitions that are not
    /// named, which go on where they were.
    #[prost(btree_map = "int32, int64", tag = "2")]
    pub(crate) kept: BTreeMap<i32, i64>,
}

/// An epoch that ResetOffsets has ended.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Superseded {
    /// With its start.
    #[prost(message, optional, tag = "1")]
    pub(crate) epoch: Option<v1::Epoch>,
    /// Partitions of which a commit in it was reported.
    #[prost(int32, repeated, tag = "2")]
    pub(crate) committed_partitions: Vec<i32>,
    /// What it came to.
    #[prost(enumeration = "v1::DeliveryGuarantee", tag = "3")]
    pub(crate) delivery_guarantee: i32,
    /// As of its preparation.
    #[prost(bool, tag = "4")]
    pub(crate) store_refuses_existing: bool,
}

/// What a preparation came to.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Preparation {
    /// Nothing is wrong any more: tasks may run.
    #[prost(bool, tag = "1")]
    pub(crate) ready: bool,
    /// What must be cured first.
    #[prost(message, repeated, tag = "2")]
    pub(crate) problems: Vec<agent::v1::Problem>,
    /// What is not as it should be.
    #[prost(message, repeated, tag = "3")]
    pub(crate) warnings: Vec<agent::v1::Problem>,
    /// What the user has to make by hand.
    #[prost(message, repeated, tag = "4")]
    pub(crate) missing_resources: Vec<v1::PlannedResource>,
    /// As the probes found it, or lower since an agent's report showed that it
    /// does not hold: that stays until another preparation.
    #[prost(enumeration = "v1::DeliveryGuarantee", tag = "5")]
    pub(crate) delivery_guarantee: i32,
    /// Why it is not exactly once.
    #[prost(string, tag = "6")]
    pub(crate) delivery_guarantee_reason: String,
    /// The store was seen to refuse a put whose key is taken, and never otherwise.
    #[prost(bool, tag = "7")]
    pub(crate) store_refuses_existing: bool,
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
    pub(crate) problems: Vec<agent::v1::Problem>,
}

impl Preparation {
    /// Whether the store refuses a put whose key is taken. Forms before this one had
    /// a value for the guarantee alone, which needs it.
    pub(crate) fn store_refuses_existing(&self) -> bool {
        self.store_refuses_existing
            || self.delivery_guarantee() == v1::DeliveryGuarantee::ExactlyOnce
    }
}

impl Reset {
    /// The start as an agent is told it: with an offset for every partition
    /// whose offset is known.
    pub(crate) fn whole(&self) -> Option<v1::OffsetReset> {
        let mut whole = self.asked.clone();
        if let Some(v1::OffsetReset { to: Some(To::Offsets(named)) }) = &mut whole {
            for (partition, offset) in &self.kept {
                named.offsets.entry(*partition).or_insert(*offset);
            }
        }
        whole
    }
}

impl ConnectorRecord {
    /// The connector; empty only in a damaged store.
    pub(crate) fn connector(&self) -> &v1::Connector {
        static EMPTY: std::sync::LazyLock<v1::Connector> =
            std::sync::LazyLock::new(v1::Connector::default);
        self.connector.as_ref().unwrap_or(&EMPTY)
    }

    /// The spec as the user gave it.
    pub(crate) fn given(&self) -> &v1::ConnectorSpec {
        self.given.as_ref().unwrap_or_else(|| self.spec())
    }

    /// The connector as the API shows it, without status.
    pub(crate) fn shown(&self) -> v1::Connector {
        let mut shown = self.connector().clone();
        shown.effective_spec = shown.spec.replace(self.given().clone()).map(Box::new);
        kafka2oss_proto::spec::redact(&mut shown);
        shown
    }

    /// Makes this its spec with every default.
    pub(crate) fn set_spec(&mut self, spec: v1::ConnectorSpec) {
        self.connector.get_or_insert_default().spec = Some(spec);
    }

    /// Its spec with every default.
    pub(crate) fn spec(&self) -> &v1::ConnectorSpec {
        static EMPTY: std::sync::LazyLock<v1::ConnectorSpec> =
            std::sync::LazyLock::new(v1::ConnectorSpec::default);
        self.connector().spec.as_ref().unwrap_or(&EMPTY)
    }

    /// Agents that may run it.
    pub(crate) fn pool(&self) -> Pool {
        let runtime = self.spec().runtime.as_ref();
        runtime
            .map_or_else(Pool::default, |runtime| Pool::new(&*runtime.vpc_id, &*runtime.vswitch_id))
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

    /// Number of its epoch; 0 before Deploy.
    pub(crate) fn epoch_number(&self) -> i64 {
        self.epoch.as_ref().map_or(0, |epoch| epoch.number)
    }

    /// Whether tasks may run: the start is fixed and nothing is in the way.
    pub(crate) fn is_prepared(&self) -> bool {
        self.start_is_fixed() && self.preparation.as_ref().is_some_and(|known| known.ready)
    }
}

super::family! {
    /// Connectors.
    Connectors = 0x03, form 2, ConnectorRecord
}
