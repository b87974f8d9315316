//! Orders: what they mean and what is refused.

use std::cmp::Ordering;

use crate::{Key, MAX_KEYS, Order};

use super::*;

fn order(text: &str) -> Order<Is> {
    Order::parse(text, &SCHEMA).expect(text)
}

fn sorted(text: &str) -> String {
    let thing = |name: &str, lag, made, state| Thing {
        name: name.to_owned(),
        lag,
        made,
        state,
        ..Thing::default()
    };
    let mut things = [
        thing("a", Some(2), None, 1),
        thing("b", None, Some(3), 2),
        thing("c", Some(10), Some(1), 1),
        thing("d", Some(2), Some(2), 0),
    ];
    things.sort_by(|one, other| order(text).compare(one, other));
    things.iter().map(|thing| thing.name.as_str()).collect()
}

#[test]
fn fields_are_compared_one_after_the_other_and_what_is_not_set_comes_last() {
    assert!(order("").is_empty() && !order("lag").is_empty());
    assert_eq!(sorted(""), "abcd", "as they were");
    assert_eq!(sorted("name desc"), "dcba");
    assert_eq!(sorted("lag"), "adcb");
    assert_eq!(sorted("lag asc"), "adcb");
    assert_eq!(sorted(" lag  desc ,name desc"), "cdab");
    assert_eq!(sorted("made desc"), "bdca");
    assert_eq!(sorted("state,made"), "cabd");
}

#[test]
fn keys_stand_for_a_resource_s_place() {
    let order = order("lag desc,name,made,state,ready");
    let one = Thing { name: "1".to_owned(), lag: Some(5), ready: true, ..Thing::default() };
    let keys = order.keys(&one);
    assert_eq!(order.compare_to(&one, &keys), Ordering::Equal);
    let written: Vec<_> = keys.iter().map(Key::encode).collect();
    assert_eq!(written, ["n5", "s1", "", "", "btrue"]);
    let read: Option<Vec<_>> = written.iter().map(|text| Key::decode(text)).collect();
    assert_eq!(read.as_ref(), Some(&keys));
    let more = Thing { lag: Some(6), ..one.clone() };
    assert_eq!(order.compare_to(&more, &keys), Ordering::Less);
    assert_eq!(order.compare_to(&Thing { lag: None, ..one }, &keys), Ordering::Greater);
    for wrong in ["x", "n", "nx", "bmaybe", "é1"] {
        assert_eq!(Key::decode(wrong), None, "{wrong}");
    }
}

#[test]
fn what_is_no_order_is_refused_with_its_place() {
    for (text, at, words) in [
        (",", 0, "expected a field; found `,`"),
        ("lag,", 4, "expected a field; found the end"),
        ("lag down", 4, "expected `asc`, `desc`, `,` or the end; found `down`"),
        ("lag desc desc", 9, "found `desc`"),
        ("lag, size", 5, "`size` is no field"),
        ("tags", 0, "has no order"),
        ("labels.a", 0, "has no order"),
        ("lag,name,lag", 9, "twice"),
    ] {
        let invalid = Order::parse(text, &SCHEMA).expect_err(text);
        assert_eq!(invalid.at, at, "{text}: {invalid}");
        assert!(invalid.message.contains(words), "{text}: {invalid}");
    }
    assert!(SCHEMA.fields.len() <= MAX_KEYS, "or the limit could be met here");
}
