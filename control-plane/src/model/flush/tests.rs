use proptest::prelude::*;

use super::*;

fn barrier(targets: &[(i32, i64)]) -> Barrier {
    Barrier::new(targets.iter().copied().collect())
}

/// What an agent reports of a partition.
fn report(number: i32, agent: &str, committed: Option<i64>) -> v1::PartitionProgress {
    v1::PartitionProgress {
        partition: number,
        agent: format!("agents/{agent}"),
        committed_offset: committed,
        state: v1::PartitionState::Running.into(),
        ..v1::PartitionProgress::default()
    }
}

/// The same, with its last object.
fn last(report: v1::PartitionProgress, extent: (i64, i64)) -> v1::PartitionProgress {
    v1::PartitionProgress {
        last_object: format!("key-{}", extent.0),
        last_extent: Some(v1::Extent { first_offset: extent.0, next_offset: extent.1 }),
        ..report
    }
}

fn stopped(number: i32, committed: i64) -> v1::PartitionProgress {
    v1::PartitionProgress {
        state: v1::PartitionState::Stopped.into(),
        error_code: "RECORD_NOT_UTF8".to_owned(),
        ..report(number, "a", Some(committed))
    }
}

/// What an agent says of the flush.
fn told(number: i32, committed: i64, complete_to: i64, objects: &[(i64, i64)]) -> Said {
    let object = |(first_offset, next_offset): &(i64, i64)| v1::FlushedObject {
        object_key: format!("key-{first_offset}"),
        extent: Some(v1::Extent { first_offset: *first_offset, next_offset: *next_offset }),
        records: Some(next_offset - first_offset),
    };
    agent::v1::FlushReport {
        partitions: vec![agent::v1::FlushReportPartition {
            partition: number,
            committed_offset: Some(committed),
            complete_to: Some(complete_to),
            objects: objects.iter().map(object).collect(),
        }],
    }
}

type Said = agent::v1::FlushReport;

/// A partition, the extents of its objects, and whether these are all.
type Objects = (i32, Vec<(i64, i64)>, bool);

fn extents(barrier: &Barrier) -> Vec<Objects> {
    let extent = |object: &v1::FlushedObject| {
        let extent = object.extent.expect("each has one");
        (extent.first_offset, extent.next_offset)
    };
    let of = |one: v1::FlushedObjects| {
        (one.partition, one.objects.iter().map(extent).collect(), one.complete)
    };
    barrier.objects().map(of).collect()
}

#[test]
fn a_flush_is_over_when_every_partition_is_complete_up_to_its_target() {
    let mut barrier = barrier(&[(0, 10), (1, 5)]);
    assert_eq!(barrier.changes().len(), 2, "each is told at first");
    barrier.report(&[report(0, "a", Some(3)), report(1, "a", Some(5))]);
    assert_eq!((barrier.standing(), barrier.counts()), (Standing::Under, (2, 1)));
    barrier.told("a", told(0, 3, 3, &[]));
    assert_eq!(barrier.changes().len(), 2);
    barrier.told("a", told(0, 3, 3, &[]));
    assert!(barrier.changes().is_empty(), "nothing new");
    barrier.told("a", told(0, 10, 10, &[(3, 10)]));
    assert_eq!(barrier.standing(), Standing::Reached);
    assert_eq!(extents(&barrier), [(0, vec![(3, 10)], true)]);
    let changes = barrier.changes();
    let [only] = &changes[..] else { panic!("{changes:?}") };
    assert!(only.reached && only.committed_offset == Some(10));
}

#[test]
fn offsets_without_a_record_at_the_end_are_waited_for_by_nobody() {
    let mut barrier = barrier(&[(0, 11)]);
    barrier.report(&[report(0, "a", Some(10))]);
    assert_eq!(barrier.standing(), Standing::Under);
    barrier.told("a", told(0, 10, 11, &[]));
    assert_eq!(barrier.standing(), Standing::Reached);
    assert!(barrier.has_all_objects() && extents(&barrier).is_empty());
}

#[test]
fn what_an_agent_says_of_a_partition_counts_once_it_is_reported_to_have_it() {
    let mut barrier = barrier(&[(0, 10)]);
    barrier.report(&[report(0, "a", Some(3))]);
    barrier.told("liar", told(0, 10, 10, &[(3, 10)]));
    barrier.told("liar", told(7, 10, 10, &[]));
    assert_eq!(barrier.standing(), Standing::Under);
    assert!(extents(&barrier).is_empty());
    barrier.told("b", told(0, 10, 10, &[(3, 10)]));
    barrier.report(&[report(0, "b", Some(3))]);
    assert_eq!(barrier.standing(), Standing::Reached, "it has moved there");
    assert_eq!(extents(&barrier), [(0, vec![(3, 10)], true)]);
}

