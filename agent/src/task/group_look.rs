//! Which partitions of the topic no task of the connector has.
//!
//! Two ways lead there. A consumer of somebody else's joins the group, with a share of
//! its partitions. And in a cooperative rebalance a partition that moves is first taken
//! from one member, and given to the other when the first has joined again: a static
//! member that restarts in between comes back without a rebalance (KIP-345), so that
//! nobody joins again and the partition stays with nobody, for as long as the group
//! stays as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka2oss_chain::{Committed, Position, position};
use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::error_code::Problem;
use kafka2oss_kafka::{BrokerAdmin, GroupMembers, KafkaAdmin, LogPlace, Shared};

use super::consumer::identity;
use super::{Membership, TaskSpec};

/// From an assignment to the first look: between the two halves of a rebalance
/// partitions belong to nobody for a moment. Also between two looks while something is
/// not as it should be.
const SOON: Duration = Duration::from_secs(5);

/// Between two looks while all is well.
const SELDOM: Duration = Duration::from_secs(60);

/// What a look at the topic and its group showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupLook {
    /// When.
    pub at: Instant,
    /// Partitions of the topic.
    pub topic_partitions: u32,
    /// Those that no task of the connector has; `None` where the group was rebalancing
    /// or is not to be asked.
    pub unowned: Option<BTreeMap<i32, Unowned>>,
    /// Where the partitions that were asked about end, uncommitted records included.
    pub ends: BTreeMap<i32, i64>,
}

/// A partition that no task of the connector has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unowned {
    /// The member that has it, if one has.
    pub holder: Option<Holder>,
    /// Position of its chain, if the group holds one.
    pub committed_offset: Option<i64>,
}

/// A member of the group that is no task of the connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its `client.id`.
    pub client_id: String,
    /// Where it connects from, as the brokers say it.
    pub host: String,
}

/// Looks at the topic, and at the group where its members are static: others cannot be
/// told from strangers. `owned` are the partitions of the task that looks.
pub(super) async fn look(
    admin: &Shared<BrokerAdmin>,
    spec: &TaskSpec,
    membership: Membership,
    owned: Vec<i32>,
) -> Result<GroupLook, Problem> {
    admin.with(|admin| look_by(admin, spec, membership, owned)).await
}

async fn look_by(
    admin: Arc<BrokerAdmin>,
    spec: &TaskSpec,
    membership: Membership,
    owned: Vec<i32>,
) -> Result<GroupLook, Problem> {
    let at = Instant::now();
    let (topic, group) = (&spec.spec.source.topic, &spec.spec.resources.task_consumer_group);
    let topic_partitions = admin.partition_count(topic).await?.ok_or_else(|| {
        let message = format!("topic `{topic}` does not exist");
        Problem::new(ErrorCode::KafkaTopicNotFound, message)
    })?;
    let mut unowned = match membership {
        Membership::Static => {
            unowned(&admin.group_members(group, topic).await?, topic_partitions, &spec.uid)
        }
        Membership::Dynamic { .. } => None,
    };
    let lacking: Vec<i32> = unowned.iter().flatten().map(|(partition, _)| *partition).collect();
    let known = 0..i32::try_from(topic_partitions).unwrap_or(i32::MAX);
    let asked: BTreeSet<i32> = owned.into_iter().chain(lacking.iter().copied()).collect();
    let asked: Vec<i32> = asked.into_iter().filter(|one| known.contains(one)).collect();
    let ends = match membership {
        Membership::Static => admin.offsets(topic, &asked, LogPlace::End).await?,
        // The embedded Kafka does not know this request, and its ends are seen at once.
        Membership::Dynamic { .. } => BTreeMap::new(),
    };
    if let Some(unowned) = unowned.as_mut().filter(|unowned| !unowned.is_empty()) {
        let identity = identity(spec);
        for (partition, held) in admin.committed(group, topic, &lacking).await? {
            let held = Committed { offset: held.offset, metadata: held.metadata };
            if let (Position::Committed(standing), Some(lacking)) =
                (position(Some(&held), &identity, partition), unowned.get_mut(&partition))
            {
                lacking.committed_offset = Some(standing.position.offset);
            }
        }
    }
    Ok(GroupLook { at, topic_partitions, unowned, ends })
}

/// The partitions that no task of the connector `uid` has, with who has them; `None`
/// while the group rebalances.
fn unowned(
    group: &GroupMembers,
    topic_partitions: u32,
    uid: &str,
) -> Option<BTreeMap<i32, Unowned>> {
    if !group.is_stable {
        return None;
    }
    let ours = format!("{uid}-");
    let all = 0..i32::try_from(topic_partitions).unwrap_or(i32::MAX);
    let mut left: BTreeMap<i32, Unowned> = all.map(|one| (one, Unowned::default())).collect();
    for member in &group.members {
        let is_ours = member.instance_id.as_ref().is_some_and(|id| id.starts_with(&ours));
        for partition in &member.partitions {
            if is_ours {
                left.remove(partition);
            } else if let Some(unowned) = left.get_mut(partition) {
                let (client_id, host) = (member.client_id.clone(), member.host.clone());
                unowned.holder = Some(Holder { client_id, host });
            }
        }
    }
    Some(left)
}

