//! What holds whatever is seen.

use proptest::prelude::*;

use super::*;

fn any_known() -> impl Strategy<Value = Known> {
    let desired = prop_oneof![
        Just(DesiredState::Created),
        Just(DesiredState::Running),
        Just(DesiredState::Paused),
        Just(DesiredState::Deleted),
    ];
    let task = (any::<bool>(), 0..6, 0..3_i64, 1..4_u64, 0..40_u64, any::<bool>());
    (desired, any::<[bool; 5]>(), prop::collection::vec(task, 2)).prop_map(
        |(desired, [lost, fixed, attempted, ready, agent], tasks)| {
            let mut known = running().with(|k| {
                k.desired = desired;
                (k.credentials_lost, k.pool_has_agent) = (lost, agent);
                (k.start_fixed, k.attempted, k.ready) = (fixed, attempted, ready);
            });
            let mut keep = Vec::new();
            for (position, (placed, state, generation, version, age, connected)) in
                tasks.into_iter().enumerate()
            {
                known.reports[position].1 = age;
                known.reports[position].2.generation = generation;
                known.reports[position].2.placement_version = version;
                known.task(position).state = state;
                if !connected {
                    known.placed[position].2 = Liveness::Disconnected;
                }
                keep.push(placed);
            }
            let mut keep = keep.into_iter();
            known.placed.retain(|_| keep.next().unwrap());
            known
        },
    )
}

proptest! {
    #[test]
    fn no_state_says_more_than_is_known(known in any_known()) {
        let status = known.status();
        let at_version = |task: TaskState, generation: Option<i64>| {
            known.placed.len() == 2 && known.reports.iter().all(|(_, age, report)| {
                *age < 30
                    && report.placement_version == VERSION
                    && generation.is_none_or(|generation| report.generation == generation)
                    && report.tasks[0].state() == task
            })
        };
        match status.state() {
            ConnectorState::Running => {
                prop_assert!(known.start_fixed && at_version(TaskState::Running, None));
            }
            ConnectorState::Paused => {
                let acknowledged = at_version(TaskState::Paused, Some(GENERATION));
                let never_started = !(known.start_fixed && known.attempted && known.ready);
                prop_assert!(acknowledged || never_started);
            }
            ConnectorState::Unspecified => prop_assert!(false, "a state is always known"),
            _ => {}
        }
        prop_assert_eq!(status.conditions.len(), 4);
        for condition in &status.conditions {
            prop_assert!(!condition.reason.is_empty() && !condition.message.is_empty());
        }
        let ready = status.conditions[3].status() == ConditionStatus::True;
        prop_assert_eq!(ready, status.state() == ConnectorState::Running);
    }

    #[test]
    fn summing_up_again_changes_nothing(known in any_known()) {
        let once = known.summary();
        let again = known.later(0).summary();
        prop_assert_eq!(again, once);
    }
}