#[test]
fn who_had_a_partition_may_tell_of_it_late() {
    let mut barrier = barrier(&[(0, 10)]);
    barrier.report(&[report(0, "a", Some(3))]);
    barrier.report(&[report(0, "b", Some(6))]);
    barrier.told("b", told(0, 10, 10, &[(6, 10)]));
    assert!(!barrier.has_all_objects());
    barrier.told("a", told(0, 6, 6, &[(3, 6)]));
    assert_eq!(extents(&barrier), [(0, vec![(3, 6), (6, 10)], true)]);
}

#[test]
fn an_object_whose_agent_was_lost_before_it_told_of_it_is_missed() {
    let mut barrier = barrier(&[(0, 10)]);
    barrier.report(&[report(0, "a", Some(3))]);
    barrier.report(&[report(0, "b", Some(6))]);
    barrier.told("b", told(0, 6, 6, &[]));
    barrier.told("b", told(0, 10, 10, &[(6, 10)]));
    assert_eq!(barrier.standing(), Standing::Reached);
    assert_eq!(extents(&barrier), [(0, vec![(6, 10)], false)]);
}

#[test]
fn a_report_names_the_last_object_where_the_agent_did_not() {
    let mut barrier = barrier(&[(0, 10)]);
    barrier.report(&[last(report(0, "a", Some(3)), (0, 3))]);
    assert!(extents(&barrier).is_empty(), "it is from before");
    barrier.report(&[last(report(0, "a", Some(12)), (3, 12))]);
    assert_eq!(barrier.standing(), Standing::Reached);
    assert_eq!(extents(&barrier), [(0, vec![(3, 12)], true)]);
    barrier.told("a", told(0, 12, 12, &[(3, 12), (12, 20)]));
    assert_eq!(extents(&barrier), [(0, vec![(3, 12)], true)], "those behind are of no concern");
    assert_eq!(barrier.objects().next().expect("one").objects[0].records, Some(9));
}

#[test]
fn a_late_report_of_the_beginning_misses_no_object() {
    let mut barrier = barrier(&[(0, 10)]);
    barrier.report(&[last(report(0, "a", Some(0)), (0, 0))]);
    barrier.told("a", told(0, 8, 8, &[]));
    barrier.told("a", told(0, 10, 10, &[(8, 10)]));
    assert_eq!(extents(&barrier), [(0, vec![(8, 10)], true)], "the agent knows it better");
}

#[test]
fn partitions_that_have_stopped_end_it_once_all_others_are_reached() {
    let mut barrier = barrier(&[(0, 10), (1, 5)]);
    barrier.report(&[stopped(0, 3), report(1, "a", Some(2))]);
    let changes = barrier.changes();
    assert_eq!(changes[0].error_code, "RECORD_NOT_UTF8", "it is told at once");
    assert_eq!(barrier.standing(), Standing::Under);
    barrier.report(&[stopped(0, 3), report(1, "a", Some(5))]);
    assert_eq!(barrier.standing(), Standing::Stuck);
    assert_eq!(barrier.unreached().map(|one| one.partition).collect::<Vec<_>>(), [0]);
    barrier.report(&[report(0, "a", Some(4))]);
    assert_eq!(barrier.standing(), Standing::Under, "somebody has decided");
    barrier.report(&[stopped(0, 10)]);
    assert_eq!(barrier.standing(), Standing::Reached, "it has stopped behind the target");
}

#[test]
fn each_agent_is_asked_for_what_it_has_and_all_for_what_nobody_has() {
    let mut barrier = barrier(&[(0, 1), (1, 1), (2, 1), (3, 0)]);
    barrier.report(&[report(0, "a", None), report(1, "b", None), report(3, "a", Some(0))]);
    assert_eq!(barrier.targets_of("a"), [(0, 1), (2, 1)].into());
    assert_eq!(barrier.targets_of("b"), [(1, 1), (2, 1)].into());
    assert_eq!(barrier.targets_of("c"), [(2, 1)].into());
}

