//! `kafka2oss-verify` as the judge of a run.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use kafka2oss_domain::spec::{Instance, KafkaSecurity, Pool};
use kafka2oss_verify::{Options, Verdict, Verification};

use crate::connector::Connector;
use crate::destination::Destination;
use crate::topics::Topic;

/// Fails unless each record of the topic stands in the bucket once, as it is.
pub(crate) async fn judge(
    bootstrap: &str,
    topic: &Topic,
    destination: &Destination,
    connector: &Connector,
) -> Result<()> {
    let ends: BTreeMap<i32, i64> =
        (0..topic.partitions).map(|partition| (partition, topic.end())).collect();
    let verification = Verification {
        instance: Instance {
            region_id: "cn-hangzhou".into(),
            bootstrap_servers: vec![bootstrap.into()],
            security: KafkaSecurity::default(),
            pool: Pool::default(),
            connectors_disabled: false,
            allow_shared_cluster: false,
        },
        topic: topic.name.clone(),
        store: destination.store(),
        prefixes: vec![String::new()],
        hash_prefix: false,
        options: Options {
            starts: ends.keys().map(|partition| (*partition, 0)).collect(),
            bounds: ends,
            group: Some(connector.group()),
            connector: Some(connector.id.clone()),
            ..Options::default()
        },
    };
    let report = verification.run().await?;
    let compared = report.total(|partition| partition.compared);
    let is_complete = report.verdict() == Verdict::Complete;
    ensure!(is_complete && compared == topic.records, "{compared} compared: {report}");
    Ok(())
}
