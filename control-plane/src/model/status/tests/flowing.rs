//! Whether every partition flows.

use super::*;

fn flow(known: &Known) -> (ConnectorState, ConditionStatus, String) {
    let (status, reason) = known.condition("Flowing");
    (known.state(), status, reason)
}

/// A stranger has the partitions 4 and 5.
fn with_a_stranger() -> Known {
    flowing().with(|known| {
        let (_, _, report) = &mut known.reports[1];
        report.partitions.truncate(1);
        let group = report.group.as_mut().unwrap();
        group.unowned = [4, 5]
            .map(|partition| agent::v1::UnownedPartition {
                partition,
                client_id: Some("console-consumer".to_owned()),
                client_host: "/10.0.0.9".to_owned(),
                end_offset: Some(50),
                committed_offset: Some(40),
            })
            .to_vec();
    })
}

#[test]
fn it_holds_when_every_partition_of_the_topic_is_some_tasks() {
    let known = flowing();
    let holds = (ConnectorState::Running, ConditionStatus::True, "Flowing".to_owned());
    assert_eq!(flow(&known), holds);
    assert_eq!(known.status().topic_partitions, Some(6));
    assert_eq!(flow(&known.later(1_000).with(|k| k.memory = Memory::default())), holds);
}

#[test]
fn a_strangers_partitions_are_named_with_who_has_them_and_counted_as_lag() {
    let moving = with_a_stranger();
    let unknown = (ConnectorState::Running, ConditionStatus::Unknown, "Moving".to_owned());
    assert_eq!(flow(&moving), unknown);

    let stays = moving.later(15);
    let in_use = code(ErrorCode::KafkaGroupInUse);
    assert_eq!(flow(&stays), (ConnectorState::Degraded, ConditionStatus::False, in_use.clone()));
    let status = stays.status();
    assert_eq!((status.partitions_assigned, status.total_lag), (4, Some(20)));
    let condition = status.conditions.iter().find(|one| one.r#type == "Flowing").unwrap();
    assert!(condition.message.starts_with("2 of 6 partitions do not flow"), "{condition:?}");
    assert!(condition.message.contains("client `console-consumer` at /10.0.0.9"));
    assert_eq!(condition.remedy, ErrorCode::KafkaGroupInUse.remedy());
    let partition = &status.partitions[4];
    assert_eq!((partition.state(), &partition.error_code), (PartitionState::Unowned, &in_use));
    assert_eq!(partition.state_time.unwrap().seconds, 1_000);
    assert_eq!(stays.condition("Ready"), (ConditionStatus::False, in_use));
}

#[test]
fn a_partition_that_nobody_reports_shows_nothing_of_its_last_owner() {
    let had = flowing().with(|known| known.reports[1].2.partitions[2].lag = Some(9));
    let lost = had.later(1).with(|known| drop(known.reports[1].2.partitions.pop()));
    let partition = lost.status().partitions.pop().unwrap();
    assert_eq!((partition.state(), partition.agent.as_str()), (PartitionState::Unowned, ""));
    assert_eq!((partition.position, partition.lag), (None, None));
    let lost = lost.later(45).with(|known| {
        known.reports.iter_mut().for_each(|(_, _, report)| report.tasks[0].pulse += 1);
    });
    let unowned = code(ErrorCode::PartitionUnowned);
    assert_eq!(flow(&lost), (ConnectorState::Degraded, ConditionStatus::False, unowned));
}

#[test]
fn a_task_that_stands_still_is_not_running_though_its_agent_reports() {
    let stands = flowing().later(30);
    let stalled = code(ErrorCode::AgentStalled);
    assert_eq!(flow(&stands), (ConnectorState::Failed, ConditionStatus::False, stalled.clone()));
    let status = stands.status();
    assert_eq!(status.tasks[0].error_code, stalled);
    assert!(status.partitions.iter().all(|one| one.state() == PartitionState::Unknown));

    let one = stands.with(|known| known.task(1).pulse = 2);
    assert_eq!(flow(&one), (ConnectorState::Degraded, ConditionStatus::False, stalled.clone()));
    for kind in ["Flowing", "Ready"] {
        let status = one.status();
        let condition = status.conditions.iter().find(|one| one.r#type == kind).unwrap();
        assert_eq!(condition.reason, stalled);
        assert_eq!(condition.remedy, ErrorCode::AgentStalled.remedy());
        let since = "task 0: agent a reports, and the task on it has done nothing since \
                     1970-01-01T00:16:40Z";
        assert!(condition.message.contains(since), "{condition:?}");
    }
    let flowing = one.status().conditions.into_iter().find(|one| one.r#type == "Flowing").unwrap();
    assert!(flowing.message.starts_with("3 of 6 partitions do not flow"), "{flowing:?}");
}

#[test]
fn a_task_that_stands_still_beside_an_agent_that_is_silent_is_told() {
    let stands = flowing().later(30).with(|known| known.reports[1].1 = 30);
    let stalled = code(ErrorCode::AgentStalled);
    assert_eq!(flow(&stands), (ConnectorState::Failed, ConditionStatus::False, stalled));
}

#[test]
fn a_partition_that_stands_while_its_end_moves_is_a_fault_whatever_its_task_says() {
    let behind = |position, lag| {
        move |known: &mut Known| {
            for (_, _, report) in &mut known.reports {
                report.tasks[0].pulse += 1;
            }
            let partition = &mut known.reports[0].2.partitions[0];
            (partition.position, partition.lag) = (Some(position), Some(lag));
        }
    };
    let stands = flowing().with(behind(7, 1)).later(119).with(behind(7, 300));
    assert_eq!(stands.state(), ConnectorState::Running);
    let stands = stands.later(1).with(behind(7, 300));
    let stalled = code(ErrorCode::PartitionStalled);
    assert_eq!(flow(&stands), (ConnectorState::Degraded, ConditionStatus::False, stalled));
    assert_eq!(stands.later(1).with(behind(8, 299)).state(), ConnectorState::Running);
}

#[test]
fn what_is_not_known_is_not_said_to_hold() {
    let unlooked = flowing().with(|known| {
        known.reports.iter_mut().for_each(|(_, _, report)| report.group = None);
    });
    let (state, status, reason) = flow(&unlooked);
    assert_eq!((state, status), (ConnectorState::Running, ConditionStatus::Unknown));
    assert_eq!(reason, "Looking");
    let moved = flowing().with(|known| known.reports.clear());
    assert_eq!(moved.condition("Flowing"), (ConditionStatus::Unknown, "NotStarted".to_owned()));
    let paused = flowing()
        .with(|known| known.desired = DesiredState::Paused)
        .tasks([TaskState::Paused, TaskState::Paused]);
    assert_eq!(paused.condition("Flowing"), (ConditionStatus::False, "Paused".to_owned()));
}

#[test]
fn a_rate_is_what_all_tasks_that_are_placed_take_in() {
    let taken = |count: i64| {
        move |known: &mut Known| {
            for (_, _, report) in &mut known.reports {
                report.tasks[0].pulse += 1;
                report.tasks[0].records_taken = Some(count);
                report.tasks[0].bytes_taken = Some(8 * count);
            }
        }
    };
    let begun = || flowing().with(taken(1_000));
    assert_eq!(begun().status().records_per_second, None);
    let status = begun().later(10).with(taken(1_500)).status();
    let rates = (status.records_per_second, status.bytes_per_second);
    assert_eq!(rates, (Some(100.0), Some(800.0)));
    let moved = begun().later(10).with(taken(1_500));
    let moved = moved.with(|known| known.reports.truncate(1));
    assert_eq!(moved.status().records_per_second, Some(50.0));
}
