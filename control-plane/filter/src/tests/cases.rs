//! What expressions mean.

use super::*;

fn orders() -> Thing {
    Thing {
        name: "orders-eu".to_owned(),
        tags: vec!["a".to_owned(), "b/c".to_owned()],
        labels: [("env", "prod"), ("app.kubernetes.io/name", "shop"), ("a b", "*")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        lag: Some(70),
        made: Some(1_000_000_000),
        ready: false,
        state: 1,
    }
}

#[track_caller]
fn holds(expressions: &[&str]) {
    for text in expressions {
        assert!(filter(text).matches(&orders()), "{text}");
    }
}

#[track_caller]
fn fails(expressions: &[&str]) {
    for text in expressions {
        assert!(!filter(text).matches(&orders()), "{text}");
    }
}

#[test]
fn an_empty_filter_is_none() {
    for text in ["", "  ", "\n\t"] {
        assert_eq!(Filter::parse(text, &SCHEMA), Ok(None));
    }
}

#[test]
fn texts_are_equal_begin_end_or_have_a_part() {
    holds(&[
        "name = orders-eu",
        "name=\"orders-eu\"",
        "name : 'orders-eu'",
        "name = orders-*",
        "name = *-eu",
        "name = \"*ders*\"",
        "name = *",
        "name:*",
        "name != orders",
        "name >= orders",
        "name < p",
    ]);
    fails(&["name = orders", "name = \"orders-\\*\"", "name != orders-*", "name > p"]);
}

#[test]
fn a_value_may_have_what_times_addresses_and_paths_have() {
    let thing = Thing { name: "instances/i:9092,x".to_owned(), ..orders() };
    assert!(filter("name = \"instances/i:9092,x\"").matches(&thing));
    let thing = Thing { name: "instances/i:9092@x.y+z-1%".to_owned(), ..orders() };
    assert!(filter("name=instances/i:9092@x.y+z-1%").matches(&thing));
    let thing = Thing { name: "a\"b'c\\d*".to_owned(), ..orders() };
    assert!(filter(r#"name = "a\"b'c\\d\*""#).matches(&thing));
    assert!(filter(r#"name = 'a"b\'c\\d\*'"#).matches(&thing));
}

#[test]
fn of_a_list_one_has_to_be_equal() {
    holds(&["tags:a", "tags = a", "tags = b/*", "tags:*", "tags != c", "tags:a tags:b/c"]);
    fails(&["tags:c", "tags != a", "-tags:*"]);
}

#[test]
fn of_a_map_there_are_keys_and_their_values() {
    holds(&[
        "labels:env",
        "labels:'a b'",
        "labels.env:*",
        "labels.env = prod",
        "labels.env = p*",
        "labels.app.kubernetes.io/name = shop",
        "labels.'a b' = '\\*'",
        "labels.env > a",
        "labels.none != prod",
        "NOT labels.none:*",
    ]);
    fails(&["labels:none", "labels.env = dev", "labels.none = prod", "labels.none < z"]);
}

#[test]
fn numbers_times_and_names_are_compared_as_such() {
    holds(&[
        "lag = 70",
        "lag > 9",
        "lag >= \"70\"",
        "lag > -1",
        "lag < 340282366920938463463374607431768211",
        "lag:*",
        "made = 2001-09-09T01:46:40Z",
        "made < \"2001-09-09T03:46:40.5+02:00\"",
        "made > 2001-09-09T01:46:39.999999999Z",
        "ready = false",
        "ready != true",
        "state = RUNNING",
        "state = STATE_RUNNING",
        "state != FAILED",
    ]);
    fails(&["lag < 70", "made > 2002-01-01T00:00:00Z", "ready = true", "state = FAILED"]);
}

#[test]
fn what_is_not_set_is_equal_to_nothing() {
    let bare = Thing::default();
    for text in ["lag < 1", "lag >= 0", "name:*", "made:*", "state = UNSPECIFIED", "tags = ''"] {
        assert!(!filter(text).matches(&bare), "{text}");
    }
    for text in ["lag != 0", "-lag:*", "state != RUNNING", "name != x"] {
        assert!(filter(text).matches(&bare), "{text}");
    }
}

#[test]
fn or_binds_tighter_than_and() {
    fails(&["name:* OR lag:* AND ready = true", "lag = 1 AND name:* OR lag:*"]);
    holds(&[
        "(lag = 1 AND name:*) OR lag:*",
        "lag = 1 OR lag = 2 OR lag = 70 name:*",
        "NOT lag = 1 OR lag = 2",
        "-lag = 1 AND NOT (lag = 2)",
        "-(lag = 1 lag = 2)",
        "(((name:*)))",
        "lag=70 AND(name:*)",
    ]);
}
