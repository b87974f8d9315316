//! What came of a run, as `kafka2oss-verify` judges it.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Result;
use kafka2oss_domain::spec::{Instance, KafkaSecurity, Pool};
use kafka2oss_proto::v1;
use kafka2oss_sink::ObjectStore;
use kafka2oss_verify::{Kind, Options, Verification};

use crate::connector::Connector;
use crate::shape::{MAX_VALUE_BYTES, PREFIXES};

/// How many records stand in the topic, and how often one is not exactly once
/// (at least once, where the store overwrites) and as it is in the objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    records: u64,
    missing: u64,
    duplicated: u64,
    altered: u64,
    /// Copies of records in objects of other attempts, where the store overwrites.
    repeated: u64,
    /// What is wrong, in these or in other ways.
    pub(crate) wrong: Option<String>,
}

impl Verdict {
    /// Compares the topic up to `ends` with the bucket. Values of links that came
    /// to nothing may be left over.
    ///
    /// # Errors
    /// When topic or bucket cannot be read.
    pub(crate) async fn reach(
        bootstrap: &str,
        topic: &str,
        store: ObjectStore,
        connector: &Connector,
        ends: BTreeMap<i32, i64>,
    ) -> Result<Self> {
        let verification = Verification {
            instance: Instance {
                region_id: "cn-hangzhou".into(),
                bootstrap_servers: vec![bootstrap.into()],
                security: KafkaSecurity::default(),
                pool: Pool::default(),
                connectors_disabled: false,
                allow_shared_cluster: false,
            },
            topic: topic.into(),
            store,
            prefixes: PREFIXES.map(str::to_owned).into(),
            hash_prefix: true,
            options: Options {
                starts: ends.keys().map(|partition| (*partition, 0)).collect(),
                bounds: ends.clone(),
                group: Some(connector.group()),
                error_topics: [connector.error_topic()].into(),
                connector: Some(connector.id.clone()),
                max_value_bytes: Some(MAX_VALUE_BYTES.cast_unsigned()),
                include_headers: true,
                ..Options::default()
            },
        };
        let report = verification.run().await?;
        let mut verdict = Self {
            records: ends.values().map(|end| end.unsigned_abs()).sum(),
            missing: report.count(Kind::Missing) + report.count(Kind::MissingValue),
            duplicated: report.count(Kind::Duplicated),
            altered: report.count(Kind::Altered),
            repeated: report.total(|partition| partition.repeated),
            wrong: None,
        };
        let is_clean = report.findings.keys().all(|kind| *kind == Kind::Garbage);
        let found = report.total(|partition| partition.compared + partition.dead_letters);
        // One chain: another would be verified by itself.
        let is_whole = report.backlog().is_empty()
            && report.partitions.len() == ends.len()
            && found == verdict.records;
        // Whoever has written, adopted or given up what: each record is counted once.
        connector.has_written(report.total(|partition| partition.compared)).await?;
        let may_repeat = connector.guarantee() == v1::DeliveryGuarantee::AtLeastOnce;
        let is_right = is_clean && is_whole && (may_repeat || verdict.repeated == 0);
        verdict.wrong = (!is_right).then(|| report.to_string());
        Ok(verdict)
    }

    /// Adds that of another topic and bucket, where nothing was wrong up to now.
    pub(crate) fn add(&mut self, other: Self) {
        self.records += other.records;
        self.missing += other.missing;
        self.duplicated += other.duplicated;
        self.altered += other.altered;
        self.repeated += other.repeated;
        self.wrong = other.wrong;
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, missing, duplicated, altered, repeated, wrong: _ } = self;
        write!(f, "records={records} missing={missing} duplicated={duplicated} altered={altered}")?;
        write!(f, " repeated={repeated}")
    }
}
