//! What updates make of a spec.
#![allow(clippy::unwrap_used)]

use super::*;

fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

/// A spec in which `topic`, `prefix` and `max_age` tell it from others.
fn spec(name: &str, age: i64) -> v1::ConnectorSpec {
    v1::ConnectorSpec {
        source: Some(v1::KafkaSource { topic: name.to_owned(), ..Default::default() }),
        output: Some(v1::ConnectorOutput {
            rotation: Some(v1::RotationPolicy {
                max_age: seconds(age),
                max_records: Some(5),
                ..Default::default()
            }),
            layout: Some(v1::ObjectLayout { prefix: format!("{name}/"), ..Default::default() }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// `spec("old", 1)` after an update with these paths to `given`.
fn updated(paths: &[&str], given: &v1::ConnectorSpec) -> v1::ConnectorSpec {
    let mut spec = spec("old", 1);
    spec.set(given, Mask::of(paths.iter().copied()).at("spec"));
    spec
}

#[test]
fn exactly_the_named_fields_are_set() {
    let given = spec("new", 2);
    let cases: &[(&[&str], &[&str])] = &[
        (&[], &[]),
        (&["labels"], &[]),
        (&["spec.source.topic"], &["spec.source.topic"]),
        (
            &["spec.output.rotation.max_age", "spec.output.layout"],
            &["spec.output.rotation.max_age", "spec.output.layout.prefix"],
        ),
        (&["spec.output.rotation"], &["spec.output.rotation.max_age"]),
        (
            &["spec.output", "spec.output.rotation"],
            &["spec.output.rotation.max_age", "spec.output.layout.prefix"],
        ),
        (
            &["spec"],
            &["spec.source.topic", "spec.output.rotation.max_age", "spec.output.layout.prefix"],
        ),
    ];
    for (paths, changed) in cases {
        let mut found = Vec::new();
        updated(paths, &given).differences(&spec("old", 1), "spec", &mut found);
        assert_eq!(found, *changed, "{paths:?}");
    }
}

#[test]
fn a_named_field_that_is_not_given_is_cleared() {
    let nothing = v1::ConnectorSpec::default();
    let output = |paths: &[&str]| updated(paths, &nothing).output;
    assert_eq!(output(&["spec.output"]), None);
    let rotation = output(&["spec.output.rotation.max_records"]).unwrap().rotation.unwrap();
    assert_eq!((rotation.max_records, rotation.max_age), (None, seconds(1)));
    assert_eq!(output(&["spec.output.layout.prefix"]).unwrap().layout.unwrap().prefix, "");
}

#[test]
fn clearing_a_field_makes_no_part_that_was_not_there() {
    let layout = |paths: &[&str], given: &v1::ConnectorSpec| {
        updated(paths, given).output.unwrap().layout.unwrap()
    };
    let nothing = v1::ConnectorSpec::default();
    let path = ["spec.output.layout.time_buckets.length"];
    assert_eq!(layout(&path, &nothing).time_buckets, None);

    let mut given = spec("new", 2);
    let buckets = v1::TimeBuckets {
        style: v1::TimeBucketStyle::Hive.into(),
        length: v1::TimeBucketLength::Day.into(),
        ..Default::default()
    };
    given.output.as_mut().unwrap().layout.as_mut().unwrap().time_buckets = Some(buckets.clone());
    let made = layout(&path, &given).time_buckets.unwrap();
    assert_eq!((made.length, made.style), (buckets.length, 0));
    let whole = layout(&["spec.output.layout.time_buckets"], &given);
    assert_eq!((whole.time_buckets, whole.prefix.as_str()), (Some(buckets), "old/"));
}

#[test]
fn every_path_sets_something_of_its_own() {
    let mut paths = Vec::new();
    v1::ConnectorSpec::paths("spec", &mut paths);
    assert!(paths.iter().any(|path| path == "spec.output.layout.time_buckets.time_zone"));
    let mut distinct = paths.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), paths.len());
    for path in &paths {
        let mask = Mask::of([path.as_str()]);
        let named = path.split('.').fold(&mask, |mask, field| mask.at(field));
        assert!(named.is_everything(), "{path}");
        assert!(!mask.is_everything() && !mask.at("labels").is_everything());
    }
}
