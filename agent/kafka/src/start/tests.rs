#![allow(clippy::unwrap_used)]

use super::*;

fn is_ours(metadata: &[u8]) -> bool {
    metadata.starts_with(b"k2o1;")
}

fn watermarks(ranges: &[(i64, i64)]) -> BTreeMap<i32, Watermarks> {
    (0..).zip(ranges).map(|(p, &(beginning, end))| (p, Watermarks { beginning, end })).collect()
}

fn committed(offsets: &[(i32, i64, &[u8])]) -> BTreeMap<i32, Committed> {
    offsets
        .iter()
        .map(|&(p, offset, metadata)| (p, Committed { offset, metadata: metadata.to_vec() }))
        .collect()
}

fn offsets(start: &Start) -> Vec<i64> {
    start.offsets.values().copied().collect()
}

#[test]
fn without_committed_offsets_the_start_is_the_end_or_the_beginning() {
    let marks = watermarks(&[(5, 10), (0, 0)]);

    let latest = configured(ConsumerOffset::Latest, &marks, &BTreeMap::new(), is_ours);
    assert_eq!((offsets(&latest), latest.origin), (vec![10, 0], StartOrigin::Latest));

    let earliest = configured(ConsumerOffset::Earliest, &marks, &BTreeMap::new(), is_ours);
    assert_eq!((offsets(&earliest), earliest.origin), (vec![5, 0], StartOrigin::Earliest));
}

#[test]
fn foreign_offsets_of_the_group_are_taken_and_the_other_partitions_follow_the_spec() {
    let marks = watermarks(&[(0, 10), (0, 10), (0, 10), (3, 10)]);
    let group = committed(&[(0, 7, b""), (2, 10, b"\xff\xfe"), (3, 3, b"sink")]);

    let start = configured(ConsumerOffset::Latest, &marks, &group, is_ours);

    assert_eq!(offsets(&start), [7, 10, 10, 3]);
    assert_eq!(start.origin, StartOrigin::Group);
    assert_eq!(start.warnings, []);
}

#[test]
fn offsets_that_kafka2oss_committed_before_are_absent() {
    let marks = watermarks(&[(0, 10)]);
    let group = committed(&[(0, 7, b"k2o1;of-a-deleted-connector")]);

    let start = configured(ConsumerOffset::Earliest, &marks, &group, is_ours);

    assert_eq!((offsets(&start), start.origin), (vec![0], StartOrigin::Earliest));
}

#[test]
fn a_committed_offset_outside_of_the_log_follows_the_spec_with_a_warning() {
    let marks = watermarks(&[(5, 10), (5, 10)]);
    let group = committed(&[(0, 4, b""), (1, 11, b"")]);

    let start = configured(ConsumerOffset::Earliest, &marks, &group, is_ours);

    assert_eq!((offsets(&start), start.origin), (vec![5, 5], StartOrigin::Earliest));
    let codes: Vec<_> = start.warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(codes, [ErrorCode::KafkaOffsetOutOfRange; 2]);
}

#[test]
fn at_the_edges_the_groups_offsets_do_not_count() {
    let marks = watermarks(&[(5, 10), (0, 0)]);

    let earliest = everywhere(ConsumerOffset::Earliest, &marks);
    assert_eq!((offsets(&earliest), earliest.origin), (vec![5, 0], StartOrigin::Earliest));
    let latest = everywhere(ConsumerOffset::Latest, &marks);
    assert_eq!((offsets(&latest), latest.origin), (vec![10, 0], StartOrigin::Latest));
}

fn is_own(metadata: &[u8]) -> bool {
    metadata == b"k2o1;mine"
}

#[test]
fn named_partitions_start_where_they_are_told_and_the_others_go_on() {
    let marks = watermarks(&[(0, 10), (5, 10), (5, 10), (5, 10), (5, 10)]);
    let mine: &[u8] = b"k2o1;mine";
    let group = committed(&[(0, 7, mine), (2, 8, mine), (3, 8, b""), (4, 8, b"k2o1;deleted")]);
    let named = [(0, 0), (1, 10)].into();

    let start = explicit(&named, ConsumerOffset::Earliest, &marks, &group, is_own).unwrap();

    assert_eq!(offsets(&start), [0, 10, 8, 5, 5]);
    assert_eq!(start.warnings, []);
}

#[test]
fn an_own_offset_outside_of_the_log_is_moved_into_it_with_a_warning() {
    let marks = watermarks(&[(5, 10), (5, 10)]);
    let group = committed(&[(0, 4, b"k2o1;mine"), (1, 11, b"k2o1;mine")]);

    let start = explicit(&BTreeMap::new(), ConsumerOffset::Latest, &marks, &group, is_own).unwrap();

    assert_eq!(offsets(&start), [5, 10]);
    let codes: Vec<_> = start.warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(codes, [ErrorCode::KafkaOffsetOutOfRange; 2]);
}

#[test]
fn every_named_offset_that_cannot_be_is_told() {
    let marks = watermarks(&[(5, 10), (5, 10), (5, 10)]);
    let named = [(0, 4), (1, 11), (2, 5), (3, 0), (-1, 0)].into();

    let problems =
        explicit(&named, ConsumerOffset::Latest, &marks, &BTreeMap::new(), is_own).unwrap_err();

    let told: Vec<_> = problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(
        told,
        [
            "partition -1 does not exist",
            "partition 0 cannot start at offset 4: it holds 5 to 10",
            "partition 1 cannot start at offset 11: it holds 5 to 10",
            "partition 3 does not exist",
        ]
    );
}
