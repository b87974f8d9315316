#![allow(clippy::unwrap_used)]

use super::*;

fn moment(start: Instant, seconds: u64) -> Moment {
    let time = Timestamp { seconds: i64::try_from(seconds).unwrap(), nanos: 0 };
    Moment { at: start + Duration::from_secs(seconds), time }
}

fn partition(state: PartitionState, position: i64, lag: i64) -> v1::PartitionProgress {
    v1::PartitionProgress {
        partition: 3,
        state: state.into(),
        position: Some(position),
        lag: Some(lag),
        ..Default::default()
    }
}

fn look(unowned: &[(i32, Option<&str>)]) -> agent::v1::GroupLook {
    let unowned = unowned.iter().map(|(partition, client)| agent::v1::UnownedPartition {
        partition: *partition,
        client_id: client.map(str::to_owned),
        client_host: "/10.0.0.9".to_owned(),
        ..Default::default()
    });
    agent::v1::GroupLook { topic_partitions: 6, members_known: true, unowned: unowned.collect() }
}

/// What is shown at each of these seconds.
fn shown(
    seen: &[(u64, v1::PartitionProgress)],
    looks: &[&agent::v1::GroupLook],
) -> Vec<(PartitionState, String, i64)> {
    let start = Instant::now();
    let (mut stands, mut before) = (Stands::default(), Vec::new());
    let mut shown = Vec::new();
    for (second, partition) in seen {
        let mut partitions = vec![partition.clone()];
        stands = stands.judge(&mut partitions, &before, looks, moment(start, *second));
        let one = &partitions[0];
        shown.push((one.state(), one.error_code.clone(), one.state_time.unwrap().seconds));
        before = partitions;
    }
    shown
}

#[test]
fn a_partition_of_a_stranger_is_said_to_be_after_a_moment_and_since_when() {
    let unowned = || partition(PartitionState::Unowned, 0, 4);
    let look = look(&[(3, Some("console"))]);
    let seen = shown(&[(1, unowned()), (10, unowned()), (16, unowned())], &[&look]);
    let in_use = ErrorCode::KafkaGroupInUse.as_str().to_owned();
    let passing = || (PartitionState::Unowned, String::new(), 1);
    assert_eq!(seen[..2], [passing(), passing()]);
    assert_eq!(seen[2], (PartitionState::Unowned, in_use, 1));
}

#[test]
fn a_partition_of_nobody_may_be_on_its_way_for_longer() {
    let unowned = || partition(PartitionState::Unowned, 0, 4);
    let seen = [(1, unowned()), (45, unowned()), (46, unowned())];
    let code = ErrorCode::PartitionUnowned.as_str().to_owned();
    for looks in [vec![], vec![look(&[(3, None)])], vec![look(&[])]] {
        let looks: Vec<_> = looks.iter().collect();
        let shown = shown(&seen, &looks);
        assert_eq!((&*shown[1].1, &shown[2].1), ("", &code));
    }
}

#[test]
fn one_that_is_taken_up_again_begins_anew() {
    let seen = [
        (1, partition(PartitionState::Unowned, 0, 4)),
        (20, partition(PartitionState::Running, 0, 0)),
        (50, partition(PartitionState::Unowned, 0, 4)),
    ];
    let times: Vec<_> = shown(&seen, &[]).into_iter().map(|(_, code, time)| (code, time)).collect();
    assert_eq!(times, [(String::new(), 1), (String::new(), 20), (String::new(), 50)]);
}

#[test]
fn records_that_wait_while_none_is_taken_are_a_stall_whatever_the_task_says() {
    let at = |position, lag| partition(PartitionState::Running, position, lag);
    let code = ErrorCode::PartitionStalled.as_str().to_owned();
    let seen = shown(&[(1, at(5, 1)), (100, at(5, 9)), (121, at(5, 9)), (130, at(6, 8))], &[]);
    assert_eq!(seen[1].0, PartitionState::Running);
    assert_eq!(seen[2], (PartitionState::Stalled, code, 1));
    assert_eq!((seen[3].0, &*seen[3].1), (PartitionState::Running, ""));
}

#[test]
fn whoever_has_nothing_to_do_or_says_itself_that_it_waits_does_not_stall() {
    for one in [
        partition(PartitionState::Running, 5, 0),
        partition(PartitionState::Retrying, 5, 9),
        partition(PartitionState::Paused, 5, 9),
        partition(PartitionState::Stopped, 5, 9),
    ] {
        let seen = shown(&[(1, one.clone()), (1_000, one.clone())], &[]);
        assert_eq!((seen[1].0, &*seen[1].1), (one.state(), ""));
    }
}

#[test]
fn the_words_say_who_has_it() {
    let mut one = [partition(PartitionState::Unowned, 0, 4)];
    let look = look(&[(3, Some("console"))]);
    let start = Instant::now();
    let stands = Stands::default().judge(&mut one.clone(), &[], &[&look], moment(start, 1));
    let _ = stands.judge(&mut one, &[], &[&look], moment(start, 60));
    assert!(one[0].error_message.starts_with("client `console` at /10.0.0.9 has it"));
}
