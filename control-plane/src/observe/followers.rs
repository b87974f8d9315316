//! Who waits for the next change: of one instance or of all, so that a change
//! wakes only those whom it concerns.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use kafka2oss_proto::names::InstanceName;
use tokio::sync::watch;

use super::changes::instance_of;

/// Those who wait.
#[derive(Debug)]
pub(super) struct Followers {
    all: watch::Sender<()>,
    /// By instance; of those that somebody follows.
    instances: Mutex<HashMap<String, watch::Sender<()>>>,
}

impl Default for Followers {
    fn default() -> Self {
        Self { all: watch::Sender::new(()), instances: Mutex::default() }
    }
}

impl Followers {
    /// Rings at each change from now on.
    pub(super) fn follow(&self, instance: Option<&InstanceName>) -> watch::Receiver<()> {
        let Some(instance) = instance else { return self.all.subscribe() };
        let mut instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever comes sweeps those whom nobody follows any more.
        instances.retain(|_, bell| bell.receiver_count() > 0);
        let bell = instances.entry(instance.to_string());
        bell.or_insert_with(|| watch::Sender::new(())).subscribe()
    }

    /// A connector has changed.
    pub(super) fn ring(&self, connector: &str) {
        self.all.send_replace(());
        let instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = instances.get(instance_of(connector)) {
            bell.send_replace(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_wakes_those_whom_it_concerns() {
        let followers = Followers::default();
        let [here, there] =
            ["instances/i", "instances/j"].map(|name| name.parse().expect("a name"));
        let all = followers.follow(None);
        let here = followers.follow(Some(&here));
        let there = followers.follow(Some(&there));
        followers.ring("instances/i/connectors/c");
        let rung = [all, here, there].map(|bell| bell.has_changed().expect("open"));
        assert_eq!(rung, [true, true, false]);
    }
}
