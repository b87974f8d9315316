//! What an instance may have at most: connectors, and tasks of theirs.

use kafka2oss_domain::names::InstanceName;
use kafka2oss_proto::v1;

use super::context::Api;
use super::error::ApiError;
use crate::catalog::Exclusive;

/// The right to add to an instance: where that has a quota, nobody else adds meanwhile.
pub(super) struct Quota {
    instance: InstanceName,
    max_connectors: Option<i32>,
    max_tasks: Option<i32>,
    _lock: Option<Exclusive>,
}

impl Quota {
    /// Waits for whoever adds to the instance, where that has a quota. To be taken after the
    /// instance's lock, and before those of request ID and connector.
    pub(super) async fn of(api: &Api, instance: &InstanceName) -> Self {
        let limits = || {
            let record = api.known.catalog.instance(instance)?;
            let instance = record.instance.as_ref()?;
            Some((instance.max_connectors, instance.max_tasks))
        };
        let is_limited = |limits: &(Option<i32>, Option<i32>)| *limits != (None, None);
        let lock = match limits().filter(is_limited) {
            Some(_) => Some(api.known.catalog.lock(&format!("{instance} quota")).await),
            None => None,
        };
        let (max_connectors, max_tasks) = limits().unwrap_or_default();
        Self { instance: instance.clone(), max_connectors, max_tasks, _lock: lock }
    }

    /// Checks that so many connectors and tasks may be added. It costs a look at each
    /// connector of an instance that has a quota.
    pub(super) fn check(&self, api: &Api, connectors: i32, tasks: i32) -> Result<(), ApiError> {
        if (self.max_connectors, self.max_tasks) == (None, None) {
            return Ok(());
        }
        let held = api.known.catalog.connectors_of(&self.instance);
        let held_tasks = held.iter().map(|record| i64::from(spread(record.spec()))).sum();
        let held = i64::try_from(held.len()).unwrap_or(i64::MAX);
        for (what, most, held, more) in [
            ("connectors", self.max_connectors, held, connectors),
            ("tasks", self.max_tasks, held_tasks, tasks),
        ] {
            let Some(most) = most.filter(|_| more > 0) else { continue };
            if held.saturating_add(i64::from(more)) > i64::from(most) {
                let instance = self.instance.to_string();
                return Err(ApiError::QuotaExceeded { instance, what, most, held, more });
            }
        }
        Ok(())
    }
}

/// Tasks of a connector.
pub(super) fn spread(effective: &v1::ConnectorSpec) -> i32 {
    effective.source.as_ref().and_then(|source| source.spread).unwrap_or(1)
}