/// When a task looks at its group.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    next: Option<Instant>,
    /// What nobody had when it was last looked.
    nobodys: BTreeSet<i32>,
    /// It was not looked since the last assignment.
    is_new: bool,
}

impl Schedule {
    /// The group has given an assignment.
    pub(super) fn assigned(&mut self, now: Instant) {
        (self.next, self.nobodys, self.is_new) = (Some(now + SOON), BTreeSet::new(), true);
    }

    /// Whether a look is due, which is taken with that.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        self.next.take_if(|at| *at <= now).is_some()
    }

    /// Whether the last assignment may have left partitions to nobody.
    pub(super) fn is_settling(&self) -> bool {
        self.is_new || !self.nobodys.is_empty()
    }

    /// A look is to be taken soon: the last one could not be, or something is wrong.
    pub(super) fn soon(&mut self, now: Instant) {
        (self.next, self.is_new) = (Some(now + SOON), false);
    }

    /// What a look showed. The partitions that nobody had twice in a row: they stay so
    /// until a member leaves.
    pub(super) fn looked(&mut self, look: &GroupLook, now: Instant) -> BTreeSet<i32> {
        let Some(unowned) = &look.unowned else {
            self.soon(now);
            return BTreeSet::new();
        };
        self.next = Some(now + if unowned.is_empty() { SELDOM } else { SOON });
        self.is_new = false;
        let nobodys = unowned.iter().filter(|(_, unowned)| unowned.holder.is_none());
        let nobodys: BTreeSet<i32> = nobodys.map(|(partition, _)| *partition).collect();
        let before = std::mem::replace(&mut self.nobodys, nobodys.clone());
        if before == nobodys { nobodys } else { BTreeSet::new() }
    }
}

#[cfg(test)]
mod tests {
    use kafka2oss_kafka::GroupMember;

    use super::*;

    fn member(instance_id: Option<&str>, partitions: &[i32]) -> GroupMember {
        GroupMember {
            instance_id: instance_id.map(str::to_owned),
            client_id: "console".to_owned(),
            host: "/127.0.0.1".to_owned(),
            partitions: partitions.iter().copied().collect(),
        }
    }

    fn stable(members: Vec<GroupMember>) -> GroupMembers {
        GroupMembers { is_stable: true, members }
    }

    fn showing(unowned: Option<&[(i32, bool)]>) -> GroupLook {
        let unowned = unowned.map(|unowned| {
            let holder = Holder { client_id: "console".into(), host: "/127.0.0.1".into() };
            let of =
                |held: bool| Unowned { holder: held.then(|| holder.clone()), ..Unowned::default() };
            unowned.iter().map(|(partition, held)| (*partition, of(*held))).collect()
        });
        GroupLook { at: Instant::now(), topic_partitions: 6, unowned, ends: BTreeMap::new() }
    }

    #[test]
    fn what_no_task_has_is_somebody_elses_or_nobodys() {
        let group = stable(vec![
            member(Some("uid-0"), &[0, 1]),
            member(Some("uid-1"), &[2]),
            // A static member of another connector, and one that is not static.
            member(Some("uid2-0"), &[3]),
            member(None, &[4]),
        ]);
        let unowned = unowned(&group, 6, "uid").expect("the group is stable");
        let seen: Vec<_> =
            unowned.iter().map(|(partition, one)| (*partition, one.holder.is_some())).collect();
        assert_eq!(seen, [(3, true), (4, true), (5, false)]);
    }

    #[test]
    fn a_group_that_rebalances_tells_nothing() {
        let group = GroupMembers { is_stable: false, members: Vec::new() };
        assert_eq!(unowned(&group, 6, "uid"), None);
    }

    #[test]
    fn partitions_beyond_what_the_topic_had_are_left_out() {
        let group = stable(vec![member(Some("uid-0"), &[0]), member(None, &[7])]);
        assert_eq!(unowned(&group, 1, "uid"), Some(BTreeMap::new()));
    }

    #[test]
    fn nobodys_partitions_count_when_they_are_seen_twice_in_a_row() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.assigned(now);
        assert!(!schedule.is_due(now));
        assert!(schedule.is_due(now + SOON));
        assert!(!schedule.is_due(now + SOON), "it is under way");
        let left = showing(Some(&[(1, true), (3, false)]));
        assert_eq!(schedule.looked(&left, now), BTreeSet::new());
        assert!(schedule.is_settling());
        assert_eq!(schedule.looked(&left, now), BTreeSet::from([3]));
        // A stranger's are never reason enough to leave.
        assert_eq!(schedule.looked(&showing(Some(&[(1, true)])), now), BTreeSet::new());
        assert_eq!(schedule.looked(&showing(Some(&[(1, true)])), now), BTreeSet::new());
    }

    #[test]
    fn it_looks_soon_again_while_something_is_wrong_or_not_known() {
        let now = Instant::now();
        let due_soon = |looked: &GroupLook| {
            let mut schedule = Schedule::default();
            schedule.looked(looked, now);
            schedule.is_due(now + SOON)
        };
        assert!(due_soon(&showing(None)));
        assert!(due_soon(&showing(Some(&[(1, true)]))));
        assert!(!due_soon(&showing(Some(&[]))));
        let mut wanted = Schedule::default();
        wanted.soon(now);
        assert!(wanted.is_due(now + SOON));
    }
}
