//! Which Kafka cluster each instance is.
//!
//! Connectors of two instances of one cluster could use the same groups and
//! topics without anybody seeing it: so a cluster belongs to the instance whose
//! connectors came first, unless an instance says that it may be shared.

use std::sync::Arc;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::names::{ConnectorName, InstanceName};
use kafka2oss_proto::{agent, v1};

use crate::catalog::Change;
use crate::known::Known;
use crate::store::StoreError;
use crate::store::instances::InstanceRecord;

/// Remembers that the connector's instance is the cluster `cluster_id`, as an
/// agent has seen; empty where it has not. A problem, and nothing remembered,
/// if the cluster is another instance's.
pub(super) async fn claim(
    known: &Known,
    connector: &str,
    cluster_id: &str,
) -> Result<Option<agent::v1::Problem>, StoreError> {
    let Ok(name) = connector.parse::<ConnectorName>() else { return Ok(None) };
    if cluster_id.is_empty() {
        return Ok(None);
    }
    // Nearly always it is known, and nobody else's: many prepare at the same time.
    let name = name.instance();
    if let Some(Claim::Known) = look(known, name, cluster_id) {
        return Ok(None);
    }
    // Of two instances that claim it at the same time one comes first.
    let _cluster = known.catalog.lock(&format!("kafka-clusters/{cluster_id}")).await;
    let _instance = known.catalog.lock(&name.to_string()).await;
    let mut record = match look(known, name, cluster_id) {
        None | Some(Claim::Known) => return Ok(None),
        Some(Claim::Refused(problem)) => return Ok(Some(problem.into())),
        Some(Claim::New(record)) => record,
    };
    let instance = record.instance.get_or_insert_default();
    if !instance.kafka_cluster_id.is_empty() {
        tracing::warn!(instance = %name, cluster_id, "the instance is another Kafka cluster now");
    }
    instance.kafka_cluster_id = cluster_id.to_owned();
    let change = Change::Instance(name.to_string(), Some(Arc::new(*record)));
    known.catalog.apply(vec![change]).await?;
    Ok(None)
}

/// What would keep connectors of an instance from the cluster `cluster_id`: that it is
/// another instance's.
pub(crate) fn shared(known: &Known, instance: &InstanceName, cluster_id: &str) -> Option<Problem> {
    match look(known, instance, cluster_id) {
        Some(Claim::Refused(problem)) => Some(problem),
        Some(Claim::Known | Claim::New(_)) | None => None,
    }
}

/// What becomes of a claim.
enum Claim {
    /// It is remembered already.
    Known,
    /// It is to be remembered in this record.
    New(Box<InstanceRecord>),
    /// The cluster is another instance's.
    Refused(Problem),
}

/// None where the instance is gone.
fn look(known: &Known, name: &InstanceName, cluster_id: &str) -> Option<Claim> {
    let record = known.catalog.instance(name)?;
    let instance = record.instance.as_ref()?;
    let others = known.catalog.instances();
    let others = others.iter().filter_map(|record| record.instance.as_ref());
    let in_use = |other: &v1::Instance| {
        let name = other.name.parse();
        name.is_ok_and(|name| !known.catalog.connectors_of(&name).is_empty())
    };
    Some(match owner(instance, cluster_id, others, in_use) {
        Some(owner) => {
            let message = format!(
                "{} names the Kafka cluster `{cluster_id}`, too, and has connectors; neither of \
                 the two sets allow_shared_cluster",
                owner.name
            );
            Claim::Refused(Problem::new(ErrorCode::KafkaClusterShared, message))
        }
        None if instance.kafka_cluster_id == cluster_id => Claim::Known,
        None => Claim::New(Box::new(InstanceRecord::clone(&record))),
    })
}

/// The other instance to which the cluster belongs, if it may not be shared.
fn owner<'a>(
    instance: &v1::Instance,
    cluster_id: &str,
    others: impl IntoIterator<Item = &'a v1::Instance>,
    in_use: impl Fn(&v1::Instance) -> bool,
) -> Option<&'a v1::Instance> {
    others.into_iter().find(|other| {
        other.name != instance.name
            && other.kafka_cluster_id == cluster_id
            && !(other.allow_shared_cluster || instance.allow_shared_cluster)
            && in_use(other)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(name: &str, cluster_id: &str, allow_shared_cluster: bool) -> v1::Instance {
        v1::Instance {
            name: format!("instances/{name}"),
            kafka_cluster_id: cluster_id.to_owned(),
            allow_shared_cluster,
            ..v1::Instance::default()
        }
    }

    #[test]
    fn a_cluster_belongs_to_the_instance_that_has_connectors_on_it() {
        for (mine_shares, its_cluster, it_shares, it_has_connectors, refused) in [
            (false, "c", false, true, true),
            (false, "c", false, false, false),
            (false, "other", false, true, false),
            (false, "", false, true, false),
            (true, "c", false, true, false),
            (false, "c", true, true, false),
        ] {
            let mine = instance("mine", "", mine_shares);
            let others = [instance("mine", "c", false), instance("its", its_cluster, it_shares)];
            let owner = owner(&mine, "c", &others, |_| it_has_connectors);
            let expected = refused.then_some("instances/its");
            assert_eq!(owner.map(|owner| owner.name.as_str()), expected);
        }
    }
}
