use super::*;

const FAMILY: u8 = 3;

fn contents(records: u8) -> Contents {
    let mut contents = Contents::default();
    for number in 0..records {
        contents.put(&[FAMILY, number], b"value");
    }
    contents
}

fn none() -> Marker {
    Marker::none(b"this one".to_vec())
}

/// Of the batch with this number, in a store where each batch adds a record.
fn marker(number: u8) -> Marker {
    (1..=number)
        .fold(none(), |before, records| before.next(&contents(records), Timestamp::default()))
}

fn records(records: u8, marker: Option<Marker>) -> Found {
    Found::Records { contents: contents(records), marker, is_named: records > 0 }
}

fn known(number: u8) -> Last {
    Last::Known(marker(number))
}

#[test]
fn a_store_that_is_whole_is_told_from_a_new_one_and_one_without_markers() {
    let cases = [
        (Last::Absent, Found::Nothing, Whole::New),
        (known(0), Found::Nothing, Whole::New),
        (known(0), Found::NoLog, Whole::New),
        (known(0), records(0, None), Whole::New),
        (Last::Absent, records(2, None), Whole::Unmarked),
        (known(0), records(2, None), Whole::Unmarked),
        (known(0), records(1, Some(marker(1))), Whole::As(marker(1))),
        (known(5), records(5, Some(marker(5))), Whole::As(marker(5))),
        // The process ended between the batch and the second place.
        (known(4), records(5, Some(marker(5))), Whole::As(marker(5))),
    ];
    for (last, found, whole) in cases {
        assert_eq!(judge(&last, &found), Ok(whole), "{last:?} {found:?}");
    }
}

#[test]
fn whatever_is_missing_is_told() {
    let (there, last) = (marker(4), marker(5));
    let mut other = marker(5);
    other.chain[0] ^= 1;
    let mut foreign = marker(5);
    foreign.lineage = b"another".to_vec();
    let cases = [
        (known(5), records(4, Some(marker(4))), What::Batches { there, last: last.clone() }),
        (
            known(5),
            records(5, Some(other.clone())),
            What::OtherBatches { there: other, last: last.clone() },
        ),
        (known(5), records(4, Some(marker(5))), What::Records { expected: marker(5) }),
        (known(4), records(4, Some(marker(5))), What::Records { expected: marker(5) }),
        (known(5), records(5, Some(foreign)), What::Foreign),
        (known(5), records(5, None), What::Everything { last: last.clone() }),
        (known(5), records(0, None), What::Everything { last: last.clone() }),
        (known(5), Found::Nothing, What::Everything { last: last.clone() }),
        (known(5), Found::NoLog, What::Everything { last }),
        (Last::Absent, Found::NoLog, What::Log),
        (Last::Absent, records(0, None), What::Name),
        (Last::Absent, records(5, Some(marker(5))), What::LastBatch),
        (Last::Damaged, records(5, Some(marker(5))), What::LastBatchContent),
        (known(5), Found::Unreadable("why".to_owned()), What::Unreadable("why".to_owned())),
    ];
    for (last, found, what) in cases {
        assert_eq!(judge(&last, &found), Err(what), "{last:?} {found:?}");
    }
}

#[test]
fn what_is_told_names_the_batches_the_records_and_the_way_on() {
    let name = |family| if family == u32::from(FAMILY) { "connectors" } else { "others" };
    let loss = |what, found: &Found| Loss::new("/data".to_owned(), what, found, name);
    let found = records(4, Some(marker(4)));
    let some = loss(What::Batches { there: marker(4), last: marker(7) }, &found);
    assert!(!some.is_hopeless());
    let told = some.to_string();
    for part in [
        "the store in /data has lost data",
        "batches 5 to 7 are missing",
        "connectors 4 of 7",
        "restore a backup",
        "--accept-loss",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let all = loss(What::Everything { last: marker(7) }, &Found::Nothing);
    assert!(all.is_hopeless());
    let told = all.to_string();
    assert!(told.contains("connectors 0 of 7") && !told.contains("--accept-loss"), "{told}");
}
