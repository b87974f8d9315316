//! What may be shown and told of what is durable.

use kafka2oss_proto::{agent, v1};

use super::answers::LEAST_END;
use super::durable::{Durable, revision};

impl Durable {
    /// What is shown of a connector is durable, and was before it was shown.
    pub(super) fn check_shown(&self, who: &str, connector: &v1::Connector) {
        // One that was never deployed is gone at once: only that is durable.
        if connector.desired_state() == v1::DesiredState::Deleted {
            return;
        }
        let shown = revision(connector);
        let durable = self.revision(&connector.uid);
        assert!(
            shown <= durable,
            "{who} is shown revision {shown} of {}, and {durable} is durable",
            connector.name
        );
    }

    /// What an agent is told of a connector is durable, and what a user asked for: at that
    /// generation the tasks were to run, and start where they are told.
    pub(super) fn check_assignment(&self, who: &str, one: &agent::v1::ConnectorAssignment) {
        let agent::v1::ConnectorAssignment {
            connector, uid, generation, placement_version, ..
        } = one;
        let told = (*generation, *placement_version);
        let durable = self.highest(uid);
        assert!(
            told.0 <= durable.0 && told.1 <= durable.1,
            "{who} is told {told:?} of {connector}, and {durable:?} is durable"
        );
        let (desired, number) = self.generation(uid, *generation).expect("it is durable");
        let epoch = one.epoch.clone().unwrap_or_default();
        assert_eq!(self.epoch(uid, epoch.number), Some(&epoch), "{who} is to start {connector}");
        // Deploy starts at the ends, and users of worlds reset to the beginnings.
        let least = if epoch.number == 1 { LEAST_END } else { 0 };
        let starts = epoch.start_offsets.values().copied().min();
        assert!(
            starts.is_some_and(|start| (start < LEAST_END) == (least < LEAST_END)),
            "{who} is to start epoch {} of {connector} at {starts:?}",
            epoch.number
        );
        let is_current = epoch.number == number;
        let expected = match one.run_mode() {
            agent::v1::RunMode::Run => desired == v1::DesiredState::Running && is_current,
            agent::v1::RunMode::Pause => desired == v1::DesiredState::Paused || !is_current,
            agent::v1::RunMode::Unspecified => false,
        };
        assert!(
            expected,
            "{who} is told {:?} of {connector} in epoch {}, {desired:?} in {number} was wanted",
            one.run_mode(),
            epoch.number
        );
    }

    /// Whether an agent has the first task of a connector by what is durable, as it had when
    /// it was told `one`.
    pub(super) fn is_given(&self, agent: &str, one: &agent::v1::ConnectorAssignment) -> bool {
        let record = self.connector(&one.connector).filter(|record| record.uid() == one.uid);
        let desired = record.map(|record| record.connector().desired_state());
        let placement = self.placement(&one.connector);
        let placement = placement.filter(|placement| placement.version == one.placement_version);
        desired.is_some_and(|desired| desired != v1::DesiredState::Deleted)
            && placement.is_some_and(|placement| {
                placement.uid == one.uid
                    && placement.tasks.iter().any(|task| task.index == 0 && task.agent == agent)
            })
    }

    /// Resources are removed that no other connector of the name has by now.
    pub(super) fn check_removal(&self, removal: &agent::v1::RemoveResources) {
        let now = self.connector(&removal.connector);
        let other = now.filter(|now| now.uid() != removal.uid && now.start_is_fixed());
        assert!(
            other.is_none(),
            "resources of {} go, which was made anew since",
            removal.connector
        );
    }
}