#[test]
fn of_very_many_objects_the_last_of_a_partition_is_told() {
    let many = i64::try_from(MOST_OBJECTS).expect("it fits");
    let mut barrier = barrier(&[(0, many), (1, 9)]);
    barrier.report(&[report(0, "a", Some(0)), report(1, "a", Some(0))]);
    for first in 0..many {
        barrier.told("a", told(0, first + 1, first + 1, &[(first, first + 1)]));
    }
    assert!(barrier.has_all_objects());
    for first in 0..9 {
        barrier.told("a", told(1, first + 1, first + 1, &[(first, first + 1)]));
    }
    let [first, second] = &extents(&barrier)[..] else { panic!("two partitions") };
    assert_eq!((first.1.len(), first.2), (MOST_OBJECTS, true));
    assert_eq!((&second.1[..], second.2), (&[(8, 9)][..], false));
    assert_eq!(barrier.standing(), Standing::Reached);
}

#[test]
fn a_flood_of_claims_is_bounded() {
    let mut barrier = barrier(&[(0, 10)]);
    for claimant in 0..100 {
        for _ in 0..100 {
            barrier.told(&format!("liar-{claimant}"), told(0, 10, 10, &[(0, 10)]));
        }
    }
    let claims = &barrier.partitions[&0].claims;
    assert_eq!(claims.len(), CLAIMANTS);
    assert!(claims.values().all(|claims| claims.len() <= CLAIMS));
    assert_eq!(barrier.counts(), (1, 0));
}

/// What happens during a flush, as far as the barrier can hear of it.
#[derive(Debug, Clone)]
enum Step {
    /// The owner reports, or one before it with what it knew.
    Report(usize, i64),
    /// An agent says how far the partition is.
    Told(usize, i64, i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3_usize, 0..30_i64).prop_map(|(agent, committed)| Step::Report(agent, committed)),
        (0..3_usize, 0..30_i64, 0..4_i64).prop_map(|(agent, at, more)| Step::Told(agent, at, more)),
    ]
}

proptest! {
    /// In whatever order words come, lower ones after higher ones, of agents that had the
    /// partition, have it or never do: it is reached by the first word of one that was
    /// reported to have it that says so, it stays reached, and what is committed never falls.
    #[test]
    fn it_is_reached_by_the_word_of_who_has_it_and_stays_so(
        steps in prop::collection::vec(step(), 0..40), target in 0..30_i64,
    ) {
        let mut barrier = barrier(&[(0, target)]);
        // The last agent is never reported to have it.
        let name = |agent: usize| ["a", "b", "liar"][agent];
        let (mut had, mut said) = ([false; 3], [i64::MIN; 3]);
        let (mut highest, mut committed) = (i64::MIN, None);
        for step in steps {
            match step {
                Step::Report(agent, at) => {
                    let agent = agent % 2;
                    had[agent] = true;
                    highest = highest.max(at);
                    barrier.report(&[report(0, name(agent), Some(at))]);
                }
                Step::Told(agent, at, more) => {
                    said[agent] = said[agent].max(at + more);
                    barrier.told(name(agent), told(0, at, at + more, &[]));
                }
            }
            for agent in [0, 1] {
                if had[agent] {
                    highest = highest.max(said[agent]);
                }
            }
            let shown = barrier.partitions[&0].shown(0);
            // Of what waits, the latest is kept.
            let is_reached = highest >= target;
            prop_assert!(!shown.reached || is_reached, "{shown:?}");
            prop_assert!(shown.committed_offset >= committed);
            committed = shown.committed_offset;
            if barrier.partitions[&0].claims.values().all(|claims| claims.len() < CLAIMS) {
                prop_assert_eq!(shown.reached, is_reached);
            }
            let standing = if shown.reached { Standing::Reached } else { Standing::Under };
            prop_assert_eq!(barrier.standing(), standing);
        }
    }

    /// Objects that cover everything are known to, in whatever order they are told, once or
    /// again; and without one of them they are known not to.
    #[test]
    fn a_missing_object_is_noticed(
        ends in prop::collection::btree_set(1..100_i64, 1..10),
        order in any::<u64>(), missing in any::<prop::sample::Index>(), is_missing: bool,
    ) {
        let ends: Vec<i64> = ends.into_iter().collect();
        let target = *ends.last().expect("one at least");
        let firsts = std::iter::once(0).chain(ends.iter().copied());
        let mut all: Vec<_> = firsts.zip(ends.iter().copied()).collect();
        if is_missing {
            all.remove(missing.index(all.len()));
        }
        let mut barrier = barrier(&[(0, target)]);
        barrier.report(&[report(0, "a", Some(0))]);
        barrier.told("a", told(0, 0, 0, &[]));
        let from = usize::try_from(order % 7).expect("small").min(all.len());
        all.rotate_left(from);
        for extent in all.iter().chain(&all) {
            barrier.told("a", told(0, 0, 0, &[*extent]));
        }
        barrier.told("a", told(0, target, target, &[]));
        prop_assert_eq!(barrier.has_all_objects(), !is_missing);
    }
}
